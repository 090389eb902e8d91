"""Drift of an interferometer's phase as an Ornstein-Uhlenbeck process.

``d phi = -phi dt / tau + sigma sqrt(2 / tau) dW``: a random walk that is pulled back to zero
over ``tau`` and spreads to the rms ``sigma``. The transition over any interval is Gaussian and
known exactly (D. T. Gillespie, Phys. Rev. E 54, 2084 (1996)), so the step size does not matter.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def drifted(
    phase: npt.ArrayLike,
    elapsed_seconds: npt.ArrayLike,
    correlation_seconds: float,
    rms: float,
    normals: npt.ArrayLike,
) -> Floats:
    """Return the state after an interval.

    Parameters
    ----------
    phase
        State before (radians, or volts of a bias), any shape.
    elapsed_seconds
        The interval, not negative.
    correlation_seconds
        ``tau``.
    rms
        ``sigma``, the stationary rms in the unit of ``phase``.
    normals
        Standard normal numbers in the shape of ``phase``, drawn by the caller.
    """
    steps = np.asarray(elapsed_seconds, np.float64) / correlation_seconds
    spread = rms * np.sqrt(-np.expm1(-2.0 * steps))
    state: Floats = np.asarray(phase, np.float64) * np.exp(-steps) + spread * np.asarray(normals)
    return state


def transition(
    elapsed_seconds: float, correlation_seconds: float, rms: float
) -> tuple[float, float]:
    """Return which share of the state an interval leaves and how far it then spreads.

    The same as in ``drifted``, for a caller who has a few single numbers to move.
    """
    steps = elapsed_seconds / correlation_seconds
    return math.exp(-steps), rms * math.sqrt(-math.expm1(-2.0 * steps))
