"""The training protocol: minibatches, averaged gradients, validation, best weights kept.

Knows the network seam only. Whether light or algebra answers behind it makes no difference
here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

from instruments.errors import GradientError, SettingsError, TrainingError
from instruments.network import Array, Network
from instruments.shared_loops import shared_by_all_cores
from protocols.datasets import Dataset
from protocols.error_paths import error_path
from protocols.evaluation import evaluate
from protocols.health.watch import HealthWatch, Look, watch_for
from protocols.interruption import Interrupted, StopRequest
from protocols.losses import LOSSES, Labels
from protocols.progress import Progress, Silent
from protocols.record.checkpoint import Checkpoint
from protocols.record.recorder import Recorder
from protocols.run_control import GivenUp, RunControl
from protocols.settings import TrainingSettings
from protocols.training_record import TrainingRecord, epoch_row, start_record
from protocols.training_result import TrainingResult
from protocols.training_state import BestEpoch, EpochSums, TrainingState

Done = TypeVar("Done")


class Training:
    """One training run of a network on a dataset.

    The float32 weights held here are the shadow weights: unconstrained, never rounded to what
    the hardware can show. ``network.write`` turns them into what it can.

    Attributes
    ----------
    network, dataset, settings
        What it was given.
    state
        Where it is: all that a checkpoint keeps.
    watch
        Looks after the health of a bench; ``None`` where nothing asks for it.

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
        self.state = TrainingState(layers, dataset, settings)
        self._loss = LOSSES[settings.loss]
        self._error_path = error_path(
            settings.errors, self._loss, self.state.probing, settings.weights_per_layer
        )
        self.watch = watch_for(network, settings, self._loss)
        self._clock = clock
        self._started_at = clock()
        self._record = TrainingRecord(None, settings)
        self._control: RunControl | None = None
        network.write(self.state.weights)
        self.state.best.operating_point = network.operating_point()

    # The training, from start to end --------------------------------------------------------------

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
        self._started_at = self._clock()
        self._record = TrainingRecord(recorder, self.settings, control, self._clock)
        self._control = control
        if control is not None:
            self.network.call_before_exposures(control.give_up_if_asked)
        if self.watch is not None and recorder is not None:
            self.watch.tell = recorder.event
        try:
            with (
                shared_by_all_cores(sum(one.inputs * one.outputs for one in self.network.layers)),
                stop or StopRequest() as request,
            ):
                try:
                    ended = self._train(progress or Silent(), request)
                    result = self._undivided(lambda: self._finish(ended), request)
                finally:
                    # Light off first: nothing below may keep the hardware waiting.
                    self.network.make_safe()
        except Interrupted as interrupted:
            self._record.break_off(self, "interrupted", str(interrupted))
            raise
        except KeyboardInterrupt:
            self._record.break_off(self, "interrupted", "stopped in the middle of a step")
            raise
        except BaseException as error:
            self._record.break_off(self, "failed", f"{type(error).__name__}: {error}")
            raise
        self._record.complete(self, result)
        return result

    def _train(self, progress: Progress, request: StopRequest) -> str:
        """Train epoch by epoch; return why it ended."""
        epochs, control = self.settings.epochs, self._control
        state, minibatches = self.state, self.state.minibatches
        while state.epoch < epochs:
            if self._patience_is_over():
                return f"validation accuracy did not rise for {self.settings.patience} epochs"
            minibatches.shuffle()
            while minibatches.done < minibatches.per_epoch:
                loss = self._undivided(self._run_step, request)
                progress.step(self, loss)
                if control is not None and control.asked:
                    self._obey(control, request)
                if request.signal_number is not None:
                    self._interrupt(request.signal_number)
                self._record.checkpoint_if_due(self)
            progress.epoch(self, self._undivided(self._end_epoch, request))
            if request.signal_number is not None:
                self._interrupt(request.signal_number)
            if control is not None and control.stop_asked_by is not None:
                return f"stopped after epoch {state.epoch} by {control.stop_asked_by}"
        return f"all {epochs} epochs done" if epochs > 1 else "its one epoch done"

    def _run_step(self) -> float:
        """Take the minibatch in hand to its gradient and change the weights; return its loss."""
        state = self.state
        inputs, labels = state.minibatches.in_hand()
        looked = Look() if self.watch is None else self._look(self.watch, inputs, labels)
        met = self._record.weights_met(state.weights)
        measured = looked.measured or self._error_path.gradient(
            self.network, state.weights, inputs, labels
        )
        at_output = measured.at_output
        if not math.isfinite(at_output.loss):
            raise TrainingError(
                f"the loss is {at_output.loss} at step {state.step}: training diverged; "
                "try a smaller learning rate or smaller initial weights"
            )
        state.optimizer.step(state.weights, measured.gradients)
        self.network.write(state.weights)
        state.sums.loss += at_output.loss * len(labels)
        state.sums.correct += at_output.correct
        state.sums.images += len(labels)
        self._record.step(self, measured, len(labels), looked.values, met)
        state.minibatches.done += 1
        state.step += 1
        return at_output.loss

    def _look(self, watch: HealthWatch, inputs: Array, labels: Labels) -> Look:
        """Look at the bench's health, if it is time; the record keeps the sets of its tables."""
        try:
            return watch.look(self.state.step, inputs, labels)
        except GradientError:
            self._record.checkpoint(self)
            raise

    def _end_epoch(self) -> dict[str, float]:
        """Validate, keep the weights if they are the best so far; return the epoch's row."""
        dataset, state = self.dataset, self.state
        score = evaluate(
            self.network, dataset.validation_inputs, dataset.validation_labels, self._loss
        )
        state.epoch += 1
        if score.accuracy > state.best.validation_accuracy:
            state.best = BestEpoch(
                weights=[weights.copy() for weights in state.weights],
                operating_point=self.network.operating_point(),
                number=state.epoch,
                validation_accuracy=score.accuracy,
            )
        row = epoch_row(self, score)
        self._record.epoch(row)
        state.sums = EpochSums()
        state.minibatches.end_epoch()
        return row

    def _patience_is_over(self) -> bool:
        patience, state = self.settings.patience, self.state
        return (
            patience is not None
            and state.minibatches.done == 0
            and state.epoch - state.best.number >= patience
            and state.epoch > 0
        )

    def _finish(self, ended: str) -> TrainingResult:
        """Show the best weights and test them."""
        seconds = self.seconds
        dataset, state, best = self.dataset, self.state, self.state.best
        self.network.write(best.weights, best.operating_point)
        score = evaluate(self.network, dataset.test_inputs, dataset.test_labels, self._loss)
        return TrainingResult(
            test_accuracy=score.accuracy,
            test_loss=score.loss,
            best_epoch=best.number,
            best_validation_accuracy=best.validation_accuracy,
            epochs=state.epoch,
            steps=state.step,
            seconds=seconds,
            images_per_second=state.epoch * len(dataset.train_labels) / seconds,
            ended=ended,
            run=self._record.path,
            weights=best.weights,
            operating_point=best.operating_point,
        )

    # What may come in between ---------------------------------------------------------------------

    def _undivided(self, work: Callable[[], Done], request: StopRequest) -> Done:
        """Do something that changes the run at its end only; after a pause now, all of it again."""
        while True:
            try:
                return work()
            except GivenUp:
                pass
            assert self._control is not None
            self._obey(self._control, request)
            if request.signal_number is not None:
                self._interrupt(request.signal_number)

    def _obey(self, control: RunControl, request: StopRequest) -> None:
        """Note what was asked; hold in the safe state as long as it is paused."""
        self._record.note_what_was_asked()
        request.raise_if_interrupted()
        if not control.pause_asked:
            return
        paused_at = self._clock()
        self.network.make_safe()
        self._record.event("paused", "paused, everything is safe")
        self._record.checkpoint(self)
        control.hold()
        # A pause is no training time.
        self._started_at += self._clock() - paused_at
        self._record.note_what_was_asked()
        request.raise_if_interrupted()

    def _interrupt(self, signal_number: int) -> None:
        self._record.checkpoint(self)
        raise Interrupted(f"interrupted after step {self.state.step}", signal_number)

    # Where it is ----------------------------------------------------------------------------------

    @property
    def step(self) -> int:
        """Steps finished."""
        return self.state.step

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return self.state.epoch

    @property
    def weights(self) -> list[Array]:
        """The shadow weights, ``[outputs, inputs]`` a layer."""
        return self.state.weights

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches in an epoch; the last may be smaller than the others."""
        return self.state.minibatches.per_epoch

    @property
    def seconds(self) -> float:
        """Seconds trained so far, those before a resumption included."""
        return self.state.seconds_before + self._clock() - self._started_at

    def checkpoint(self) -> Checkpoint:
        """Return a copy of everything the next step depends on."""
        return self.state.checkpoint(self.network, self.watch, self.seconds)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to where a checkpoint was taken."""
        self.state.restore(checkpoint, self.network, self.watch)

    def __repr__(self) -> str:
        return (
            f"Training({self.network!r} on {self.dataset.name}, "
            f"epoch {self.epoch} of {self.settings.epochs}, step {self.step})"
        )


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
