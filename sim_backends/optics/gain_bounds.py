"""How much amplifier gain a matrix asks for, with passive optics behind it.

A layer ``w`` is an amplifier of power gain ``A`` and a passive ``W = w / sqrt(A)``. Three
bounds on ``A``, in rising order, all power ratios (arXiv:1912.12256, Supplement 2.3, speaks of an
amplitude in one place and plots powers):

* rows and columns: no passive matrix has a row or column of norm above 1 (Eq. S1);
* singular values: any matrix with none above 1 can be built from interferometers;
* free space: fan-out and fan-in cost ``1/sqrt(M N)`` and a mask element is at most 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

Matrix = npt.NDArray[np.floating]


def row_column_bound(matrix: Matrix) -> float:
    """Return the largest sum of squares of a row or column of ``[M, N]`` (Eq. S1)."""
    squares = np.square(matrix, dtype=np.float64)
    return float(max(squares.sum(axis=0).max(), squares.sum(axis=1).max()))


def singular_value_bound(matrix: Matrix) -> float:
    """Return the square of the largest singular value (dear: call it once an epoch)."""
    tall = np.asarray(matrix, np.float64)
    if tall.shape[0] < tall.shape[1]:
        tall = tall.T
    size = tall.shape[1]
    largest = eigh(tall.T @ tall, eigvals_only=True, subset_by_index=[size - 1, size - 1])
    return float(max(largest[0], 0.0))


def free_space_bound(matrix: Matrix) -> float:
    """Return ``M N max|w|^2``, what fan-out, mask and fan-in need."""
    return float(matrix.size * np.max(np.abs(matrix)).astype(np.float64) ** 2)


def decibels(power_ratio: float) -> float:
    """Return ``10 log10`` of a power ratio; minus infinity for a matrix of zeros."""
    return float(10.0 * np.log10(power_ratio)) if power_ratio > 0.0 else -np.inf
