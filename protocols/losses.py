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

from instruments.errors import NetworkError
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
    correct = _less_targets(errors, output, labels)
    loss = 0.5 * float(np.vdot(errors, errors)) / len(labels)
    return OutputErrors(loss, correct, errors)


def cross_entropy(output: Array, labels: Labels) -> OutputErrors:
    """Return ``-log softmax(z)[label]``; error ``softmax(z) - t``. Computed, never by light."""
    shifted = output - output.max(axis=1, keepdims=True)
    errors = np.exp(shifted)
    total = errors.sum(axis=1, keepdims=True)
    errors /= total
    correct = _less_targets(errors, output, labels)
    loss = float(np.mean(np.log(total[:, 0]) - shifted[np.arange(len(labels)), labels]))
    return OutputErrors(loss, correct, errors)


def _less_targets(errors: Array, output: Array, labels: Labels) -> int:
    """Subtract one-hot targets; return for how many samples the largest output is at the label.

    Raises
    ------
    NetworkError
        If there is not one label a sample, or one that no output stands for.
    """
    samples, classes = output.shape
    if labels.shape != (samples,):
        raise NetworkError(f"labels of shape {list(labels.shape)} for outputs of {samples} samples")
    correct = _subtract_targets(errors, output, labels)
    if correct < 0:
        strange = labels[(labels < 0) | (labels >= classes)]
        raise NetworkError(
            f"label {strange[0]} given; {classes} outputs stand for labels 0 to {classes - 1}: "
            "choose a network with an output for every class"
        )
    return correct


@njit(cache=True)
def _subtract_targets(errors: Array, output: Array, labels: Labels) -> int:
    """Subtract targets and count hits; -1 for a label without an output."""
    classes = errors.shape[1]
    correct = 0
    for sample, label in enumerate(labels):
        if not 0 <= label < classes:
            return -1
        for i in range(classes):
            errors[sample, i] -= np.float32(i == label)
        correct += np.argmax(output[sample]) == label
    return correct


LOSSES: dict[LossName, Loss] = {"mse": mean_squared_error, "cross-entropy": cross_entropy}
