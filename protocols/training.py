"""The training protocol: minibatches, averaged gradients, validation, best weights kept.

Knows the network seam only. Whether light or algebra answers behind it makes no difference
here.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from instruments.errors import GradientError, SettingsError, TrainingError
from instruments.network import Array, Network
from protocols.datasets import Dataset
from protocols.error_paths import MinibatchGradient, error_path
from protocols.evaluation import evaluate
from protocols.health.watch import HealthWatch, watch_for
from protocols.initial_weights import draw_weights, load_weights
from protocols.interruption import Interrupted, StopRequest
from protocols.losses import LOSSES, Labels
from protocols.optimizers import Adam, MomentumDescent, Optimizer
from protocols.progress import Progress, Silent
from protocols.record.checkpoint import Checkpoint
from protocols.record.recorder import Recorder
from protocols.run_control import GivenUp, RunControl
from protocols.settings import TrainingSettings
from protocols.training_result import TrainingResult

logger = logging.getLogger(__name__)

STEP_COLUMNS = {"step": "", "epoch": "", "loss": "", "accuracy": "", "seconds": "s"}
EPOCH_COLUMNS = {
    "epoch": "",
    "step": "",
    "train_loss": "",
    "train_accuracy": "",
    "validation_loss": "",
    "validation_accuracy": "",
    "seconds": "s",
}
BLAS_THREADS = 1
"""Matrices of a minibatch are too small to share: with two threads the loop was up to four times
slower than with one on a busy machine, and never faster than by a tenth. One thread also leaves
the other cores to the record and makes results independent of their number."""

Done = TypeVar("Done")

SAMPLES_KEPT = 16
"""Samples of a minibatch whose fields are recorded."""


@dataclass
class _EpochSums:
    """Running sums over the epoch in hand."""

    loss: float = 0.0
    correct: int = 0
    images: int = 0


class Training:
    """One training run of a network on a dataset.

    The float32 weights held here are the shadow weights: unconstrained, never rounded to what
    the hardware can show. ``network.write`` turns them into what it can.

    Examples
    --------
    >>> training = Training(network, load_dataset("digits"), TrainingSettings(epochs=20))
    >>> result = training.run()
    """

    def __init__(
        self,
        network: Network,
        dataset: Dataset,
        settings: TrainingSettings,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        layers = network.layers
        if dataset.features != layers[0].inputs or dataset.classes != layers[-1].outputs:
            raise SettingsError(
                f"{dataset.name} has {dataset.features} inputs and {dataset.classes} classes; "
                f"the network has {layers[0].inputs} inputs and {layers[-1].outputs} outputs"
            )
        self.network = network
        self.dataset = dataset
        self.settings = settings
        self.step = 0
        self.epoch = 0
        self.best_epoch = 0
        self.best_validation_accuracy = -1.0
        self._clock = clock
        seeds = np.random.SeedSequence(settings.seed).spawn(3)
        start, self._shuffling, self._probing = map(np.random.default_rng, seeds)
        self._shuffling_at_epoch_start = self._shuffling.bit_generator.state
        if settings.initial_weights is not None:
            self.weights = load_weights(settings.initial_weights, layers)
        else:
            self.weights = draw_weights(layers, start, settings.start, settings.initial_std)
        self.best_weights = [weights.copy() for weights in self.weights]
        self._optimizer = self._new_optimizer()
        self._loss = LOSSES[settings.loss]
        self._error_path = error_path(
            settings.errors, self._loss, self._probing, settings.weights_per_layer
        )
        self._minibatch = 0
        self._order = np.zeros(0, np.int64)
        self._sums = _EpochSums()
        self._seconds_before = 0.0
        self._started_at = clock()
        self._recorder: Recorder | None = None
        self._control: RunControl | None = None
        self._watch = watch_for(network, settings, self._loss)
        network.write(self.weights)
        self.best_operating_point = network.operating_point()

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches in an epoch; the last may be smaller than the others."""
        return math.ceil(len(self.dataset.train_labels) / self.settings.batch_size)

    @property
    def seconds(self) -> float:
        """Seconds trained so far, those before a resumption included."""
        return self._seconds_before + self._clock() - self._started_at

    def step_columns(self) -> dict[str, str]:
        """Return names and units of the columns recorded every step."""
        watched = {} if self._watch is None else self._watch.columns()
        return STEP_COLUMNS | dict.fromkeys(self.network.readings(), "") | watched

    def epoch_columns(self) -> dict[str, str]:
        """Return names and units of the columns recorded every epoch."""
        return EPOCH_COLUMNS | dict.fromkeys(self.network.epoch_readings(), "dB")

    def run(
        self,
        recorder: Recorder | None = None,
        progress: Progress | None = None,
        stop: StopRequest | None = None,
        control: RunControl | None = None,
    ) -> TrainingResult:
        """Train to the end, put the network in its safe state and return the result.

        Raises
        ------
        Interrupted
            After Ctrl-C, SIGTERM or an abort, once the hardware is safe; after the first two a
            checkpoint is written before.
        TrainingError
            If the loss is no longer a finite number.
        """
        self._recorder = recorder
        progress = progress or Silent()
        self._started_at = self._clock()
        self._control = control
        if control is not None:
            self.network.call_before_exposures(control.give_up_if_asked)
        if self._watch is not None and recorder is not None:
            self._watch.tell = recorder.event
        try:
            with (
                threadpool_limits(BLAS_THREADS, user_api="blas"),
                stop or StopRequest() as request,
            ):
                try:
                    ended = self._train(progress, request)
                    result = self._undivided(lambda: self._finish(ended), request)
                finally:
                    # Light off first: nothing below may keep the hardware waiting.
                    self.network.make_safe()
        except Interrupted as interrupted:
            self._close("interrupted", str(interrupted))
            raise
        except KeyboardInterrupt:
            self._close("interrupted", "stopped in the middle of a step")
            raise
        except BaseException as error:
            self._close("failed", f"{type(error).__name__}: {error}")
            raise
        if recorder is not None:
            recorder.checkpoint(self.checkpoint())
            stopped = control is not None and control.stop_asked_by is not None
            recorder.close("stopped early" if stopped else "completed", ended, result.summary())
        return result

    def _train(self, progress: Progress, request: StopRequest) -> str:
        settings = self.settings
        next_checkpoint = self._clock() + settings.checkpoint_seconds
        while self.epoch < settings.epochs:
            if self._patience_is_over():
                return f"validation accuracy did not rise for {settings.patience} epochs"
            self._order = self._draw_order()
            while self._minibatch < self.steps_per_epoch:
                loss = self._undivided(self._run_step, request)
                progress.step(self, loss)
                if self._control is not None and self._control.asked:
                    self._obey(self._control, request)
                if request.signal_number is not None:
                    self._interrupt(request.signal_number)
                if self._recorder is not None and self._clock() >= next_checkpoint:
                    self._recorder.checkpoint(self.checkpoint())
                    next_checkpoint = self._clock() + settings.checkpoint_seconds
            progress.epoch(self, self._undivided(self._end_epoch, request))
            if request.signal_number is not None:
                self._interrupt(request.signal_number)
            if self._control is not None and self._control.stop_asked_by is not None:
                return f"stopped after epoch {self.epoch} by {self._control.stop_asked_by}"
        return f"all {settings.epochs} epochs done"

    def _undivided(self, work: Callable[[], Done], request: StopRequest) -> Done:
        """Do something that changes the run at its end only; after a pause now, all of it again."""
        while True:
            probing = self._probing.bit_generator.state
            try:
                return work()
            except GivenUp:
                # The one thing that is drawn from before the end.
                self._probing.bit_generator.state = probing
            assert self._control is not None
            self._obey(self._control, request)
            if request.signal_number is not None:
                self._interrupt(request.signal_number)

    def _obey(self, control: RunControl, request: StopRequest) -> None:
        """Note what was asked; hold in the safe state as long as it is paused."""
        self._note(control)
        request.raise_if_interrupted()
        if not control.pause_asked:
            return
        paused_at = self._clock()
        self.network.make_safe()
        if self._recorder is not None:
            self._recorder.event("paused", "paused, everything is safe")
            self._recorder.checkpoint(self.checkpoint())
        control.hold()
        # A pause is no training time.
        self._started_at += self._clock() - paused_at
        self._note(control)
        request.raise_if_interrupted()

    def _note(self, control: RunControl) -> None:
        if self._recorder is not None:
            for note in control.take_notes():
                self._recorder.event(note.kind, note.text)

    def _run_step(self) -> float:
        start = self._minibatch * self.settings.batch_size
        chosen = self._order[start : start + self.settings.batch_size]
        inputs = self.dataset.train_inputs.take(chosen, axis=0)
        labels = self.dataset.train_labels[chosen]
        health = () if self._watch is None else self._look(self._watch, inputs, labels)
        shown = self._weights_to_show()
        measured = self._error_path.gradient(self.network, self.weights, inputs, labels)
        at_output = measured.at_output
        if not math.isfinite(at_output.loss):
            raise TrainingError(
                f"the loss is {at_output.loss} at step {self.step}: training diverged; "
                "try a smaller learning rate or smaller initial weights"
            )
        self._optimizer.step(self.weights, measured.gradients)
        self.network.write(self.weights)
        self._sums.loss += at_output.loss * len(labels)
        self._sums.correct += at_output.correct
        self._sums.images += len(labels)
        if self._recorder is not None:
            self._record_step(self._recorder, measured, len(labels), health)
            if shown:
                self._recorder.show_taps(self.step, shown | _watched_fields(measured))
        self._minibatch += 1
        self.step += 1
        return at_output.loss

    def _weights_to_show(self) -> dict[str, Array]:
        """Return copies of the weights this step meets, if somebody watches."""
        if self._recorder is None or not self._recorder.wants_taps:
            return {}
        return {f"weights_{i}": one.copy() for i, one in enumerate(self.weights, start=1)}

    def _look(self, watch: HealthWatch, inputs: Array, labels: Labels) -> tuple[float, ...]:
        """Look at the bench's health, if it is time; the record keeps the sets of its tables."""
        try:
            return watch.look(self.step, inputs, labels)
        except GradientError:
            if self._recorder is not None:
                self._recorder.checkpoint(self.checkpoint())
            raise

    def _record_step(
        self,
        recorder: Recorder,
        measured: MinibatchGradient,
        count: int,
        health: tuple[float, ...],
    ) -> None:
        at_output = measured.at_output
        recorder.step(
            (
                self.step,
                self.epoch,
                at_output.loss,
                at_output.correct / count,
                self.seconds,
                *self.network.readings().values(),
                *health,
            )
        )
        every = self.settings.fields_every
        if every and self.step % every == 0 and count >= SAMPLES_KEPT:
            recorder.fields(self.step, _sampled_fields(measured))

    def _end_epoch(self) -> dict[str, float]:
        dataset, sums = self.dataset, self._sums
        score = evaluate(
            self.network, dataset.validation_inputs, dataset.validation_labels, self._loss
        )
        self.epoch += 1
        if score.accuracy > self.best_validation_accuracy:
            self.best_validation_accuracy = score.accuracy
            self.best_epoch = self.epoch
            self.best_weights = [weights.copy() for weights in self.weights]
            self.best_operating_point = self.network.operating_point()
        row = dict(
            zip(
                EPOCH_COLUMNS,
                (
                    self.epoch,
                    self.step,
                    sums.loss / sums.images,
                    sums.correct / sums.images,
                    score.loss,
                    score.accuracy,
                    self.seconds,
                ),
                strict=True,
            )
        )
        row |= self.network.epoch_readings()
        if self._recorder is not None:
            self._recorder.epoch(tuple(row.values()))
        self._minibatch = 0
        self._sums = _EpochSums()
        self._shuffling_at_epoch_start = self._shuffling.bit_generator.state
        return row

    def _finish(self, ended: str) -> TrainingResult:
        seconds = self.seconds
        self.network.write(self.best_weights, self.best_operating_point)
        dataset = self.dataset
        score = evaluate(self.network, dataset.test_inputs, dataset.test_labels, self._loss)
        return TrainingResult(
            test_accuracy=score.accuracy,
            test_loss=score.loss,
            best_epoch=self.best_epoch,
            best_validation_accuracy=self.best_validation_accuracy,
            epochs=self.epoch,
            steps=self.step,
            seconds=seconds,
            images_per_second=self.epoch * len(dataset.train_labels) / seconds,
            ended=ended,
            run=None if self._recorder is None else self._recorder.path,
            weights=self.best_weights,
            operating_point=self.best_operating_point,
        )

    def _draw_order(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        self._shuffling.bit_generator.state = self._shuffling_at_epoch_start
        return self._shuffling.permutation(len(self.dataset.train_labels))

    def _patience_is_over(self) -> bool:
        patience = self.settings.patience
        return (
            patience is not None
            and self._minibatch == 0
            and self.epoch - self.best_epoch >= patience
            and self.epoch > 0
        )

    def _interrupt(self, signal_number: int) -> None:
        if self._recorder is not None:
            self._recorder.checkpoint(self.checkpoint())
        raise Interrupted(f"interrupted after step {self.step}", signal_number)

    def _close(self, state: Literal["interrupted", "failed"], reason: str) -> None:
        """Close the record on the way out of a failure, without hiding that failure."""
        if self._recorder is None:
            return
        try:
            if self._control is not None:
                self._note(self._control)
            self._recorder.close(state, reason, {"epochs": self.epoch, "steps": self.step})
        except Exception:
            logger.exception("the record could not be closed")

    def _new_optimizer(self) -> Optimizer:
        settings = self.settings
        if settings.optimizer == "adam":
            return Adam(self.weights, settings.learning_rate)
        return MomentumDescent(self.weights, settings.learning_rate, settings.momentum)

    def checkpoint(self) -> Checkpoint:
        """Return a copy of everything the next step depends on."""
        arrays: dict[str, Any] = {}
        for index, (weights, best) in enumerate(
            zip(self.weights, self.best_weights, strict=True), start=1
        ):
            arrays[f"weights/layer_{index}"] = weights.copy()
            arrays[f"best_weights/layer_{index}"] = best
        arrays |= {f"optimizer/{name}": a for name, a in self._optimizer.arrays().items()}
        network_values = {}
        for name, value in self.network.state().items():
            if isinstance(value, np.ndarray):
                arrays[f"network/{name}"] = value
            else:
                network_values[name] = value
        return Checkpoint(
            step=self.step,
            epoch=self.epoch,
            arrays=arrays,
            values={
                "minibatch": self._minibatch,
                "best_epoch": self.best_epoch,
                "best_validation_accuracy": self.best_validation_accuracy,
                "best_operating_point": self.best_operating_point,
                "sums": vars(self._sums).copy(),
                "seconds": self.seconds,
                "shuffling_at_epoch_start": self._shuffling_at_epoch_start,
                "probing": self._probing.bit_generator.state,
                "health": None if self._watch is None else self._watch.state(),
                "network": network_values,
            },
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to where a checkpoint was taken."""
        arrays, values = checkpoint.arrays, checkpoint.values
        for index, (weights, best) in enumerate(
            zip(self.weights, self.best_weights, strict=True), start=1
        ):
            weights[...] = arrays[f"weights/layer_{index}"]
            best[...] = arrays[f"best_weights/layer_{index}"]
        self._optimizer.restore(_below("optimizer/", arrays))
        self.step, self.epoch = checkpoint.step, checkpoint.epoch
        self._minibatch = values["minibatch"]
        self.best_epoch = values["best_epoch"]
        self.best_validation_accuracy = values["best_validation_accuracy"]
        self.best_operating_point = values["best_operating_point"]
        self._sums = _EpochSums(**values["sums"])
        self._seconds_before = values["seconds"]
        self._shuffling_at_epoch_start = values["shuffling_at_epoch_start"]
        self._probing.bit_generator.state = values["probing"]
        if self._watch is not None:
            self._watch.restore(values["health"])
        # The weights are shown first: writing them may move the network's own state.
        self.network.write(self.weights)
        self.network.restore(_below("network/", arrays) | values["network"])

    def __repr__(self) -> str:
        return (
            f"Training({self.network!r} on {self.dataset.name}, "
            f"epoch {self.epoch} of {self.settings.epochs}, step {self.step})"
        )


def _below(prefix: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


def _watched_fields(measured: MinibatchGradient) -> dict[str, Array]:
    """Return what is recorded now and then, and the input, for a monitor."""
    inputs = measured.passed.activations[0][:SAMPLES_KEPT].copy()
    return {"activation_0": inputs} | _sampled_fields(measured)


def _sampled_fields(measured: MinibatchGradient) -> dict[str, Array]:
    """Return a few samples of every tapped field but the input, which the data set holds."""
    passed = measured.passed
    fields = {f"activation_{i}": a for i, a in enumerate(passed.activations) if i > 0}
    if passed.unit_inputs is not None:
        fields |= {f"unit_input_{i}": z for i, z in enumerate(passed.unit_inputs, start=1)}
    fields["output"] = passed.output
    first = len(passed.activations) - len(measured.errors) + 1
    fields |= {f"error_{i}": delta for i, delta in enumerate(measured.errors, start=first)}
    return {name: values[:SAMPLES_KEPT].copy() for name, values in fields.items()}


def train(
    network: Network,
    dataset: Dataset,
    settings: TrainingSettings | None = None,
    *,
    out: Path | str | None = None,
    show_progress: bool = True,
) -> TrainingResult:
    """Train a network on a dataset, from a script or a notebook.

    Parameters
    ----------
    out
        Folder of the record; ``None`` keeps none.
    show_progress
        Show a live line while training.
    """
    from protocols.live_progress import LiveProgress

    training = Training(network, dataset, settings or TrainingSettings())
    recorder = None
    if out is not None:
        recorder = start_record(training, Path(out))
    with LiveProgress(training) if show_progress else nullcontext(None) as progress:
        return training.run(recorder, progress)


def start_record(training: Training, path: Path, **more: Any) -> Recorder:
    """Begin the record of a training at ``path``; ``more`` goes into its configuration."""
    return Recorder.create(
        path,
        configuration={
            "network": training.network.describe(),
            "dataset": training.dataset.describe(),
            "settings": training.settings.model_dump(mode="json"),
            **more,
        },
        step_columns=training.step_columns(),
        epoch_columns=training.epoch_columns(),
        checkpoint=training.checkpoint(),
    )
