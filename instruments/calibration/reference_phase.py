"""Where the actuators of the reference phases stand in operation, and how far a volt turns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from instruments.calibration.table import CalibrationTable, Provenance, Values


class ReferencePhaseTable(CalibrationTable):
    """Rest position and slope of every actuator.

    Parameters
    ----------
    rest_volts
        ``[n]`` at which the references are in phase with the network's real axis.
    radians_per_volt
        ``[n]`` by which a volt turns them.
    provenance, covariance
        See ``CalibrationTable``.

    Raises
    ------
    CalibrationError
        If the arrays differ in length, hold infinities, or a slope is not above 0.
    """

    kind = "reference phase"
    required = frozenset({"rest_volts", "radians_per_volt"})

    def __init__(
        self,
        rest_volts: npt.ArrayLike,
        radians_per_volt: npt.ArrayLike,
        *,
        provenance: Provenance,
        covariance: Mapping[str, npt.ArrayLike] | None = None,
    ) -> None:
        self.provenance = provenance
        shape = (np.size(np.asarray(rest_volts)),)
        self.rest_volts: Values = self.finite("rest_volts", rest_volts, shape)
        self.radians_per_volt: Values = self.finite("radians_per_volt", radians_per_volt, shape)
        if not (self.radians_per_volt > 0.0).all():
            raise self.wrong("a volt has to turn the phase forward")
        super().__init__(
            {"rest_volts": self.rest_volts, "radians_per_volt": self.radians_per_volt},
            provenance,
            covariance,
        )

    @property
    def channels(self) -> int:
        """How many actuators there are."""
        return self.rest_volts.size
