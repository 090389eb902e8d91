"""Linear fits with covariance, where the noise is known only by what they leave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LinearFit:
    """A fit of ``p`` parameters to ``n`` readings, a column for each parameter.

    Attributes
    ----------
    columns
        ``[n, p]``.
    parameters
        ``[p]``.
    rank
        How many of the columns are independent.
    variance
        Of a reading, by what the fit leaves.
    """

    columns: Floats
    parameters: Floats
    rank: int
    variance: float

    @property
    def covariance(self) -> Floats:
        """Covariance of the parameters, ``[p, p]``; only where all columns are independent."""
        inverse = np.linalg.inv(self.columns.T @ self.columns)
        return np.asarray(inverse * self.variance, np.float64)

    @property
    def sigmas(self) -> Floats:
        """One standard deviation of each parameter."""
        sigmas: Floats = np.sqrt(np.diag(self.covariance))
        return sigmas


def fit_linear(columns: Floats, readings: Floats, smallest: float | None = None) -> LinearFit:
    """Fit readings ``[n]`` by a sum of columns ``[n, p]``, in the least squares.

    Parameters
    ----------
    smallest
        Share of the largest singular value below which columns count as dependent; by default
        the rounding error.
    """
    found, _, rank, _ = np.linalg.lstsq(columns, readings, rcond=smallest)
    left = readings - columns @ found
    freedom = max(1, readings.size - found.size)
    parameters = np.asarray(found, np.float64)
    return LinearFit(columns, parameters, int(rank), float(left @ left) / freedom)
