"""The minibatches of an epoch: training samples in an order drawn anew for each epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from instruments.cache_lines import settle, stream
from instruments.network import Array
from instruments.shared_loops import SharedLoop, rows_of
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
        self._samples: Array = np.ascontiguousarray(dataset.train_inputs, np.float32)
        self._labels = dataset.train_labels
        self._size = size
        self._generator = generator
        self._at_epoch_start = generator.bit_generator.state
        self._order = np.zeros(0, np.int64)
        self._inputs: Array = np.zeros((0, 0), np.float32)

    def shuffle(self) -> None:
        """Draw the order of the epoch in hand; once more, and it is the same."""
        self._generator.bit_generator.state = self._at_epoch_start
        self._order = self._generator.permutation(len(self._labels))

    def in_hand(self) -> tuple[Array, Labels]:
        """Return inputs ``[B, N_0]`` and labels ``[B]`` of the minibatch that comes next.

        The inputs are overwritten by those of the minibatch after it.
        """
        start = self.done * self._size
        chosen = self._order[start : start + self._size]
        shape = (len(chosen), self._samples.shape[1])
        if self._inputs.shape != shape:
            self._inputs = np.empty(shape, np.float32)
        _gather(self._inputs.size, self._samples, chosen, self._inputs)
        return self._inputs, self._labels[chosen]

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


@SharedLoop
def _gather(shares: int, samples: Array, chosen: npt.NDArray[np.int64], gathered: Array) -> None:
    for share in prange(shares):
        first, last = rows_of(share, shares, len(chosen))
        _gather_rows(first, last, samples, chosen, gathered)


@njit(cache=True, forceinline=True)
def _gather_rows(
    first: int, last: int, samples: Array, chosen: npt.NDArray[np.int64], gathered: Array
) -> None:
    # Every core reads all of them for the gradient.
    for row in range(first, last):
        stream(samples[chosen[row]], gathered[row])
    settle()
