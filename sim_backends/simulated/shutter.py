"""Simulated shutter."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from instruments.opening import OpeningRequest
from sim_backends.simulated.settings import ShutterSettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument


class SimulatedShutter(SimulatedInstrument):
    """The shutter of the arm of a twin's light that the bench file's arms section names."""

    kind: ClassVar[str] = "shutter"
    Settings: ClassVar[type[ShutterSettings]] = ShutterSettings

    def __init__(self, request: OpeningRequest[ShutterSettings]) -> None:
        super().__init__(request, {})
        self.travel_seconds = request.settings.travel
        self._is_open = False

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the shutter, shut."""
        return cls(request)

    def set_open(self, is_open: bool) -> None:
        """Open or shut, in the twin's time."""
        self._check_open()
        self._move(is_open)

    def is_open(self) -> bool:
        """Return whether light can pass."""
        self._check_open()
        return self._is_open

    def _move(self, is_open: bool) -> None:
        if is_open != self._is_open:
            self._clock.wait(self.travel_seconds)
        self._is_open = is_open
        self.twin.set_shutter(self.name, is_open)

    def _go_safe(self) -> None:
        self._move(False)
