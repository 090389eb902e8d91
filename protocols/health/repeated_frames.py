"""One minibatch taken several times: what stays the same is signal, what does not is noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from instruments.network import Array, Network, Pass
from protocols.losses import Labels, Loss


@dataclass(frozen=True)
class Repeats:
    """Takes of the same minibatch, one after the other.

    Attributes
    ----------
    inputs
        ``[B, N_0]`` what was shown.
    passes, output_errors, errors, gradients
        Of each take: the pass, the errors computed at its output ``[B, N_L]``, the errors at every
        layer, the gradients.
    """

    inputs: Array
    passes: list[Pass]
    output_errors: list[Array]
    errors: list[list[Array]]
    gradients: list[list[Array]]

    @property
    def count(self) -> int:
        """How many takes there are."""
        return len(self.passes)

    def mean_output_errors(self) -> Array:
        """Return the errors at the output, averaged over takes."""
        return mean_of(self.output_errors)

    def gradients_of(self, layer: int) -> list[Array]:
        """Return the gradients ``[outputs, inputs]`` of a layer (0 is the first), take by take."""
        return [one[layer] for one in self.gradients]


def repeat(
    network: Network,
    inputs: Array,
    labels: Labels,
    loss: Loss,
    count: int,
    after: Callable[[], None] | None = None,
) -> Repeats:
    """Take a minibatch forward and back ``count`` times.

    Parameters
    ----------
    after
        Called behind every take.
    """
    repeats = Repeats(inputs, [], [], [], [])
    for _ in range(count):
        passed = network.forward(inputs)
        output_errors = loss(passed.output, labels).errors
        errors = network.backward(passed, output_errors)
        repeats.passes.append(passed)
        repeats.output_errors.append(output_errors)
        repeats.errors.append([error.copy() for error in errors])
        repeats.gradients.append(network.gradient(passed, errors))
        if after is not None:
            after()
    return repeats


def mean_of(takes: Sequence[Array]) -> Array:
    """Return the mean of arrays of one shape."""
    mean: Array = np.stack(takes).mean(axis=0)
    return mean
