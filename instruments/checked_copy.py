"""Copies of values that are checked on the way: what is large is gone through once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit


@njit(cache=True)
def copied_within(
    low: float, high: float, values: npt.NDArray[Any], copied: npt.NDArray[np.float32]
) -> bool:
    """Copy ``values [m, n]``; return whether all copies lie within ``low`` to ``high``.

    Not-a-number lies nowhere. Bounds are rounded to single precision, as the copies are.
    """
    lowest, highest = np.float32(low), np.float32(high)
    within = True
    rows, columns = values.shape
    for row in range(rows):
        for column in range(columns):
            value = np.float32(values[row, column])
            within &= bool((lowest <= value) & (value <= highest))
            copied[row, column] = value
    return within
