"""Optical power meter: the only way from the bench's own units to watts."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from instruments.interfaces.instrument import Instrument


@runtime_checkable
class PowerMeter(Instrument, Protocol):
    """A power meter with one sensor.

    Limits: ``wavelength_metres``; ``power_watts``, the range of readings that mean something.
    Safe state: as it is.
    """

    def wavelength_metres(self) -> float:
        """Return the wavelength the reading is corrected for."""
        ...

    def set_wavelength_metres(self, metres: float) -> None:
        """Set the wavelength the reading is corrected for; ``LimitError`` if it cannot."""
        ...

    def read_watts(self, averages: int = 1) -> float:
        """Return the mean of ``averages`` readings; ``InstrumentError`` if it is overloaded."""
        ...
