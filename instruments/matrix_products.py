"""Products of fields with matrices, shared among the cores of the processor.

Matrices of a minibatch are too small for a library of linear algebra to divide well. Here whole
products are divided, each done by the library on one core. That takes a library that has been told
to use one thread (``threadpool_limits(1, user_api="blas")``); otherwise it is left to itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numba import prange
from scipy.linalg import cython_blas  # noqa: F401  (the library compiled products call)
from threadpoolctl import ThreadpoolController

from instruments.network import Array
from instruments.shared_loops import SharedLoop, is_worth_sharing, rows_of

_WORTH = 32
"""Multiplications of a matrix product that take as long as one number of a plain loop."""


def mean_outer_product(errors: Array, activations: Array) -> Array:
    """Return ``errors.T @ activations / B``, ``[M, N]``, for ``[B, M]`` and ``[B, N]``."""
    outputs = errors.shape[1]
    means = np.empty((outputs, activations.shape[1]), np.float32)
    work = work_of_products(outputs, activations)
    _outer(work, np.ascontiguousarray(errors), np.ascontiguousarray(activations), means)
    return means


def work_of_products(rows: int, matrix: Array, beside: int = 0) -> int:
    """Return how much work the products of so many rows with a matrix are.

    As a number for ``SharedLoop``; 0, and so nothing shared, where the library divides products
    itself.

    Parameters
    ----------
    beside
        Numbers the loop works on besides.
    """
    work = rows * matrix.size // _WORTH + beside
    return work if not is_worth_sharing(work) or _threads_of_library()() == 1 else 0


@cache
def _threads_of_library() -> Callable[[], int]:
    """Return what tells how many threads the library of compiled products uses."""
    loaded = ThreadpoolController().select(user_api="blas").lib_controllers
    own = [one for one in loaded if "scipy" in Path(one.filepath).parent.name] or loaded
    return own[0].get_num_threads if own else lambda: 1


@SharedLoop
def _outer(shares: int, errors: Array, activations: Array, means: Array) -> None:
    samples = len(errors)
    part = np.float32(1 / samples)
    for share in prange(shares):
        first, last = rows_of(share, shares, len(means))
        turned = np.empty((last - first, samples), np.float32)
        for sample in range(samples):
            for row in range(first, last):
                turned[row - first, sample] = errors[sample, row] * part
        np.dot(turned, activations, means[first:last])
