"""The time of a simulated bench: it passes when instruments wait or shots are taken."""

from __future__ import annotations


class SimulatedClock:
    """Seconds since the bench was switched on. Nothing in a twin looks at any other clock."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        """Return the time in seconds."""
        return self.seconds

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += max(0.0, seconds)

    def wait_until(self, moment: float) -> None:
        """Let time pass until ``moment``, or none if that is past."""
        self.seconds = max(self.seconds, moment)
