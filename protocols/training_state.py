"""Where a training is: everything its next step depends on, taken and restored as a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from instruments.network import Array, Layer, Network
from protocols.datasets import Dataset
from protocols.health.watch import HealthWatch
from protocols.initial_weights import draw_weights, load_weights
from protocols.minibatches import Minibatches
from protocols.optimizers import Adam, MomentumDescent, Optimizer
from protocols.record.checkpoint import Checkpoint
from protocols.settings import TrainingSettings


@dataclass
class EpochSums:
    """Running sums over the epoch in hand."""

    loss: float = 0.0
    correct: int = 0
    images: int = 0


@dataclass
class BestEpoch:
    """The epoch of the highest validation accuracy so far, and what shows its weights again.

    Attributes
    ----------
    weights
        ``[outputs, inputs]`` a layer.
    operating_point
        Gains of amplifiers that go with them.
    number
        Of the epoch; 0 is the start.
    validation_accuracy
        From 0 to 1; below that as long as none was measured.
    """

    weights: list[Array]
    operating_point: dict[str, float]
    number: int = 0
    validation_accuracy: float = -1.0


class TrainingState:
    """Everything the next step of a training depends on, but for what its network keeps.

    Attributes
    ----------
    step, epoch
        Steps and epochs finished.
    weights
        The shadow weights, float32, ``[outputs, inputs]`` a layer.
    optimizer
        With its moments.
    minibatches
        Those of the epoch in hand.
    sums
        Over the epoch in hand.
    best
        The best epoch so far.
    probing
        Draws which weights finite differences move.
    seconds_before
        Seconds trained before this process went on with the run.
    """

    def __init__(
        self, layers: Sequence[Layer], dataset: Dataset, settings: TrainingSettings
    ) -> None:
        seeds = np.random.SeedSequence(settings.seed).spawn(3)
        start, shuffling, self.probing = map(np.random.default_rng, seeds)
        self.step = 0
        self.epoch = 0
        if settings.initial_weights is not None:
            self.weights = load_weights(settings.initial_weights, layers)
        else:
            self.weights = draw_weights(layers, start, settings.start, settings.initial_std)
        self.optimizer = _new_optimizer(self.weights, settings)
        self.minibatches = Minibatches(dataset, settings.batch_size, shuffling)
        self.sums = EpochSums()
        self.best = BestEpoch([weights.copy() for weights in self.weights], {})
        self.seconds_before = 0.0

    def checkpoint(self, network: Network, watch: HealthWatch | None, seconds: float) -> Checkpoint:
        """Return a copy of it all, of what the network and the watch over it keep too.

        Parameters
        ----------
        seconds
            Seconds trained so far.
        """
        best = self.best
        arrays: dict[str, Any] = {}
        for index, (weights, best_weights) in enumerate(
            zip(self.weights, best.weights, strict=True), start=1
        ):
            arrays[f"weights/layer_{index}"] = weights.copy()
            arrays[f"best_weights/layer_{index}"] = best_weights
        arrays |= {f"optimizer/{name}": a for name, a in self.optimizer.arrays().items()}
        network_values = {}
        for name, value in network.state().items():
            if isinstance(value, np.ndarray):
                arrays[f"network/{name}"] = value
            else:
                network_values[name] = value
        return Checkpoint(
            step=self.step,
            epoch=self.epoch,
            arrays=arrays,
            values={
                **self.minibatches.state(),
                "best_epoch": best.number,
                "best_validation_accuracy": best.validation_accuracy,
                "best_operating_point": best.operating_point,
                "sums": vars(self.sums).copy(),
                "seconds": seconds,
                "probing": self.probing.bit_generator.state,
                "health": None if watch is None else watch.state(),
                "network": network_values,
            },
        )

    def restore(self, checkpoint: Checkpoint, network: Network, watch: HealthWatch | None) -> None:
        """Go back to where a checkpoint was taken, network and watch too."""
        arrays, values = checkpoint.arrays, checkpoint.values
        best = self.best
        for index, (weights, best_weights) in enumerate(
            zip(self.weights, best.weights, strict=True), start=1
        ):
            weights[...] = arrays[f"weights/layer_{index}"]
            best_weights[...] = arrays[f"best_weights/layer_{index}"]
        self.optimizer.restore(_below("optimizer/", arrays))
        self.step, self.epoch = checkpoint.step, checkpoint.epoch
        self.minibatches.restore(values)
        best.number = values["best_epoch"]
        best.validation_accuracy = values["best_validation_accuracy"]
        best.operating_point = values["best_operating_point"]
        self.sums = EpochSums(**values["sums"])
        self.seconds_before = values["seconds"]
        self.probing.bit_generator.state = values["probing"]
        if watch is not None:
            watch.restore(values["health"])
        # The weights are shown first: writing them may move the network's own state.
        network.write(self.weights)
        network.restore(_below("network/", arrays) | values["network"])


def _new_optimizer(weights: Sequence[Array], settings: TrainingSettings) -> Optimizer:
    if settings.optimizer == "adam":
        return Adam(weights, settings.learning_rate)
    return MomentumDescent(weights, settings.learning_rate, settings.momentum)


def _below(prefix: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
