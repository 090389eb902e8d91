"""A window that is no window: pictures are kept, and appear at the refreshes of a clock by hand."""

from __future__ import annotations

import math

from instruments.display.screens import Screen

REFRESH = 1 / 60


class ClockByHand:
    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return self.seconds

    def wait(self, seconds):
        self.seconds += max(0.0, seconds)


class WindowInMemory:
    """Every picture is on at the first free refresh after it was handed over.

    ``busy_refreshes`` go by, at the places named, without their picture.
    """

    def __init__(self, rows, columns, clock, busy_refreshes=()):
        self.screen = Screen("HDMI-1", "ACME", "DMD", "1", rows, columns, 1 / REFRESH)
        self.pictures = []
        self.times = []
        self.closed = False
        self._clock = clock
        self._busy = set(busy_refreshes)

    def show(self, picture):
        first = math.floor(self._clock.now() / REFRESH) + 1
        last = round(self.times[-1] / REFRESH) if self.times else 0
        refresh = max(first, last + 1)
        if len(self.pictures) in self._busy:
            refresh += 1
        self.pictures.append(picture.copy())
        self.times.append(refresh * REFRESH)

    def shown_at_seconds(self):
        return self.times[-1] if self.times else None

    def latest_times_seconds(self, count):
        return self.times[-count:]

    def wait_until_shown(self, timeout_seconds):
        if self.times:
            self._clock.wait(self.times[-1] - self._clock.now())

    def close(self):
        self.closed = True
