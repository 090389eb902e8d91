"""Values that are checked, and copied on the way: what is large is gone through once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from instruments.shared_loops import SharedLoop, rows_of

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
    return bool(_copied_within(values.size, low, high, values, copied) == 0)


def is_finite(values: npt.NDArray[Any]) -> bool:
    """Return whether all of ``values [m, n]`` are numbers, and finite ones."""
    if values.dtype not in _COMPILED or not values.flags.c_contiguous:
        return bool(np.isfinite(values).all())
    return bool(_rows_not_finite(values.size, values) == 0)


@SharedLoop
def _rows_not_finite(shares: int, values: npt.NDArray[Any]) -> int:
    rows = 0
    for share in prange(shares):
        first, last = rows_of(share, shares, len(values))
        for row in range(first, last):
            finite = True
            for value in values[row]:
                finite &= bool(abs(value) < np.inf)
            rows += not finite
    return rows


@SharedLoop
def _copied_within(
    shares: int,
    low: float,
    high: float,
    values: npt.NDArray[Any],
    copied: npt.NDArray[np.float32],
) -> int:
    """Return how many rows hold something beyond."""
    beyond = 0
    for share in prange(shares):
        first, last = rows_of(share, shares, len(values))
        beyond += _copy_rows(first, last, low, high, values, copied)
    return beyond


@njit(cache=True, forceinline=True)
def _copy_rows(
    first: int,
    last: int,
    low: float,
    high: float,
    values: npt.NDArray[Any],
    copied: npt.NDArray[np.float32],
) -> int:
    lowest, highest = np.float32(low), np.float32(high)
    beyond = 0
    for row in range(first, last):
        within = True
        for column in range(values.shape[1]):
            value = np.float32(values[row, column])
            within &= bool((lowest <= value) & (value <= highest))
            copied[row, column] = value
        beyond += not within
    return beyond
