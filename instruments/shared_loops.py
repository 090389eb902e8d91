"""Compiled loops that the cores of the processor share.

Work is divided into shares by rows, in a way that depends on its size and on the number of cores
alone, and every row is worked out as on one core. Loops are shared within ``shared_by_all_cores``;
elsewhere one core does everything.
"""

from __future__ import annotations

import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numba
from numba import njit
from threadpoolctl import threadpool_limits

from instruments.loop_helpers import MOST_HELPERS, loop_helpers

LEAST_SHARE = 4_000
"""Numbers a share holds at least: some 4 us of work. Handing shares out takes 1."""

LEAST_WEIGHTS = 20_000
"""Weights of a network or a bench whose loops are shared. The second form of a loop takes seconds
to compile: the first run of a small bench, which takes seconds anyway, should not wait for it."""

# Nothing but the loops that say so: numba would share out single additions of rows, too.
_MARKED_LOOPS: Any = {
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
    """A loop compiled for one core and for several; a decorator.

    Functions it calls have to be compiled with ``forceinline=True``. Without it, a loop just
    compiled and the same loop loaded from numba's cache call two differently optimised copies, and
    runs from the same seed differ in their last digits.

    Parameters
    ----------
    loop
        Takes the number of shares first and runs over ``prange(shares)``; ``rows_of`` gives the
        rows of each. May return what it counts over all shares.

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
        self._alone = _compiled(loop, parallel=False)
        # Under a name of its own, since compiled code is kept by name.
        again = types.FunctionType(loop.__code__, loop.__globals__, f"{loop.__name__}_shared")
        again.__qualname__ = f"{loop.__qualname__}_shared"
        again.__module__ = loop.__module__
        self._shared = _compiled(again, parallel=_MARKED_LOOPS)

    def __call__(self, numbers: int, *arguments: Any) -> Any:
        """Run over all rows and return what the loop returns.

        Parameters
        ----------
        numbers
            How many numbers the loop works on, which says whether it is worth sharing.
        arguments
            What the loop takes besides the number of shares.
        """
        # Most loops are small: they go without a question.
        shares = shares_for(numbers) if numbers >= 2 * LEAST_SHARE else 1
        return self._shared(shares, *arguments) if shares > 1 else self._alone(1, *arguments)


def shares_for(numbers: int) -> int:
    """Return how many shares a loop over so many numbers is divided into now."""
    # Asked some forty times a minibatch: comparisons are quicker than min and max.
    worthwhile, available = numbers // LEAST_SHARE, cores()
    fewer = worthwhile if worthwhile < available else available
    return fewer if fewer > 1 else 1


def _compiled(loop: Callable[..., Any], parallel: Any) -> Callable[..., Any]:
    compile_loop = njit(
        parallel=parallel, cache=True, error_model="numpy", fastmath={"contract", "nsz"}
    )
    compiled: Callable[..., Any] = compile_loop(loop)
    return compiled


@njit(inline="always")
def rows_of(share: int, shares: int, rows: int) -> tuple[int, int]:
    """Return the first row of a share, and the first that is no longer part of it."""
    return share * rows // shares, (share + 1) * rows // shares


@contextmanager
def shared_by_all_cores(weights: int) -> Iterator[None]:
    """Have loops shared by all cores within the ``with`` block, or by ``NUMBA_NUM_THREADS``.

    Libraries of linear algebra use one thread each there: their matrices are small, and the cores
    are taken.

    Parameters
    ----------
    weights
        How many a network or a bench has; one core does everything below ``LEAST_WEIGHTS``.
    """
    helpers = most_cores() - 1 if weights >= LEAST_WEIGHTS else 0
    with _libraries().on_one_thread(), loop_helpers().helping(helpers):
        yield


class _Libraries:
    """Libraries of linear algebra, kept to one thread as long as anybody shares loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: set[object] = set()
        self._limits: Any = None

    @contextmanager
    def on_one_thread(self) -> Iterator[None]:
        """Have them use one thread each within the ``with`` block."""
        user = object()
        try:
            with self._lock:
                self._users.add(user)
                if self._limits is None:
                    self._limits = threadpool_limits(1, user_api="blas")
            yield
        finally:
            with self._lock:
                self._users.discard(user)
                if not self._users and self._limits is not None:
                    self._limits.restore_original_limits()
                    self._limits = None


@cache
def _libraries() -> _Libraries:
    """Return those of this process."""
    return _Libraries()


def cores() -> int:
    """Return how many cores share loops now."""
    return 1 + loop_helpers().at_hand


def most_cores() -> int:
    """Return how many cores share loops within ``shared_by_all_cores``."""
    settings: Any = numba.config
    return min(1 + MOST_HELPERS, int(settings.NUMBA_NUM_THREADS))
