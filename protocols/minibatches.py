"""The minibatches of an epoch: training samples in an order drawn anew for each epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from instruments.network import Array
from protocols.datasets import Dataset
from protocols.losses import Labels


class Minibatches:
    """Where an epoch is among its minibatches.

    The order follows from the generator's state at the start of the epoch; that and the number of
    minibatches done is all there is to keep of it.

    Parameters
    ----------
    dataset
        Whose training part is gone through.
    size
        Samples of a minibatch; the last of an epoch may be smaller.
    generator
        Draws the order.

    Attributes
    ----------
    per_epoch
        Minibatches in an epoch.
    done
        Those of the epoch in hand that are done.
    """

    def __init__(self, dataset: Dataset, size: int, generator: np.random.Generator) -> None:
        self.per_epoch = math.ceil(len(dataset.train_labels) / size)
        self.done = 0
        self._dataset = dataset
        self._size = size
        self._generator = generator
        self._at_epoch_start = generator.bit_generator.state
        self._order = np.zeros(0, np.int64)

    def shuffle(self) -> None:
        """Draw the order of the epoch in hand; once more, and it is the same."""
        self._generator.bit_generator.state = self._at_epoch_start
        self._order = self._generator.permutation(len(self._dataset.train_labels))

    def in_hand(self) -> tuple[Array, Labels]:
        """Return inputs ``[B, N_0]`` and labels ``[B]`` of the minibatch that comes next."""
        start = self.done * self._size
        chosen = self._order[start : start + self._size]
        inputs = self._dataset.train_inputs.take(chosen, axis=0)
        return inputs, self._dataset.train_labels[chosen]

    def end_epoch(self) -> None:
        """Go on to the next epoch, whose order is still to be drawn."""
        self.done = 0
        self._at_epoch_start = self._generator.bit_generator.state

    def state(self) -> dict[str, Any]:
        """Return where it is, as JSON values."""
        return {"minibatch": self.done, "shuffling_at_epoch_start": self._at_epoch_start}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where ``state`` was taken; the order is still to be drawn."""
        self.done = state["minibatch"]
        self._at_epoch_start = state["shuffling_at_epoch_start"]
