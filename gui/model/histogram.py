"""Histograms whose bins follow the distribution, and say what they leave out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Histogram(NamedTuple):
    """Counts between edges, and how many values lie outside or are not finite.

    Parameters
    ----------
    edges
        ``[bins + 1]``.
    counts
        ``[bins]``.
    below, above, not_finite
        Values left out.
    """

    edges: Floats
    counts: npt.NDArray[np.int64]
    below: int
    above: int
    not_finite: int


def histogram(values: npt.NDArray[np.floating], bins: int = 40) -> Histogram:
    """Return a histogram over all but the outermost percent of the values.

    A few far outliers would squeeze the others into one bin; they are counted beside it.
    """
    flat = np.asarray(values, np.float64).ravel()
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        return Histogram(np.array([0.0, 1.0]), np.zeros(1, np.int64), 0, 0, flat.size)
    low, high = np.percentile(finite, (0.5, 99.5))
    if high <= low:
        low, high = float(finite.min()), float(finite.max())
    if high <= low:
        margin = max(abs(low) * 1e-3, 1e-9)
        low, high = low - margin, high + margin
    counts, edges = np.histogram(finite, bins, (low, high))
    return Histogram(
        edges,
        counts.astype(np.int64),
        int((finite < low).sum()),
        int((finite > high).sum()),
        flat.size - finite.size,
    )
