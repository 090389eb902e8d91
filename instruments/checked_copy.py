"""Copies of values that are checked on the way: what is large is gone through once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

_COMPILED = (np.dtype(np.float32), np.dtype(np.float64))


def copied_within(
    low: float, high: float, values: npt.NDArray[Any], copied: npt.NDArray[np.float32]
) -> bool:
    """Copy ``values [m, n]``; return whether all copies lie within ``low`` to ``high``.

    Not-a-number lies nowhere. Bounds are rounded to single precision, as the copies are.
    """
    if values.dtype not in _COMPILED:
        # Half precision, whole numbers, bytes the other way round: not worth loops of their own.
        values = values.astype(np.float32, casting="same_kind")
    within: bool = _copied_within(low, high, values, copied)
    return within


@njit(cache=True)
def _copied_within(
    low: float, high: float, values: npt.NDArray[Any], copied: npt.NDArray[np.float32]
) -> bool:
    lowest, highest = np.float32(low), np.float32(high)
    within = True
    rows, columns = values.shape
    for row in range(rows):
        for column in range(columns):
            value = np.float32(values[row, column])
            within &= bool((lowest <= value) & (value <= highest))
            copied[row, column] = value
    return within
