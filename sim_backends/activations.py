"""Computational activation functions, the baselines of arXiv:1912.12256 (Fig. 4).

Each function takes inputs of any shape and returns ``(activation, derivative)``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


def rectified_linear(inputs: Floats) -> tuple[Floats, Floats]:
    """Return ``max(0, z)`` and its derivative (0 at the kink)."""
    passing = (inputs > 0).astype(inputs.dtype)
    return inputs * passing, passing


def hyperbolic_tangent(inputs: Floats) -> tuple[Floats, Floats]:
    """Return ``tanh z`` and ``1 - tanh^2 z``."""
    activation = np.tanh(inputs)
    return activation, 1 - activation * activation


def sigmoid(inputs: Floats) -> tuple[Floats, Floats]:
    """Return ``1 / (1 + e^-z)`` and ``s (1 - s)``; stable for large ``|z|``."""
    activation = (0.5 * (1 + np.tanh(0.5 * inputs))).astype(inputs.dtype, copy=False)
    return activation, activation * (1 - activation)


def linear(inputs: Floats) -> tuple[Floats, Floats]:
    """Return the inputs themselves and a derivative of one."""
    return inputs, np.ones_like(inputs)
