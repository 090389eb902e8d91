"""Trigger source: the one instrument that makes the others take their shots."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from instruments.interfaces.instrument import Instrument


@runtime_checkable
class TriggerSource(Instrument, Protocol):
    """Master of the shots. Edges, delays and exposure windows are settings of its driver.

    Limits: ``shots``; ``period_seconds``. Safe state: stopped.
    """

    def period_seconds(self) -> float:
        """Return the time from one shot to the next."""
        ...

    def set_period_seconds(self, seconds: float) -> None:
        """Set the time from one shot to the next.

        Raises
        ------
        LimitError
            If it is outside the limits.
        SequenceError
            If shots are under way.
        """
        ...

    def fire(self, shots: int) -> None:
        """Start ``shots`` triggers and return; everything else has to be armed by now.

        Raises
        ------
        LimitError
            If ``shots`` is outside the limits.
        SequenceError
            If shots are under way.
        """
        ...

    def wait_until_done(self, timeout_seconds: float) -> None:
        """Return when the last shot is over, at once if none is under way.

        Raises
        ------
        InstrumentTimeoutError
            If it is not over in time; the shots go on.
        """
        ...

    def stop(self) -> None:
        """Fire no further shot."""
        ...
