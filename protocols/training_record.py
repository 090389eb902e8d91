"""What a training writes into its record: a row a step and an epoch, sampled fields, events."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from instruments.errors import RecordError
from instruments.network import Array
from protocols.error_paths import MinibatchGradient
from protocols.evaluation import Score
from protocols.record.layout import ClosingState
from protocols.record.recorder import Recorder
from protocols.run_control import RunControl
from protocols.settings import TrainingSettings
from protocols.training_result import TrainingResult

if TYPE_CHECKING:
    from protocols.training import Training

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

SAMPLES_KEPT = 16
"""Samples of a minibatch whose fields are recorded."""


def step_columns(training: Training) -> dict[str, str]:
    """Return names and units of the columns recorded every step."""
    watched = {} if training.watch is None else training.watch.columns()
    return STEP_COLUMNS | dict.fromkeys(training.network.readings(), "") | watched


def epoch_columns(training: Training) -> dict[str, str]:
    """Return names and units of the columns recorded every epoch."""
    return EPOCH_COLUMNS | dict.fromkeys(training.network.epoch_readings(), "dB")


def epoch_row(training: Training, score: Score) -> dict[str, float]:
    """Return what is recorded of a finished epoch, by columns.

    Parameters
    ----------
    score
        Of the validation part.
    """
    state = training.state
    values = (
        state.epoch,
        state.step,
        state.sums.loss / state.sums.images,
        state.sums.correct / state.sums.images,
        score.loss,
        score.accuracy,
        training.seconds,
    )
    row = dict(zip(EPOCH_COLUMNS, values, strict=True))
    return {**row, **training.network.epoch_readings()}


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
        step_columns=step_columns(training),
        epoch_columns=epoch_columns(training),
        checkpoint=training.checkpoint(),
    )


class TrainingRecord:
    """What one training tells its recorder while it runs; where there is none, nothing.

    Parameters
    ----------
    recorder
        Of the run; ``None`` keeps no record.
    settings
        How often fields are sampled and checkpoints taken.
    control
        What the run is asked is noted.
    clock
        Seconds, for the time between two checkpoints.
    """

    def __init__(
        self,
        recorder: Recorder | None,
        settings: TrainingSettings,
        control: RunControl | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._recorder = recorder
        self._control = control
        self._clock = clock
        self._fields_every = settings.fields_every
        self._checkpoint_seconds = settings.checkpoint_seconds
        self._next_checkpoint = clock() + settings.checkpoint_seconds

    @property
    def path(self) -> Path | None:
        """Folder of the run."""
        return None if self._recorder is None else self._recorder.path

    def weights_met(self, weights: Sequence[Array]) -> dict[str, Array]:
        """Return copies of the weights that a step meets, if somebody watches."""
        if self._recorder is None or not self._recorder.wants_taps:
            return {}
        return {f"weights_{i}": one.copy() for i, one in enumerate(weights, start=1)}

    def step(
        self,
        training: Training,
        measured: MinibatchGradient,
        count: int,
        health: tuple[float, ...],
        met: Mapping[str, Array],
    ) -> None:
        """Write what a step gave, and its fields now and then, before the step is counted.

        Parameters
        ----------
        count
            Samples in the minibatch.
        health
            A number for each column of the watch over the bench.
        met
            What ``weights_met`` returned in front of the step; shown to whoever watches.
        """
        recorder = self._recorder
        if recorder is None:
            return
        state, at_output = training.state, measured.at_output
        recorder.step(
            (
                state.step,
                state.epoch,
                at_output.loss,
                at_output.correct / count,
                training.seconds,
                *training.network.readings().values(),
                *health,
            )
        )
        every = self._fields_every
        if every and state.step % every == 0 and count >= SAMPLES_KEPT:
            recorder.fields(state.step, _sampled_fields(measured))
        if met:
            recorder.show_taps(state.step, {**met, **_watched_fields(measured)})

    def epoch(self, row: Mapping[str, float]) -> None:
        """Write the row of a finished epoch."""
        if self._recorder is not None:
            self._recorder.epoch(tuple(row.values()))

    def event(self, kind: str, text: str) -> None:
        """Write that something happened."""
        if self._recorder is not None:
            self._recorder.event(kind, text)

    def note_what_was_asked(self) -> None:
        """Write what the run was asked since the last time."""
        if self._recorder is not None and self._control is not None:
            for note in self._control.take_notes():
                self._recorder.event(note.kind, note.text)

    def checkpoint(self, training: Training) -> None:
        """Keep a checkpoint."""
        if self._recorder is not None:
            self._recorder.checkpoint(training.checkpoint())

    def checkpoint_if_due(self, training: Training) -> None:
        """Keep a checkpoint if the last is old enough."""
        if self._recorder is not None and self._clock() >= self._next_checkpoint:
            self._recorder.checkpoint(training.checkpoint())
            self._next_checkpoint = self._clock() + self._checkpoint_seconds

    def complete(self, training: Training, result: TrainingResult) -> None:
        """Keep the last checkpoint and close the record of a run that came to its end."""
        if self._recorder is None:
            return
        self._recorder.checkpoint(training.checkpoint())
        stopped = self._control is not None and self._control.stop_asked_by is not None
        state: ClosingState = "stopped early" if stopped else "completed"
        self._recorder.close(state, result.ended, result.summary())

    def break_off(
        self, training: Training, state: Literal["interrupted", "failed"], reason: str
    ) -> None:
        """Close the record on the way out of a failure, without hiding that failure."""
        if self._recorder is None:
            return
        try:
            self.note_what_was_asked()
            finished = {"epochs": training.state.epoch, "steps": training.state.step}
            self._recorder.close(state, reason, finished)
        except RecordError as error:
            logger.error("%s", error)
        except Exception:
            logger.exception("the record could not be closed")


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
