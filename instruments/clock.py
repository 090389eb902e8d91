"""The time an instrument's driver waits by: the laboratory's, or that of a simulated bench."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """A clock that can be waited by. Drivers know no other."""

    def now(self) -> float:
        """Return seconds since some moment."""
        ...

    def wait(self, seconds: float) -> None:
        """Return so many seconds later."""
        ...


class WallClock:
    """The laboratory's time."""

    def now(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(max(0.0, seconds))


def wait_for(
    is_so: Callable[[], bool], clock: Clock, timeout_seconds: float, interval_seconds: float
) -> bool:
    """Ask again and again until something is so; return whether it became so in time.

    It is asked once at least, and a last time when the time is over.
    """
    until = clock.now() + timeout_seconds
    while not is_so():
        left = until - clock.now()
        if left <= 0:
            return False
        clock.wait(min(interval_seconds, left))
    return True
