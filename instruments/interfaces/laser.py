"""Laser with a detuning from the absorber's line and a lock."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from instruments.interfaces.instrument import Instrument


@runtime_checkable
class Laser(Instrument, Protocol):
    """A laser of one arm of light.

    Limits: ``detuning_hertz``; ``power_watts``. Safe state: emission off.
    """

    @property
    def wavelength_metres(self) -> float:
        """Vacuum wavelength at zero detuning."""
        ...

    def set_enabled(self, enabled: bool) -> None:
        """Switch the emission; ``InstrumentError`` if an interlock refuses."""
        ...

    def enabled(self) -> bool:
        """Return whether it emits, as the laser says."""
        ...

    def set_power_watts(self, watts: float) -> None:
        """Set the power it gives when enabled; ``LimitError`` if it cannot."""
        ...

    def power_watts(self) -> float:
        """Return the power it gives, by its own monitor; zero while disabled."""
        ...

    def set_detuning_hertz(self, hertz: float) -> None:
        """Set the optical frequency relative to the line; ``LimitError`` if it cannot.

        A lock is given up by a detuning it cannot follow; ask ``locked`` afterwards.
        """
        ...

    def detuning_hertz(self) -> float:
        """Return the detuning last set."""
        ...

    def lock(self, timeout_seconds: float) -> None:
        """Lock the frequency at the present detuning.

        Raises
        ------
        InstrumentTimeoutError
            If the lock is not found in time.
        InstrumentError
            If it does not emit.
        """
        ...

    def locked(self) -> bool:
        """Return whether the frequency is locked now; never so while disabled."""
        ...
