r"""What the fields of an emitter's channels are scaled by, whatever it is that modulates them.

A channel sends a share ``s`` of its largest amplitude, and whatever passes beside that,

.. math:: E = E_{full}\, s + E_0 .
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instruments.calibration.table import Values

Fields = npt.NDArray[np.float32]


class FieldScales:
    """Scales of the channels of an emitter.

    Parameters
    ----------
    field_at_full
        ``[n]`` field at the largest amplitude in saturation fields, either sign. 0 marks a dead
        channel: whatever is asked of it, its share is 0.
    offset
        ``[n]`` field that is there at any share.

    Attributes
    ----------
    rest
        ``[n]`` shares at which there is no field; beyond 1 where that cannot be.
    slope, shift
        ``[n]`` float32: the share for a field is ``slope * field + shift``.
    """

    def __init__(self, field_at_full: Values, offset: Values) -> None:
        self._field_at_full = field_at_full
        self._offset = offset
        inverse = np.zeros(field_at_full.shape)
        np.divide(1.0, field_at_full, out=inverse, where=field_at_full != 0.0)
        self.rest: Values = -offset * inverse
        self.slope: Fields = inverse.astype(np.float32)
        self.shift: Fields = self.rest.astype(np.float32)

    def fields(self, shares: Values) -> Fields:
        """Return the fields ``[..., n]`` of shares ``[..., n]``."""
        return self._exact(shares).astype(np.float32)

    def bounds(self, shares: Values) -> tuple[Values, Values]:
        """Return the lowest and highest field ``[n]`` among shares ``[k, n]`` or ``[k, 1]``."""
        fields = self._exact(shares)
        return fields.min(axis=0), fields.max(axis=0)

    def _exact(self, shares: Values) -> Values:
        exact: Values = self._field_at_full * shares + self._offset
        return exact
