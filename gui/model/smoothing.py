"""Exponential smoothing of a whole series, before anything is left out for drawing.

``s_n = sum_k a^(n-k) y_k / sum_k a^(n-k)`` over the finite samples ``k <= n``: the first value is
the first sample, without a bias towards zero, and a NaN leaves no mark.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_SMALLEST_POWER = 1e-100
_LONGEST_BLOCK = 512


class Smoothing:
    """A smoothed series that grows with its original.

    Parameters
    ----------
    weight
        ``a``, from 0 (nothing is smoothed) to below 1.
    """

    def __init__(self, weight: float) -> None:
        if not 0 <= weight < 1:
            raise ValueError(f"a smoothing of {weight} is not in 0 .. 1")
        self.weight = weight
        self._values = np.empty(64)
        self._length = 0
        self._sums = self._weights = 0.0

    def extend(self, series: Floats) -> Floats:
        """Return the smoothed series of ``series [n]``; only what is new is worked out."""
        new = series[self._length :]
        if len(new):
            finite = np.isfinite(new)
            sums, self._sums = fading_sums(np.where(finite, new, 0.0), self.weight, self._sums)
            weights, self._weights = fading_sums(finite.astype(float), self.weight, self._weights)
            with np.errstate(invalid="ignore", divide="ignore"):
                self._append(sums / weights)
        return self._values[: self._length]

    def _append(self, values: Floats) -> None:
        needed = self._length + len(values)
        if needed > len(self._values):
            room = np.empty(max(needed, 2 * len(self._values)))
            room[: self._length] = self._values[: self._length]
            self._values = room
        self._values[self._length : needed] = values
        self._length = needed


def fading_sums(series: Floats, weight: float, before: float) -> tuple[Floats, float]:
    """Return ``y_n = x_n + weight * y_(n-1)`` for every ``n``, and the last of them.

    Parameters
    ----------
    series
        ``x``, ``[n]``, at least one.
    weight
        From 0 to below 1.
    before
        ``y`` before the first.

    Blocks of the series are summed at once, ``sum_i x_i a^-i`` times ``a^k``, as long as the
    powers stay in range; only from block to block there is a loop.
    """
    if weight == 0:
        return series.copy(), float(series[-1])
    size = min(_LONGEST_BLOCK, max(int(math.log(_SMALLEST_POWER) / math.log(weight)), 1))
    blocks = -(-len(series) // size)
    padded = np.zeros(blocks * size)
    padded[: len(series)] = series
    powers = weight ** np.arange(size)
    sums = np.cumsum(padded.reshape(blocks, size) / powers, axis=1) * powers
    fade = weight * powers
    carried = before
    for block in sums:
        block += carried * fade
        carried = block[-1]
    flat = sums.reshape(-1)[: len(series)]
    return flat, float(flat[-1])
