"""What the weights made of the light, against what they were asked to make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class WeightedSums:
    """Sums measured behind one layer's weights and those computed from what went in.

    Parameters
    ----------
    layer
        Counted from 1.
    computed, measured
        ``W x`` and the tap's ``y``, ``[batch, outputs]``, in saturation fields.
    """

    def __init__(self, layer: int, computed: Floats, measured: Floats) -> None:
        self.layer = layer
        self.computed = computed
        self.measured = measured

    def line(self) -> Line:
        """Return the straight line of least squares through the points, and what is left."""
        x, y = self.computed.ravel(), self.measured.ravel()
        spread = float(np.var(x))
        slope = float(np.mean((x - x.mean()) * (y - y.mean()))) / spread if spread else float("nan")
        offset = float(y.mean() - slope * x.mean())
        left = y - slope * x - offset
        return Line(slope, offset, float(np.sqrt(np.mean(left * left))))


class Line(NamedTuple):
    """``y = slope x + offset`` with a root mean square of what is left, in saturation fields."""

    slope: float
    offset: float
    residual: float


def weighted_sums(
    fields: Mapping[str, npt.NDArray[Any]], weights: Sequence[npt.NDArray[Any]]
) -> list[WeightedSums]:
    """Return every layer whose light was tapped on both sides of its weights."""
    found = []
    for number, matrix in enumerate(weights, start=1):
        entering = fields.get(f"activation_{number - 1}")
        behind = fields.get("output" if number == len(weights) else f"unit_input_{number}")
        if entering is not None and behind is not None:
            computed = np.asarray(entering, np.float64) @ np.asarray(matrix, np.float64).T
            found.append(WeightedSums(number, computed, np.asarray(behind, np.float64)))
    return found
