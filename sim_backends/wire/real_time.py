"""The time of a twin that programs talk to which know no clock but the one on the wall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instruments.clock import Clock, WallClock

if TYPE_CHECKING:
    from sim_backends.twin.clock import SimulatedClock


class RealTime:
    """Lets a twin's time pass as fast as real time, on top of what shots and waits take of it.

    Without it a program that sleeps until an oven is warm or a record complete would sleep for
    ever.

    Parameters
    ----------
    clock
        The twin's.
    wall
        Real time.
    """

    def __init__(self, clock: SimulatedClock, wall: Clock | None = None) -> None:
        self._clock = clock
        self._wall = WallClock() if wall is None else wall
        self._seen = self._wall.now()

    def catch_up(self) -> None:
        """Let as much time pass as has since the last time."""
        now = self._wall.now()
        self._clock.wait(now - self._seen)
        self._seen = now
