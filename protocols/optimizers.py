"""How an averaged gradient changes the (shadow) weights: Adam, and descent with momentum.

An optimizer changes float32 weights in place and owns the moments it keeps for them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
from numba import njit, prange

from instruments.errors import RecordError
from instruments.network import Array
from instruments.shared_loops import SharedLoop, rows_of

OptimizerName = Literal["adam", "sgd"]


class Optimizer(Protocol):
    """Changes weights by their gradients and can be stored in a checkpoint."""

    def step(self, weights: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Change ``weights`` in place."""
        ...

    def arrays(self) -> dict[str, Array]:
        """Return copies of everything the next step depends on."""
        ...

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Take back what ``arrays`` returned."""
        ...


class Adam:
    """Adam (Kingma & Ba, arXiv:1412.6980, algorithm 1 with bias-corrected moments).

    Parameters
    ----------
    weights
        The weights it will change; their shapes are kept, not the arrays.
    learning_rate, first_decay, second_decay, epsilon
        The defaults of decay and epsilon are those of arXiv:1912.12256.
    """

    def __init__(
        self,
        weights: Sequence[Array],
        learning_rate: float,
        first_decay: float = 0.9,
        second_decay: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self._learning_rate = learning_rate
        self._decays = (first_decay, second_decay)
        # For the compiled loop: shares kept and taken of both moments, rate, spread, epsilon.
        self._constants = np.array(
            [first_decay, 1 - first_decay, second_decay, 1 - second_decay, 0, 0, epsilon],
            np.float32,
        )
        self._first = [np.zeros(w.size, np.float32) for w in weights]
        self._second = [np.zeros(w.size, np.float32) for w in weights]
        self._steps = 0

    def step(self, weights: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Change ``weights`` in place."""
        self._steps += 1
        first_decay, second_decay = self._decays
        self._constants[4] = self._learning_rate / (1 - first_decay**self._steps)
        self._constants[5] = 1 / math.sqrt(1 - second_decay**self._steps)
        for held, gradient, first, second in zip(
            weights, gradients, self._first, self._second, strict=True
        ):
            _adam(
                held.size,
                held.reshape(-1),
                np.ascontiguousarray(gradient).reshape(-1),
                first,
                second,
                self._constants,
            )

    def arrays(self) -> dict[str, Array]:
        """Return copies of both moments and the number of steps taken."""
        stored = {f"first/{i}": moment.copy() for i, moment in enumerate(self._first)}
        stored |= {f"second/{i}": moment.copy() for i, moment in enumerate(self._second)}
        stored["steps"] = np.array([self._steps], np.int64)
        return stored

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Take back what ``arrays`` returned."""
        for name, moments in (("first", self._first), ("second", self._second)):
            _restore_moments(name, moments, arrays)
        self._steps = int(arrays["steps"][0])

    def __repr__(self) -> str:
        return f"Adam(learning_rate={self._learning_rate:g}, steps={self._steps})"


class MomentumDescent:
    """Stochastic gradient descent, ``v <- momentum v + gradient; w <- w - rate v``."""

    def __init__(
        self, weights: Sequence[Array], learning_rate: float, momentum: float = 0.9
    ) -> None:
        self._learning_rate = np.float32(learning_rate)
        self._momentum = np.float32(momentum)
        self._velocity = [np.zeros(w.size, np.float32) for w in weights]

    def step(self, weights: Sequence[Array], gradients: Sequence[Array]) -> None:
        """Change ``weights`` in place."""
        for held, gradient, velocity in zip(weights, gradients, self._velocity, strict=True):
            velocity *= self._momentum
            velocity += gradient.reshape(-1)
            held.reshape(-1)[...] -= self._learning_rate * velocity

    def arrays(self) -> dict[str, Array]:
        """Return copies of the velocities."""
        return {f"velocity/{i}": velocity.copy() for i, velocity in enumerate(self._velocity)}

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Take back what ``arrays`` returned."""
        _restore_moments("velocity", self._velocity, arrays)

    def __repr__(self) -> str:
        return (
            f"MomentumDescent(learning_rate={self._learning_rate:g}, momentum={self._momentum:g})"
        )


def _restore_moments(name: str, moments: Sequence[Array], arrays: Mapping[str, Array]) -> None:
    for index, moment in enumerate(moments):
        stored = arrays.get(f"{name}/{index}")
        if stored is None or stored.shape != moment.shape:
            raise RecordError(
                f"the checkpoint holds no moment '{name}/{index}' of {moment.size} values: "
                "it was written with another optimizer or other layers"
            )
        moment[...] = stored


@njit(cache=True, error_model="numpy", forceinline=True)
def _adam_share(
    weights: Array,
    gradient: Array,
    first: Array,
    second: Array,
    constants: Array,
) -> None:
    keep_first, take_first, keep_second, take_second = constants[:4]
    rate, spread, epsilon = constants[4:]
    for i in range(weights.size):
        slope = gradient[i]
        first[i] = keep_first * first[i] + take_first * slope
        second[i] = keep_second * second[i] + take_second * slope * slope
        weights[i] -= rate * first[i] / (np.sqrt(second[i]) * spread + epsilon)


@SharedLoop
def _adam(
    shares: int,
    weights: Array,
    gradient: Array,
    first: Array,
    second: Array,
    constants: Array,
) -> None:
    for share in prange(shares):
        begin, end = rows_of(share, shares, weights.size)
        _adam_share(
            weights[begin:end],
            gradient[begin:end],
            first[begin:end],
            second[begin:end],
            constants,
        )
