"""One minibatch taken several times: what stays the same is signal, what does not is noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from instruments.network import Array, Network
from protocols.error_paths import MinibatchGradient, ThroughNetwork
from protocols.losses import Labels, Loss


@dataclass(frozen=True)
class Repeats:
    """Takes of the same minibatch, one after the other.

    Attributes
    ----------
    inputs
        ``[B, N_0]`` what was shown.
    takes
        What each of them gave.
    """

    inputs: Array
    takes: list[MinibatchGradient] = field(default_factory=list)

    def mean_output_errors(self) -> Array:
        """Return the errors computed at the output ``[B, N_L]``, averaged over takes."""
        return mean_of([one.at_output.errors for one in self.takes])

    def gradients_of(self, layer: int) -> list[Array]:
        """Return the gradients ``[outputs, inputs]`` of a layer (0 is the first), take by take."""
        return [one.gradients[layer] for one in self.takes]


def repeat(
    network: Network,
    inputs: Array,
    labels: Labels,
    loss: Loss,
    count: int,
    after: Callable[[], None] | None = None,
) -> Repeats:
    """Take a minibatch forward and back ``count`` times, as a step of training does once.

    Takes are exposures of their own, so that what drifts from one to the next counts as noise. A
    simulated bench takes as long for all of them in one exposure: what it saves in calls it loses
    on memory of another size.

    Parameters
    ----------
    after
        Called behind every take.
    """
    repeats, path = Repeats(inputs), ThroughNetwork(loss)
    for _ in range(count):
        # Errors that go through the network itself need no weights.
        repeats.takes.append(path.gradient(network, (), inputs, labels))
        if after is not None:
            after()
    return repeats


def mean_of(takes: Sequence[Array]) -> Array:
    """Return the mean of arrays of one shape."""
    mean: Array = np.stack(takes).mean(axis=0)
    return mean
