"""How errors travel back: by light, by computation, or not at all (finite differences).

Every way takes a minibatch to an averaged gradient behind one small interface, so that the
same training can be run on the same network with each of them and compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from instruments.errors import NetworkError
from instruments.gradient_averaging import average_outer_products
from instruments.network import Array, Network, Pass
from protocols.losses import Labels, Loss, OutputErrors
from sim_backends.nonlinear_units import response

ErrorPathName = Literal["network", "digital", "finite-difference"]


@dataclass(frozen=True)
class MinibatchGradient:
    """What one minibatch gave: the forward pass, errors layer by layer, averaged gradients."""

    passed: Pass
    at_output: OutputErrors
    errors: tuple[Array, ...]
    gradients: list[Array]


class ErrorPath(Protocol):
    """Takes a minibatch to its averaged gradient."""

    def gradient(
        self, network: Network, weights: Sequence[Array], inputs: Array, labels: Labels
    ) -> MinibatchGradient:
        """Return the gradient for inputs ``[B, N_0]`` at the shadow weights ``weights``."""
        ...


class ThroughNetwork:
    """Errors go back through the network itself: on a bench, as light through the absorber."""

    def __init__(self, loss: Loss) -> None:
        self._loss = loss

    def gradient(
        self, network: Network, weights: Sequence[Array], inputs: Array, labels: Labels
    ) -> MinibatchGradient:
        """Return the gradient measured forward and backward."""
        passed = network.forward(inputs)
        at_output = self._loss(passed.output, labels)
        errors = network.backward(passed, at_output.errors)
        return MinibatchGradient(passed, at_output, tuple(errors), network.gradient(passed, errors))


class Digital:
    """Hybrid training: activations are measured, errors computed from the shadow weights.

    Where a bench has no tap in front of its units, their inputs are computed from the measured
    activations. The derivative is that of the unit as described, exact or probe.
    """

    def __init__(self, loss: Loss) -> None:
        self._loss = loss

    def gradient(
        self, network: Network, weights: Sequence[Array], inputs: Array, labels: Labels
    ) -> MinibatchGradient:
        """Return the gradient measured forward and computed backward."""
        passed = network.forward(inputs)
        at_output = self._loss(passed.output, labels)
        errors = [at_output.errors]
        for number in range(len(network.layers) - 1, 0, -1):
            unit = network.layers[number - 1].unit
            if unit is None:
                raise NetworkError(f"layer {number} has no nonlinear unit to differentiate")
            if passed.unit_inputs is not None:
                unit_inputs = passed.unit_inputs[number - 1]
            else:
                unit_inputs = passed.activations[number - 1] @ weights[number - 1].T
            _, multiplier = response(unit)(unit_inputs)
            errors.append((errors[-1] @ weights[number]) * multiplier)
        errors.reverse()
        gradients = average_outer_products(errors, passed.activations)
        return MinibatchGradient(passed, at_output, tuple(errors), gradients)


class FiniteDifferences:
    """Each weight is moved up and down and the loss measured: slow, needs no backward light.

    Parameters
    ----------
    step
        Half the distance between the two weights compared.
    weights_per_layer
        How many weights to probe in each layer, drawn anew every minibatch; ``None`` for all.
        The others get a gradient of zero.
    """

    def __init__(
        self,
        loss: Loss,
        generator: np.random.Generator,
        step: float = 1e-2,
        weights_per_layer: int | None = None,
    ) -> None:
        self._loss = loss
        self._generator = generator
        self._step = np.float32(step)
        self._weights_per_layer = weights_per_layer

    def gradient(
        self, network: Network, weights: Sequence[Array], inputs: Array, labels: Labels
    ) -> MinibatchGradient:
        """Return the gradient from differences of measured losses."""
        passed = network.forward(inputs)
        at_output = self._loss(passed.output, labels)
        point = network.operating_point()
        trial = [held.copy() for held in weights]
        gradients = [np.zeros_like(held) for held in weights]
        drawn_so_far = self._generator.bit_generator.state
        try:
            for moved, gradient in zip(trial, gradients, strict=True):
                flat, slopes = moved.reshape(-1), gradient.reshape(-1)
                for index in self._chosen(flat.size):
                    slopes[index] = self._slope(
                        network, point, trial, flat, int(index), inputs, labels
                    )
        except BaseException:
            # Taken again after a pause, the minibatch probes the same weights.
            self._generator.bit_generator.state = drawn_so_far
            raise
        finally:
            network.write(weights, point)
        return MinibatchGradient(passed, at_output, (at_output.errors,), gradients)

    def _chosen(self, size: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        if self._weights_per_layer is None or self._weights_per_layer >= size:
            return np.arange(size)
        return self._generator.choice(size, self._weights_per_layer, replace=False)

    def _slope(
        self,
        network: Network,
        operating_point: Mapping[str, float],
        trial: Sequence[Array],
        flat: Array,
        index: int,
        inputs: Array,
        labels: Labels,
    ) -> float:
        start = flat[index]
        losses = []
        for moved in (start + self._step, start - self._step):
            flat[index] = moved
            network.write(trial, operating_point)
            losses.append(self._loss(network.forward(inputs).output, labels).loss)
        flat[index] = start
        return (losses[0] - losses[1]) / (2 * float(self._step))


def error_path(
    name: ErrorPathName,
    loss: Loss,
    generator: np.random.Generator,
    weights_per_layer: int | None = None,
) -> ErrorPath:
    """Return the error path of that name."""
    build: dict[ErrorPathName, Callable[[], ErrorPath]] = {
        "network": lambda: ThroughNetwork(loss),
        "digital": lambda: Digital(loss),
        "finite-difference": lambda: FiniteDifferences(
            loss, generator, weights_per_layer=weights_per_layer
        ),
    }
    return build[name]()
