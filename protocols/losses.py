"""Losses at the output of a network and the errors they send back.

Errors are those of one sample, ``delta(L) = dL/dz(L)``; the average over the minibatch is
taken where the gradient is formed, as on a bench.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from numba import njit

from instruments.network import Array

Labels = npt.NDArray[np.int64]
LossName = Literal["mse", "cross-entropy"]


@dataclass(frozen=True)
class OutputErrors:
    """Mean loss over the minibatch, number of samples classified rightly, and ``delta(L)``."""

    loss: float
    correct: int
    errors: Array


class Loss(Protocol):
    """Compares outputs ``[B, classes]`` with labels ``[B]``."""

    def __call__(self, output: Array, labels: Labels) -> OutputErrors:
        """Return loss, hits and errors of a minibatch."""
        ...


def mean_squared_error(output: Array, labels: Labels) -> OutputErrors:
    """Return ``L = sum_i (z_i - t_i)^2 / 2`` with one-hot targets (Eq. 7); error ``z - t``.

    This is the error term light can form by interference with the targets. There is no
    division by the number of classes, unlike in common machine-learning libraries.
    """
    errors = output.copy()
    correct = _subtract_targets(errors, output, labels)
    loss = 0.5 * float(np.vdot(errors, errors)) / len(labels)
    return OutputErrors(loss, correct, errors)


def cross_entropy(output: Array, labels: Labels) -> OutputErrors:
    """Return ``-log softmax(z)[label]``; error ``softmax(z) - t``. Computed, never by light."""
    shifted = output - output.max(axis=1, keepdims=True)
    errors = np.exp(shifted)
    total = errors.sum(axis=1, keepdims=True)
    errors /= total
    loss = float(np.mean(np.log(total[:, 0]) - shifted[np.arange(len(labels)), labels]))
    correct = _subtract_targets(errors, output, labels)
    return OutputErrors(loss, correct, errors)


@njit(cache=True)
def _subtract_targets(errors: Array, output: Array, labels: Labels) -> int:
    """Subtract one-hot targets; return for how many samples the largest output is at the label."""
    correct = 0
    for sample, label in enumerate(labels):
        for i in range(errors.shape[1]):
            errors[sample, i] -= np.float32(i == label)
        correct += np.argmax(output[sample]) == label
    return correct


LOSSES: dict[LossName, Loss] = {"mse": mean_squared_error, "cross-entropy": cross_entropy}
