"""Simulated laser."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from instruments.errors import InstrumentError
from instruments.limits import Limit
from instruments.opening import OpeningRequest
from sim_backends.simulated.settings import LaserSettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument
from sim_backends.simulated.twin_of_bench import main_laser


class SimulatedLaser(SimulatedInstrument):
    """The laser that all light of a twin comes from.

    Which one that is the bench file says: the absorber's, or the only one. Any other laser keeps
    its promises without lighting anything. Fields of the pump and the probe go with the root of
    the power; the references are taken as held at theirs.
    """

    kind: ClassVar[str] = "laser"
    Settings: ClassVar[type[LaserSettings]] = LaserSettings

    def __init__(self, request: OpeningRequest[LaserSettings]) -> None:
        own = request.settings
        super().__init__(
            request,
            {
                "detuning_hertz": Limit(-own.tuning, own.tuning, "Hz"),
                "power_watts": Limit(0.0, own.highest_power, "W"),
            },
        )
        self.wavelength_metres = own.wavelength or request.bench.optics.wavelength
        self._lock_seconds = own.lock_time
        self._nominal_watts = own.power
        self._watts = own.power
        self._detuning_hertz = 0.0
        self._enabled = False
        self._locked = False
        self._lights_twin = main_laser(request.bench) == self.name
        self._checked("power_watts", self._watts)
        self._checked("detuning_hertz", self._detuning_hertz)

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the laser, not emitting, its power set to the nominal one.

        Raises
        ------
        LimitError
            If the bench file's limits leave out the nominal power or the line itself.
        """
        return cls(request)

    def set_enabled(self, enabled: bool) -> None:
        """Switch the emission; off, the lock is lost."""
        self._check_open()
        self._switch(enabled)

    def enabled(self) -> bool:
        """Return whether it emits."""
        self._check_open()
        return self._enabled

    def set_power_watts(self, watts: float) -> None:
        """Set the power it gives when enabled."""
        self._watts = self._checked("power_watts", watts)
        self._tell()

    def power_watts(self) -> float:
        """Return the power it gives."""
        self._check_open()
        return self._watts if self._enabled else 0.0

    def set_detuning_hertz(self, hertz: float) -> None:
        """Set the frequency relative to the absorber's line; the lock follows."""
        self._detuning_hertz = self._checked("detuning_hertz", hertz)
        self._tell()

    def detuning_hertz(self) -> float:
        """Return the detuning."""
        self._check_open()
        return self._detuning_hertz

    def lock(self, timeout_seconds: float) -> None:
        """Lock at the present detuning; takes the twin's time."""
        self._check_open()
        if not self._enabled:
            raise InstrumentError(f"{self.name}: cannot lock without light; enable it first")
        if not self._locked:
            moment = self._clock.now() + self._lock_seconds
            self._wait_until(moment, timeout_seconds, "finding the lock")
        self._locked = True

    def locked(self) -> bool:
        """Return whether the frequency is locked."""
        self._check_open()
        return self._locked

    def _switch(self, enabled: bool) -> None:
        self._enabled = enabled
        self._locked = self._locked and enabled
        self._tell()

    def _tell(self) -> None:
        if self._lights_twin:
            self.twin.set_laser(
                enabled=self._enabled,
                detuning_hertz=self._detuning_hertz,
                relative_power=self._watts / self._nominal_watts,
            )

    def _go_safe(self) -> None:
        self._switch(False)
