"""Simulated temperature controller."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

from instruments.errors import InstrumentError
from instruments.limits import Limit
from instruments.opening import OpeningRequest
from sim_backends.simulated.settings import TemperatureControllerSettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument
from sim_backends.simulated.trigger_line import shared_trigger_line


class SimulatedTemperatureController(SimulatedInstrument):
    """A controller whose temperature relaxes to its target, or to the ambient when it is off.

    The one the bench file names as the absorber's oven sets the twin's optical depth. Within
    ``settled_within`` of the target it holds the target exactly.
    """

    kind: ClassVar[str] = "temperature_controller"
    Settings: ClassVar[type[TemperatureControllerSettings]] = TemperatureControllerSettings

    def __init__(self, request: OpeningRequest[TemperatureControllerSettings]) -> None:
        own = request.settings
        super().__init__(request, {"temperature_celsius": Limit(own.lowest, own.highest, "degC")})
        self._own = own
        allowed = self._limits["temperature_celsius"]
        self._target = min(max(own.ambient, allowed.low), allowed.high)
        self._enabled = False
        # Where the present relaxation began, and when.
        self._from = own.ambient
        self._since = self._clock.now()
        self._told = own.ambient
        absorber = request.bench.absorber
        self._heats_cell = absorber is not None and absorber.oven == self.name
        if self._heats_cell:
            shared_trigger_line(request).outputs[self.name] = self

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the controller, off, at the ambient temperature."""
        return cls(request)

    def set_temperature_celsius(self, celsius: float) -> None:
        """Set the target; does not wait."""
        target = self._checked("temperature_celsius", celsius)
        self._turn_to(target, self._enabled)

    def target_celsius(self) -> float:
        """Return the target."""
        self._check_open()
        return self._target

    def temperature_celsius(self) -> float:
        """Return the temperature now."""
        self._check_open()
        return self._now()

    def set_enabled(self, enabled: bool) -> None:
        """Switch the control on or off."""
        self._check_open()
        self._turn_to(self._target, enabled)

    def enabled(self) -> bool:
        """Return whether the control is on."""
        self._check_open()
        return self._enabled

    def wait_until_settled(self, timeout_seconds: float) -> None:
        """Let the twin's time pass until the target is reached."""
        self._check_open()
        if not self._enabled:
            raise InstrumentError(f"{self.name}: the control is off; enable it first")
        away = abs(self._from - self._target) / self._own.settled_within
        if away > 1:
            moment = self._since + self._own.time_constant * math.log(away)
            self._wait_until(moment, timeout_seconds, f"reaching {self._target:g} degC")
        self._from = self._target
        self.before_shots(0)

    def before_shots(self, shots: int) -> None:
        """Show the twin how warm the cell is."""
        now = self._now()
        if self._heats_cell and now != self._told:
            self._told = now
            self.twin.set_oven(now)

    def _goal(self) -> float:
        return self._target if self._enabled else self._own.ambient

    def _now(self) -> float:
        goal = self._goal()
        if self._from == goal:
            return goal
        elapsed = self._clock.now() - self._since
        now = goal + (self._from - goal) * math.exp(-elapsed / self._own.time_constant)
        if abs(now - goal) <= self._own.settled_within:
            self._from = goal
            return goal
        return now

    def _turn_to(self, target: float, enabled: bool) -> None:
        self._from = self._now()
        self._since = self._clock.now()
        self._target = target
        self._enabled = enabled

    def _go_safe(self) -> None:
        self._turn_to(self._target, False)
