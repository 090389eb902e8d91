"""Exponential smoothing of a whole series, before anything is left out for drawing.

``s_n = sum_k a^(n-k) y_k / sum_k a^(n-k)`` over the finite samples ``k <= n``: the first value is
the first sample, without a bias towards zero, and a NaN leaves no mark.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

Floats = npt.NDArray[np.float64]


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
        self._state = np.zeros((2, 1))

    def extend(self, series: Floats) -> Floats:
        """Return the smoothed series of ``series [n]``; only what is new is worked out."""
        new = series[self._length :]
        if len(new):
            finite = np.isfinite(new)
            filters = [1.0 - self.weight], [1.0, -self.weight]
            sums, self._state[0] = lfilter(*filters, np.where(finite, new, 0.0), zi=self._state[0])
            weights, self._state[1] = lfilter(*filters, finite.astype(float), zi=self._state[1])
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
