"""What a saturable absorber was measured to do to the light of each neuron."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from instruments.calibration.table import CalibrationTable, Provenance, Values

Model = Literal["eq4", "propagated", "empirical"]

MODELS: tuple[Model, ...] = ("eq4", "propagated", "empirical")


class AbsorberTable(CalibrationTable):
    """Field transmission against field, measured, and the model that fits it, if one does.

    Parameters
    ----------
    fields
        ``[k]`` rising fields from 0, in saturation fields.
    transmission
        ``[n, k]`` field transmission of the medium at each neuron, not falling with the field for
        an absorber; ``[k]`` where all are alike.
    model
        Place in ``MODELS`` of the model that was accepted: 0 for Eq. 4 of arXiv:1912.12256, 1 for
        the propagated two-level medium, 2 for neither, where the curve stands for itself.
    optical_depth
        ``[n]`` fitted depths (negative: gain); 0 where no model was accepted.
    provenance, covariance
        See ``CalibrationTable``.

    Raises
    ------
    CalibrationError
        If the arrays do not fit each other or hold infinities.
    """

    kind = "absorber"
    required = frozenset({"fields", "transmission", "model", "optical_depth"})

    def __init__(
        self,
        fields: npt.ArrayLike,
        transmission: npt.ArrayLike,
        model: int,
        optical_depth: npt.ArrayLike,
        *,
        provenance: Provenance,
        covariance: Mapping[str, npt.ArrayLike] | None = None,
    ) -> None:
        self.provenance = provenance
        curves = np.atleast_2d(np.asarray(transmission, np.float64))
        self.fields: Values = self.finite("fields", fields, (curves.shape[1],))
        self.transmission: Values = self.finite("transmission", curves, curves.shape)
        self.optical_depth: Values = self.finite("optical_depth", optical_depth, (len(curves),))
        if int(model) not in range(len(MODELS)):
            raise self.wrong(f"model {model}; it is 0 to {len(MODELS) - 1}")
        self.model: Model = MODELS[int(model)]
        if len(self.fields) < 2 or not (np.diff(self.fields) > 0.0).all():
            raise self.wrong("its fields do not rise from point to point")
        super().__init__(
            {
                "fields": self.fields,
                "transmission": self.transmission,
                "model": np.array(int(model)),
                "optical_depth": self.optical_depth,
            },
            provenance,
            covariance,
        )
        self._curve = PchipInterpolator(self.fields, self.transmission, axis=1)

    @property
    def neurons(self) -> int:
        """How many neurons have a curve of their own."""
        return len(self.transmission)

    def passed(self, fields: npt.ArrayLike) -> Values:
        """Return what fields ``[B, n]`` become; beyond the measured ones the last value holds."""
        given = np.asarray(fields, np.float64)
        sizes = np.clip(np.abs(given), self.fields[0], self.fields[-1])
        # Every neuron on its own curve: cubics of what lies beyond the point before.
        own = np.minimum(np.arange(given.shape[1]), self.neurons - 1)
        place = np.searchsorted(self.fields[1:-1], sizes, side="right")
        beyond = sizes - self.fields[place]
        passed = np.zeros_like(given)
        for power in self._curve.c:
            passed *= beyond
            passed += power[place, own]
        passed *= given
        return passed
