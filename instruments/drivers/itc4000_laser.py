"""A laser diode on a Thorlabs ITC4000: current sets its power, temperature its frequency."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from instruments.drivers.connected_instrument import (
    ConnectedInstrument,
    each,
    open_boxes,
    refuse_other_models,
)
from instruments.drivers.thorlabs_itc4000 import (
    MODELS,
    itc4000,
    ramp,
    switch_diode_on,
    wait_for_temperature,
)
from instruments.errors import InstrumentError
from instruments.limits import Limit, check_value
from instruments.opening import OpeningRequest
from instruments.quantities import (
    Celsius,
    NonNegativeAmperes,
    NonNegativeSeconds,
    PositiveAmperes,
    PositiveAmperesPerSecond,
    PositiveHertz,
    PositiveKelvins,
    PositiveMetres,
    PositiveSeconds,
    PositiveWatts,
)
from instruments.transport.session import Session
from instruments.transport.shared_session import ConnectionSettings


class Itc4000LaserSettings(ConnectionSettings):
    """A single-mode diode (DFB or DBR) with its cooler.

    Attributes
    ----------
    wavelength
        On the absorber's line; by default the bench's.
    power, current_at_power
        The power the bench's fields are stated for, and the current that gives it.
    threshold_current
        Where it begins to emit; power is proportional to the current above it.
    highest_power
        The most it may give.
    line_temperature
        Where it is on the absorber's line at ``current_at_power``.
    tuning, tuning_span
        It can be detuned by ``tuning`` to either side: cooling by ``tuning_span`` raises the
        frequency by so much.
    ramp
        How fast the current is moved at most.
    settled_within, settled_for, settling_timeout
        When the temperature, and with it the frequency, counts as held.
    """

    wavelength: PositiveMetres | None = None
    power: PositiveWatts = 20e-3
    current_at_power: PositiveAmperes = 0.1
    threshold_current: NonNegativeAmperes = 0.03
    highest_power: PositiveWatts = 25e-3
    line_temperature: Celsius = 25.0
    tuning: PositiveHertz = 10e9
    tuning_span: PositiveKelvins = 0.4
    ramp: PositiveAmperesPerSecond = 1.0
    settled_within: PositiveKelvins = 0.02
    settled_for: NonNegativeSeconds = 1.0
    settling_timeout: PositiveSeconds = 120.0

    @property
    def watts_per_ampere(self) -> float:
        """Slope above the threshold."""
        return self.power / (self.current_at_power - self.threshold_current)

    @property
    def hertz_per_kelvin(self) -> float:
        """How the frequency goes with the temperature; it falls."""
        return -self.tuning / self.tuning_span


class Itc4000Laser(ConnectedInstrument):
    """A diode that is tuned and held by its temperature; there is no lock but that."""

    kind: ClassVar[str] = "laser"
    Settings: ClassVar[type[Itc4000LaserSettings]] = Itc4000LaserSettings
    models: ClassVar[tuple[str, ...]] = MODELS

    def __init__(self, request: OpeningRequest[Itc4000LaserSettings], session: Session) -> None:
        own = request.settings
        if own.current_at_power <= own.threshold_current:
            raise InstrumentError(
                f"{request.name}: settings.current_at_power of {own.current_at_power:g} A is not "
                f"above the threshold of {own.threshold_current:g} A"
            )
        self._box = itc4000(session)
        self._own = own
        limit = float(self._box.current_limit)
        reachable = own.watts_per_ampere * (limit - own.threshold_current)
        super().__init__(
            request,
            [session],
            {
                "detuning_hertz": Limit(-own.tuning, own.tuning, "Hz"),
                "power_watts": Limit(0.0, max(0.0, min(own.highest_power, reachable)), "W"),
            },
        )
        self.wavelength_metres = own.wavelength or request.bench.optics.wavelength
        self._watts = check_value(self.name, "power_watts", own.power, self._limits["power_watts"])
        self._detuning_hertz = 0.0
        self._is_to_be_on = False
        self._go_safe()
        self._configure()
        self._check_complaints()

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the laser, dark, its power set to the nominal one.

        Raises
        ------
        InstrumentError
            If the box does not answer, is of another family, or its current limit does not allow
            the nominal power.
        """
        (session,) = open_boxes(request, 1)
        try:
            refuse_other_models([session], cls.models)
            return cls(request, session)
        except BaseException:
            each([session], Session.close)
            raise

    def set_enabled(self, enabled: bool) -> None:
        """Hold the temperature, then let current flow; or ramp down and switch off."""
        self._check_open()
        if not enabled:
            self._is_to_be_on = False
            self._switch_off()
        elif not self.enabled():
            self._box.controller_on = True
            self._wait_for_temperature(self._own.settling_timeout)
            self._box.current = 0.0
            switch_diode_on(self._box, self._sessions[0])
            self._is_to_be_on = True
            self._ramp(0.0, self._current(self._watts))
            self._check_complaints()

    def enabled(self) -> bool:
        """Return whether the box says that current flows."""
        self._check_open()
        return bool(self._box.diode_on)

    def set_power_watts(self, watts: float) -> None:
        """Set the power it gives when enabled."""
        asked = self._checked("power_watts", watts)
        if self.enabled():
            self._ramp(self._current(self._watts), self._current(asked))
            self._check_complaints()
        self._watts = asked

    def power_watts(self) -> float:
        """Return the power that the measured current stands for."""
        self._check_open()
        above = float(self._box.measured_current) - self._own.threshold_current
        return max(0.0, above) * self._own.watts_per_ampere

    def set_detuning_hertz(self, hertz: float) -> None:
        """Change the temperature; while it emits, returns when that is reached."""
        asked = self._checked("detuning_hertz", hertz)
        self._detuning_hertz = asked
        self._set_target()
        if self.enabled():
            self._wait_for_temperature(self._own.settling_timeout)
        self._check_complaints()

    def detuning_hertz(self) -> float:
        """Return the detuning that the temperature it is set to stands for."""
        self._check_open()
        away = float(self._box.target) - self._own.line_temperature
        return away * self._own.hertz_per_kelvin

    def lock(self, timeout_seconds: float) -> None:
        """Wait until the temperature holds the frequency."""
        if not self.enabled():
            raise InstrumentError(f"{self.name}: cannot lock without light; enable it first")
        self._wait_for_temperature(timeout_seconds)

    def locked(self) -> bool:
        """Return whether it emits and its temperature is where it should be."""
        if not self.enabled():
            return False
        away = float(self._box.temperature) - float(self._box.target)
        return abs(away) <= self._own.settled_within

    def _configure(self) -> None:
        self._box.temperature_unit = "C"
        self._set_target()

    def _set_target(self) -> None:
        own = self._own
        self._box.target = own.line_temperature + self._detuning_hertz / own.hertz_per_kelvin

    def _restore(self, session: Session) -> None:
        """Tell the box its temperature; light that has gone out is not lit again."""
        self._configure()
        if self._is_to_be_on and not self._box.diode_on:
            raise self._not_as_it_was(session)

    def _current(self, watts: float) -> float:
        if watts == self._own.power:
            return self._own.current_at_power
        return self._own.threshold_current + watts / self._own.watts_per_ampere

    def _wait_for_temperature(self, timeout_seconds: float) -> None:
        own = self._own
        wait_for_temperature(
            self._box, self._sessions[0], own.settled_within, own.settled_for, timeout_seconds
        )

    def _ramp(self, begin: float, end: float) -> None:
        ramp([self._box], np.array([begin]), np.array([end]), self._own.ramp, self._clock)

    def _switch_off(self) -> None:
        if self._box.diode_on:
            self._ramp(float(self._box.current), 0.0)
        self._box.diode_on = False
        self._box.current = 0.0

    def _go_safe(self) -> None:
        self._is_to_be_on = False
        try:
            self._switch_off()
        except BaseException:
            self._box.diode_on = False
            raise
