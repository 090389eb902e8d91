"""How much of a matrix the passive optics hold and how much an amplifier has to add.

A layer ``w`` is an amplifier of power gain ``A`` and a passive ``W = w / sqrt(A)``. Three
bounds on ``A``, in rising order, all power ratios (arXiv:1912.12256, Supplement 2.3, speaks of an
amplitude in one place and plots powers):

* rows and columns: no passive matrix has a row or column of norm above 1 (Eq. S1);
* singular values: any matrix with none above 1 can be built from interferometers;
* free space: fan-out and fan-in cost ``1/sqrt(M N)`` and a mask element is at most 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
    return 10.0 * math.log10(power_ratio) if power_ratio > 0.0 else -math.inf


@dataclass(frozen=True, slots=True)
class LayerGain:
    """One line of the ledger; every gain is of power, in dB.

    Attributes
    ----------
    layer
        Name or number of the layer.
    outputs, inputs
        Size of its matrix.
    largest_weight
        Largest ``|w|``.
    row_column_decibels, singular_value_decibels, free_space_decibels
        What the three bounds ask for; the second is ``None`` where it was not worked out.
    bank_decibels
        What this bench's weight bank, with its real losses, asks for.
    amplifier_decibels
        What the amplifier adds.
    clipped
        How many weights are larger than the bank then holds and stand at its limit.
    """

    layer: str
    outputs: int
    inputs: int
    largest_weight: float
    row_column_decibels: float
    singular_value_decibels: float | None
    free_space_decibels: float
    bank_decibels: float
    amplifier_decibels: float
    clipped: int

    @property
    def passive_share(self) -> float:
        """Share of the largest weight that the bank holds without an amplifier, at most 1."""
        return float(min(1.0, 10.0 ** (-self.bank_decibels / 20.0)))

    @property
    def clipped_share(self) -> float:
        """Share of the weights that stand at the bank's limit."""
        return self.clipped / (self.outputs * self.inputs)


def layer_gain(
    layer: str,
    matrix: Matrix,
    *,
    required_field_gain: float,
    amplifier_field_gain: float,
    clipped: int,
    singular_values: bool = False,
) -> LayerGain:
    """Enter one matrix ``[M, N]`` into the ledger.

    Parameters
    ----------
    required_field_gain
        Field gain at which the bank holds every weight (``WeightBankTable.required_field_gain``).
    amplifier_field_gain
        Field gain the amplifier is set to; 1 where there is none.
    clipped
        Weights clipped when the matrix was encoded.
    singular_values
        Whether to work out the singular-value bound, the dear one.
    """
    outputs, inputs = matrix.shape
    return LayerGain(
        layer=layer,
        outputs=outputs,
        inputs=inputs,
        largest_weight=float(np.max(np.abs(matrix))),
        row_column_decibels=decibels(row_column_bound(matrix)),
        singular_value_decibels=(
            decibels(singular_value_bound(matrix)) if singular_values else None
        ),
        free_space_decibels=decibels(free_space_bound(matrix)),
        bank_decibels=decibels(required_field_gain**2),
        amplifier_decibels=decibels(amplifier_field_gain**2),
        clipped=clipped,
    )


LEDGER_HEADINGS = (
    "layer",
    "matrix",
    "max|w|",
    "row/column dB",
    "singular dB",
    "free space dB",
    "this bank dB",
    "amplifier dB",
    "held passively",
    "clipped",
)


def ledger_rows(lines: Sequence[LayerGain]) -> list[tuple[str, ...]]:
    """Return the ledger as cells for a terminal, a row for each layer under the headings."""
    rows: list[tuple[str, ...]] = []
    for line in lines:
        singular = line.singular_value_decibels
        rows.append(
            (
                line.layer,
                f"{line.outputs} x {line.inputs}",
                f"{line.largest_weight:.3g}",
                f"{line.row_column_decibels:.1f}",
                "-" if singular is None else f"{singular:.1f}",
                f"{line.free_space_decibels:.1f}",
                f"{line.bank_decibels:.1f}",
                f"{line.amplifier_decibels:.1f}",
                f"{100.0 * line.passive_share:.3g} %",
                str(line.clipped),
            )
        )
    return rows
