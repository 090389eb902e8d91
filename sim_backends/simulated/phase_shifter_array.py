"""Simulated phase shifters of an integrated mesh."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from instruments.limits import Limit
from instruments.opening import OpeningRequest
from sim_backends.simulated.settings import PhaseShifterArraySettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument

Floats = npt.NDArray[np.float64]

# Time constants after which a phase counts as still: one part in a thousand is left.
_SETTLED_AFTER = 7.0


class SimulatedPhaseShifterArray(SimulatedInstrument):
    """Heaters in a row on their own, with the phases they make.

    The twin of a bench has no mesh in its light: ``phases_radians`` says what a mesh would see,
    thermal cross-talk and settling included.
    """

    kind: ClassVar[str] = "phase_shifter_array"
    Settings: ClassVar[type[PhaseShifterArraySettings]] = PhaseShifterArraySettings

    def __init__(self, request: OpeningRequest[PhaseShifterArraySettings]) -> None:
        own = request.settings
        super().__init__(
            request,
            {
                "heater_watts": Limit(0.0, own.highest, "W"),
                "total_watts": Limit(0.0, own.highest_total, "W"),
            },
        )
        self.channels = own.channels
        self.settling_seconds = _SETTLED_AFTER * own.time_constant
        self._time_constant = own.time_constant
        apart = np.abs(np.subtract.outer(np.arange(own.channels), np.arange(own.channels)))
        self._radians_per_watt = math.pi / own.half_wave_power * own.cross_talk**apart
        self._watts: Floats = np.zeros(own.channels)
        self._from: Floats = np.zeros(own.channels)
        self._since = self._clock.now()

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the heaters, cold."""
        return cls(request)

    def set_heater_watts(self, watts: npt.NDArray[np.floating]) -> None:
        """Set the heaters' powers ``[channels]``; errors as of the interface."""
        asked = self._checked_channels("heater_watts", watts, self.channels)
        self._checked("total_watts", float(asked.sum()))
        self._heat(asked)

    def heater_watts(self) -> Floats:
        """Return the powers ``[channels]``."""
        self._check_open()
        return self._watts.copy()

    def wait_until_settled(self, timeout_seconds: float) -> None:
        """Let the twin's time pass until the phases stand still."""
        self._check_open()
        self._wait_until(self._since + self.settling_seconds, timeout_seconds, "settling")

    def phases_radians(self) -> Floats:
        """Return the phases ``[channels]`` now."""
        left = math.exp((self._since - self._clock.now()) / self._time_constant)
        goal = self._radians_per_watt @ self._watts
        phases: Floats = goal + left * (self._from - goal)
        return phases

    def _heat(self, watts: Floats) -> None:
        self._from = self.phases_radians()
        self._since = self._clock.now()
        self._watts = watts

    def _go_safe(self) -> None:
        self._heat(np.zeros(self.channels))
