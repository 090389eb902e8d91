"""Products of fields with matrices, shared among the cores of the processor.

Matrices of a minibatch are too small for a library of linear algebra to divide well. Here whole
products are divided, each done by the library on one core: where loops are shared, it keeps to one
thread.

OpenBLAS multiplies small matrices where they are and rearranges larger ones first. Where it has
kernels for small ones, rows are multiplied so few at a time that these are used: a quarter less
time for the matrices of a bench.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit, prange
from scipy.linalg import cython_blas  # noqa: F401  (the library compiled products call)
from threadpoolctl import ThreadpoolController

from instruments.network import Array
from instruments.shared_loops import SharedLoop, rows_of, shares_for

# OpenBLAS takes matrices as they are on these processors, up to so many multiplications; with one
# that lies in memory transposed, up to so many results, each a sum of so many numbers at least
# (its kernel/x86_64/sgemm_small_kernel_permit_skylakex.c).
_WITH_SMALL_PRODUCTS = ("SkylakeX", "Cooperlake", "SapphireRapids")
_MOST_MULTIPLICATIONS = 1_000_000
_MOST_RESULTS = 1_200
_LEAST_SUMMED = 32
# With fewer rows at a time than this, calls take longer than what they save.
_LEAST_ROWS = 4

_WORTH = 32
"""Multiplications of a matrix product that take as long as one number of a plain loop."""


def mean_outer_product(errors: Array, activations: Array) -> Array:
    """Return ``errors.T @ activations / B``, ``[M, N]``, for ``[B, M]`` and ``[B, N]``."""
    outputs = errors.shape[1]
    means = np.empty((outputs, activations.shape[1]), np.float32)
    work = work_of_products(outputs, activations)
    at_once = rows_at_once(outputs, *activations.shape)
    _outer(work, np.ascontiguousarray(errors), np.ascontiguousarray(activations), at_once, means)
    return means


def product(rows: Array, matrix: Array, *, transposed: bool = False) -> Array:
    """Return ``rows @ matrix``, ``[B, N]``, or with ``matrix.T``, for float32 ``[B, M]``."""
    if rows.dtype != np.float32 or matrix.dtype != np.float32:
        return rows @ (matrix.T if transposed else matrix)
    given, factor = np.ascontiguousarray(rows), np.ascontiguousarray(matrix)
    work = work_of_products(len(rows), factor)
    if transposed:
        results, summed = factor.shape
        products = np.empty((len(given), results), np.float32)
        at_once = rows_at_once(len(given), summed, results // shares_for(work), transposed=True)
        _product_transposed(work, given, factor, at_once, products)
    else:
        summed, results = factor.shape
        products = np.empty((len(given), results), np.float32)
        _product(work, given, factor, rows_at_once(len(given), summed, results), products)
    return products


@cache
def rows_at_once(rows: int, summed: int, results: int, *, transposed: bool = False) -> int:
    """Return how many of so many rows are best multiplied at a time.

    Parameters
    ----------
    summed, results
        Shape of the matrix: how many products each result is a sum of, and results a row.
    transposed
        Whether it lies in memory transposed.
    """
    whole = max(rows, 1)
    if not _takes_small_products() or (transposed and summed < _LEAST_SUMMED):
        return whole
    most = _MOST_MULTIPLICATIONS // max(summed * results, 1)
    if transposed:
        most = min(most, _MOST_RESULTS // max(results, 1))
    # A power of two, so that few rows are left over.
    return whole if most >= whole or most < _LEAST_ROWS else 1 << (most.bit_length() - 1)


@njit(cache=True, error_model="numpy", forceinline=True)
def multiply_rows(rows: Array, matrix: Array, at_once: int, products: Array) -> None:
    """Write ``rows @ matrix`` to ``products``, so many rows at a time."""
    for first in range(0, len(rows), at_once):
        last = min(first + at_once, len(rows))
        np.dot(rows[first:last], matrix, products[first:last])


def work_of_products(rows: int, matrix: Array, beside: int = 0) -> int:
    """Return how much work the products of so many rows with a matrix are.

    As a number for ``SharedLoop``.

    Parameters
    ----------
    beside
        Numbers the loop works on besides.
    """
    return rows * matrix.size // _WORTH + beside


@cache
def _library() -> Any:
    """Return threadpoolctl's view of the library of compiled products; ``None`` if it has none."""
    loaded = ThreadpoolController().select(user_api="blas").lib_controllers
    own = [one for one in loaded if "scipy" in Path(one.filepath).parent.name] or loaded
    return own[0] if own else None


@cache
def _takes_small_products() -> bool:
    """Whether the library multiplies small matrices without rearranging them."""
    return getattr(_library(), "architecture", None) in _WITH_SMALL_PRODUCTS


@SharedLoop
def _product(shares: int, rows: Array, matrix: Array, at_once: int, products: Array) -> None:
    for share in prange(shares):
        first, last = rows_of(share, shares, len(rows))
        multiply_rows(rows[first:last], matrix, at_once, products[first:last])


@SharedLoop
def _product_transposed(
    shares: int, rows: Array, matrix: Array, at_once: int, products: Array
) -> None:
    # By results and not by rows: weights that one core alone reads are cheap to write again.
    for share in prange(shares):
        first, last = rows_of(share, shares, len(matrix))
        own = np.empty((len(rows), last - first), np.float32)
        multiply_rows(rows, matrix[first:last].T, at_once, own)
        products[:, first:last] = own


@SharedLoop
def _outer(shares: int, errors: Array, activations: Array, at_once: int, means: Array) -> None:
    samples = len(errors)
    part = np.float32(1 / samples)
    for share in prange(shares):
        first, last = rows_of(share, shares, len(means))
        turned = np.empty((last - first, samples), np.float32)
        for sample in range(samples):
            for row in range(first, last):
                turned[row - first, sample] = errors[sample, row] * part
        multiply_rows(turned, activations, at_once, means[first:last])
