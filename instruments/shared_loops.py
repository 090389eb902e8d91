"""Compiled loops and matrix products that the cores of the processor share.

Work is divided into shares by rows, in a way that depends on its size and on the number of cores
alone: every row is worked out as on one core. Shares are handed out by oneTBB, which leaves a core
that is busy with something else alone: the others take over what would have been its share. (A
scheme that waits for all cores, as OpenMP does, took ten times as long as one core beside a single
other process.) Where oneTBB is missing, one core does everything.
"""

from __future__ import annotations

import ctypes
import logging
import types
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from typing import Any

import numba
from numba import njit

logger = logging.getLogger(__name__)

MOST_SHARES = 4
"""More would be too small to be worth handing out, for the matrices of a bench."""

LEAST_SHARE = 16384
"""Numbers a share holds at least: handing it out costs as much as working on a thousand."""

_LIBRARIES = ("libtbb.so.12", "tbb12.dll")
_PLAIN = {"error_model": "numpy", "fastmath": {"contract", "nsz"}, "cache": True}
# Nothing but the loops that say so: numba would share out single additions of rows, too.
_ONLY_MARKED = {
    "prange": True,
    "comprehension": False,
    "reduction": False,
    "inplace_binop": False,
    "setitem": False,
    "numpy": False,
    "stencil": False,
    "fusion": False,
}


class SharedLoop:
    """A loop over rows, compiled for one core and for several.

    Parameters
    ----------
    loop
        Takes the number of shares first and runs over ``prange(shares)``; ``rows_of`` gives the
        rows of each.

    Examples
    --------
    >>> @SharedLoop
    ... def double(shares, values, doubled):
    ...     for share in prange(shares):
    ...         first, last = rows_of(share, shares, len(values))
    ...         for row in range(first, last):
    ...             doubled[row] = 2 * values[row]
    >>> double(values.size, values, doubled)
    """

    def __init__(self, loop: Callable[..., Any]) -> None:
        self.__doc__ = loop.__doc__
        self._alone = njit(**_PLAIN)(loop)
        # Under a name of its own, since compiled code is stored by name.
        twin = types.FunctionType(loop.__code__, loop.__globals__, f"{loop.__name__}_shared")
        twin.__qualname__ = f"{loop.__qualname__}_shared"
        twin.__module__ = loop.__module__
        self._shared = njit(parallel=_ONLY_MARKED, **_PLAIN)(twin)

    def __call__(self, numbers: int, *arguments: Any) -> Any:
        """Run over all rows.

        Parameters
        ----------
        numbers
            How many numbers the loop works on, which says whether it is worth sharing.
        arguments
            What the loop takes besides the number of shares.
        """
        shares = shares_for(numbers)
        if shares == 1:
            return self._alone(1, *arguments)
        return self._shared(shares, *arguments)


@njit(inline="always")
def rows_of(share: int, shares: int, rows: int) -> tuple[int, int]:
    """Return the first row of a share, and the first that is no longer part of it."""
    return share * rows // shares, (share + 1) * rows // shares


def shares_for(numbers: int) -> int:
    """Return into how many shares work on so many numbers is divided."""
    if numbers < 2 * LEAST_SHARE:
        return 1
    return min(_cores(), MOST_SHARES, numbers // LEAST_SHARE)


@cache
def _cores() -> int:
    """Return how many cores can share work: 1 without oneTBB."""
    if not _tbb_is_loaded():
        return 1
    return int(numba.config.NUMBA_NUM_THREADS)


def _tbb_is_loaded() -> bool:
    """Load oneTBB from where pip puts it, which is not where loaders look for libraries."""
    try:
        installed = files("tbb") or []
    except PackageNotFoundError:
        return False
    for one in installed:
        if one.name in _LIBRARIES:
            try:
                ctypes.CDLL(str(one.locate()), mode=ctypes.RTLD_GLOBAL)
            except OSError as error:
                logger.info("loops stay on one core: %s", error)
                return False
            return True
    return False
