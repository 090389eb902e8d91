"""Minima and maxima of a growing series, so that drawing costs pixels and not data.

Level ``k`` holds the smallest and largest value of every ``16 * 2^k`` samples. A view takes the
coarsest level that still has a bin for every pixel, so the work is the same for a thousand
samples and for ten million, and no peak is ever hidden.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FIRST_BIN = 16


class Envelope(NamedTuple):
    """Extremes of a stretch of a series, bin by bin.

    Parameters
    ----------
    positions
        Index of the first sample of each bin.
    lows, highs
        Smallest and largest value of each bin; NaN where a bin holds nothing else.
    """

    positions: npt.NDArray[np.int64]
    lows: Floats
    highs: Floats

    def line(self) -> tuple[npt.NDArray[np.int64], Floats]:
        """Return positions and values of a line through every extreme."""
        if self.lows is self.highs:
            return self.positions, self.lows
        values = np.empty(2 * len(self.lows))
        # Alternating directions: no stroke crosses back over its bin.
        values[0::4], values[1::4] = self.lows[0::2], self.highs[0::2]
        values[2::4], values[3::4] = self.highs[1::2], self.lows[1::2]
        return np.repeat(self.positions, 2), values


class Pyramid:
    """Extremes of one series, kept up to date as it grows."""

    def __init__(self) -> None:
        self._lows: list[_Growing] = []
        self._highs: list[_Growing] = []

    def extend(self, values: Floats) -> None:
        """Take note of what is new in ``values [n]``, the series as it is now."""
        below_lows, below_highs = values, values
        size, level = FIRST_BIN, 0
        while len(below_lows) >= (2 if level else FIRST_BIN):
            if level == len(self._lows):
                self._lows.append(_Growing())
                self._highs.append(_Growing())
            step = 2 if level else FIRST_BIN
            lows, highs = self._lows[level], self._highs[level]
            done, complete = lows.length, len(below_lows) // step
            if complete > done:
                window = slice(done * step, complete * step)
                # fmin and fmax pass over NaN and give NaN only where there is nothing else.
                lows.append(np.fmin.reduce(below_lows[window].reshape(-1, step), axis=1))
                highs.append(np.fmax.reduce(below_highs[window].reshape(-1, step), axis=1))
            below_lows, below_highs = lows.view(), highs.view()
            size, level = size * 2, level + 1

    def truncate(self, length: int) -> None:
        """Forget every bin that reaches beyond ``length`` samples."""
        for level, (lows, highs) in enumerate(zip(self._lows, self._highs, strict=True)):
            kept = length // (FIRST_BIN << level)
            lows.truncate(kept)
            highs.truncate(kept)

    def envelope(self, values: Floats, start: int, stop: int, pixels: int) -> Envelope:
        """Return the extremes of ``values[start:stop]`` in one to two bins a pixel.

        Bins begin at multiples of their size, so that a curve does not change its shape as it
        moves. The last sample stands alone at the end.
        """
        start, stop = max(start, 0), min(stop, len(values))
        count = max(stop - start, 0)
        level = -1
        while count >= (FIRST_BIN << (level + 1)) * max(pixels, 1) and level + 1 < len(self._lows):
            level += 1
        if level < 0:
            stretch = values[start:stop]
            return Envelope(np.arange(start, start + len(stretch)), stretch, stretch)
        size = FIRST_BIN << level
        first, last = start // size, min(stop // size, self._lows[level].length)
        lows = self._lows[level].view()[first:last]
        highs = self._highs[level].view()[first:last]
        positions = np.arange(first, last, dtype=np.int64) * size
        tail = values[last * size : stop]
        if len(tail):
            positions = np.append(positions, (last * size, stop - 1))
            lows = np.append(lows, (np.fmin.reduce(tail), tail[-1]))
            highs = np.append(highs, (np.fmax.reduce(tail), tail[-1]))
        else:
            positions = np.append(positions, stop - 1)
            lows, highs = np.append(lows, values[stop - 1]), np.append(highs, values[stop - 1])
        return Envelope(positions, lows, highs)


class _Growing:
    """A float array that doubles its room when it is full."""

    def __init__(self) -> None:
        self._room = np.empty(64)
        self.length = 0

    def append(self, values: Floats) -> None:
        needed = self.length + len(values)
        if needed > len(self._room):
            room = np.empty(max(needed, 2 * len(self._room)))
            room[: self.length] = self._room[: self.length]
            self._room = room
        self._room[self.length : needed] = values
        self.length = needed

    def truncate(self, length: int) -> None:
        self.length = min(self.length, length)

    def view(self) -> Floats:
        return self._room[: self.length]
