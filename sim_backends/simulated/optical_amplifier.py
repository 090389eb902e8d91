"""Simulated optical amplifiers."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from instruments.limits import Limit
from instruments.opening import OpeningRequest
from sim_backends.simulated.settings import OpticalAmplifierSettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument

Readings = npt.NDArray[np.float64]


class SimulatedOpticalAmplifier(SimulatedInstrument):
    """Amplifiers of one stage of a twin. Ramps take the twin's time.

    There is no power monitor; the chips' temperature is that of their coolers.
    """

    kind: ClassVar[str] = "optical_amplifier"
    Settings: ClassVar[type[OpticalAmplifierSettings]] = OpticalAmplifierSettings

    def __init__(self, request: OpeningRequest[OpticalAmplifierSettings]) -> None:
        own = request.settings
        super().__init__(request, {"current_amperes": Limit(0.0, own.current_limit, "A")})
        self.channels = own.channels
        self.ramp_amperes_per_second = own.ramp
        self._current_limit = own.current_limit
        self._celsius = own.temperature
        self._currents = np.zeros(own.channels)
        self._enabled = False

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the amplifiers, disabled and at no current."""
        return cls(request)

    def current_limits_amperes(self) -> Readings:
        """Return the drivers' own current limits ``[channels]``."""
        self._check_open()
        return np.full(self.channels, self._current_limit)

    def set_currents_amperes(self, amperes: npt.NDArray[np.floating]) -> None:
        """Ramp to currents ``[channels]``; errors as of the interface."""
        asked = self._checked_channels("current_amperes", amperes, self.channels)
        if self._enabled:
            self._ramp(asked - self._currents)
        self._currents = asked
        self._tell()

    def currents_amperes(self) -> Readings:
        """Return the currents ``[channels]`` that flow."""
        self._check_open()
        return self._currents * self._enabled

    def temperatures_celsius(self) -> Readings:
        """Return the chips' temperatures ``[channels]``."""
        self._check_open()
        return np.full(self.channels, self._celsius)

    def powers_watts(self) -> Readings:
        """Return NaN ``[channels]``: there are no monitors."""
        self._check_open()
        return np.full(self.channels, np.nan)

    def set_enabled(self, enabled: bool) -> None:
        """Switch on or off, ramping."""
        self._check_open()
        if enabled != self._enabled:
            self._ramp(self._currents)
        self._enabled = enabled
        self._tell()

    def enabled(self) -> bool:
        """Return whether current can flow."""
        self._check_open()
        return self._enabled

    def _ramp(self, change: Readings) -> None:
        self._clock.wait(float(np.abs(change).max()) / self.ramp_amperes_per_second)

    def _tell(self) -> None:
        if self.name in self.twin.amplifiers:
            self.twin.set_current(self.name, self._currents, enabled=self._enabled)

    def _go_safe(self) -> None:
        if self._enabled:
            self._ramp(self._currents)
        self._currents = np.zeros(self.channels)
        self._enabled = False
        self._tell()
