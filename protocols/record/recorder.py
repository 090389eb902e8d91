"""The writer of a run: what a training loop calls while it happens."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from instruments.errors import RecordError
from protocols.record.checkpoint import Checkpoint
from protocols.record.documents import read_document, storable_dtype
from protocols.record.json_values import to_json
from protocols.record.latest import read_latest
from protocols.record.layout import (
    FIELDS_COUNT,
    FIELDS_STEP,
    FINISHED,
    ClosingState,
    is_array_name,
)
from protocols.record.lock import acquire_lock
from protocols.record.recorder_thread import Ending, RecorderThread, Row
from protocols.record.store import RunStore
from protocols.record.versions import present_versions, version_differences
from protocols.record.watcher import Watcher

_log = logging.getLogger(__name__)


class Recorder:
    """Writes a run while it happens.

    Made by ``create`` or ``resume`` and used from one thread; leaving it as a context manager
    closes the run. Trouble in the recorder thread (a full disk, a removed folder) is raised as
    ``RecordError`` by the next call of any method.

    Attributes
    ----------
    path
        Folder of the run.
    differences
        In what a resumed run's versions, processor or threads differ from those recorded.
    """

    def __init__(
        self,
        store: RunStore,
        lock: FileLock,
        clock: Callable[[], float],
        differences: Sequence[str] = (),
    ) -> None:
        self.path = store.path
        self.differences = tuple(differences)
        self._store = store
        self._lock = lock
        self._clock = clock
        self._epoch_width = len(store.epochs.arrays[0].attributes["columns"])
        self._fields = store.fields_as_recorded()
        self._counts = store.counts()
        self._rows_before = self._counts["rows"]
        self._closed = False
        self._watcher: Watcher | None = None
        width = len(store.rows.arrays[0].attributes["columns"])
        self._thread = RecorderThread(store, width, clock)

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        *,
        configuration: Mapping[str, Any],
        step_columns: Mapping[str, str],
        epoch_columns: Mapping[str, str],
        checkpoint: Checkpoint,
        identities: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Recorder:
        """Begin a run; its folder appears complete with the first checkpoint, or not at all.

        Parameters
        ----------
        path
            Folder of the run; missing parents are made.
        configuration
            JSON values; its ``note``, if any, is shown in lists of runs.
        step_columns, epoch_columns
            Name and unit (``""`` if dimensionless) of each number of a step and of an epoch.
        checkpoint
            The state before the first step.
        identities
            Instruments and calibration tables of the run, as JSON values.
        clock
            Seconds since 1970, for the times in the record.

        Raises
        ------
        RecordError
            If the path exists or cannot be written, or something cannot be recorded.
        """
        if not step_columns or not epoch_columns:
            raise RecordError(f"{path}: steps and epochs need at least one column each")
        checkpoint.check()
        attributes = {
            "configuration": to_json(configuration, "configuration"),
            "versions": present_versions(),
            "identities": to_json(identities or {}, "identities"),
        }
        store = RunStore.create(
            Path(path),
            attributes=attributes,
            step_columns=step_columns,
            epoch_columns=epoch_columns,
            checkpoint=checkpoint,
            note=str(configuration.get("note") or ""),
            now=clock(),
        )
        return cls(store, acquire_lock(store.path), clock)

    @classmethod
    def resume(
        cls, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time
    ) -> tuple[Recorder, Checkpoint]:
        """Continue a run that was interrupted, failed or was killed, from its last checkpoint.

        Rows, epochs and samples after the checkpoint are dropped; the event log is kept and
        told of the resumption. Differences from the recorded versions are logged as a warning.

        Raises
        ------
        RecordError
            If this is no run, it is finished or being written, or nothing whole is left of it.
        """
        folder = Path(path)
        read_latest(folder)
        lock = acquire_lock(folder)
        try:
            # Again, under the lock: it may have been finished a moment ago.
            state = read_latest(folder).state
            if state in FINISHED:
                raise RecordError(
                    f"{folder} is {state} and cannot be resumed; start a new run instead"
                )
            recorded = read_document(folder)["attributes"].get("versions", {})
            differences = version_differences(recorded, present_versions())
            store = RunStore(folder)
            checkpoint = store.return_to_checkpoint(clock())
        except OSError as error:
            lock.release()
            raise RecordError(
                f"{folder} cannot be resumed ({error}); restore it from a copy"
            ) from error
        except BaseException:
            lock.release()
            raise
        text = f"resumed at step {checkpoint.step}"
        if differences:
            text += (
                f" with different {'; '.join(differences)}: bit-for-bit equality is not promised"
            )
            _log.warning("%s: %s", folder, text)
        recorder = cls(store, lock, clock, differences)
        recorder.event("resumed", text, differences=differences, checkpoint=checkpoint.step)
        return recorder, checkpoint

    def step(self, row: Row) -> None:
        """Record one step: a number for each step column. Waits only if the ring is full."""
        self._thread.put_row(row)

    def epoch(self, row: Row) -> None:
        """Record one epoch: a number for each epoch column."""
        try:
            values = np.array(row, dtype=np.float64).reshape(1, self._epoch_width)
        except (TypeError, ValueError) as error:
            raise RecordError(
                f"{self.path}: an epoch has {self._epoch_width} numbers, "
                f"this one is different ({error})"
            ) from error
        self._thread.put(lambda: self._store.epochs.arrays[0].append(values))
        if self._watcher is not None:
            self._watcher.epoch(self._counts["epochs"], values[0])
        self._counts["epochs"] += 1

    def fields(self, step: int, fields: Mapping[str, npt.ArrayLike]) -> None:
        """Record what the taps saw at one step.

        Parameters
        ----------
        step
            The step.
        fields
            ``[batch, neuron]`` for each tap, in units of the saturation field; the same names,
            shapes and dtypes every time. They are copied.
        """
        copies = {name: np.array(values) for name, values in fields.items()}
        described = {}
        for name, values in copies.items():
            if values.size == 0:
                raise RecordError(f"{self.path}: the field {name!r} is empty; leave it out")
            if not is_array_name(name) or name in (FIELDS_STEP, FIELDS_COUNT):
                raise RecordError(
                    f"{self.path}: a field cannot be called {name!r}; allowed are letters, "
                    f"digits and _().+-, but not {FIELDS_STEP} and {FIELDS_COUNT}"
                )
            described[name] = (values.shape, storable_dtype(values.dtype, f"field {name!r}"))
        if len({name.casefold() for name in copies}) < len(copies):
            raise RecordError(f"{self.path}: two fields differ in upper and lower case only")
        if self._fields and described != self._fields:
            raise RecordError(
                f"{self.path}: the fields sampled first were {_listed(self._fields)}, "
                f"these are {_listed(described)}; sample the same every time"
            )
        self._thread.put(lambda: self._store.append_sample(step, copies))
        self._fields = described
        if self._watcher is not None:
            self._watcher.fields(step, copies)
        self._counts["samples"] += 1

    def event(self, kind: str, text: str, **details: Any) -> None:
        """Record that something happened, in words and JSON values."""
        event = {
            "time": self._clock(),
            "kind": kind,
            "text": text,
            "step": self._steps(),
            "details": to_json(details, f"event {kind!r}"),
        }
        line = json.dumps(event, allow_nan=False).encode() + b"\n"
        self._thread.put(lambda: self._store.append_event(line))
        if self._watcher is not None:
            self._watcher.event(self._counts["event_bytes"], event)
        self._counts["event_bytes"] += len(line)

    def checkpoint(self, checkpoint: Checkpoint, *, wait: bool = False) -> None:
        """Hand over a checkpoint; the caller will not change its arrays any more.

        A run resumes from the newest checkpoint written. One that is still waiting when the
        next arrives is replaced by it.

        Parameters
        ----------
        wait
            Return only when it is written.
        """
        checkpoint.check()
        counts = {**self._counts, "rows": self._steps()}
        self._thread.put_checkpoint(checkpoint, counts, wait=wait)
        if self._watcher is not None:
            self._watcher.checkpoint(checkpoint)

    def close(
        self,
        state: ClosingState = "completed",
        reason: str = "",
        summary: Mapping[str, Any] | None = None,
    ) -> None:
        """Write what is left, say how the run ended, and let go of it. A second call does nothing.

        Parameters
        ----------
        state
            ``completed`` and ``stopped early`` are final; the others can be resumed.
        reason
            Why it ended, in words.
        summary
            JSON values worth a line in a list of runs.

        Raises
        ------
        RecordError
            If the record could not be finished. The run can be resumed from its last checkpoint.
        """
        if self._closed:
            return
        ending = Ending(state, reason, to_json(summary or {}, "summary"))
        self._closed = True
        try:
            self._thread.finish(ending)
        finally:
            if self._watcher is not None:
                self._watcher.closed()
            if not self._thread.is_alive():
                self._lock.release()

    def watch(self, watcher: Watcher) -> None:
        """Tell a watcher of everything that is recorded from now on, rows excepted."""
        self._watcher = watcher

    @property
    def wants_taps(self) -> bool:
        """Whether somebody is watching who would like to see the taps of the next minibatch."""
        return self._watcher is not None and self._watcher.wants_taps

    def show_taps(self, step: int, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Show taps, and the weights the light met, to whoever watches; nothing is recorded.

        Parameters
        ----------
        step
            The step.
        arrays
            Arrays nobody changes any more, by name.
        """
        if self._watcher is not None:
            self._watcher.taps(step, arrays)

    def rows_since(self, start: int, most: int) -> tuple[int, npt.NDArray[np.float64]]:
        """Copy rows from row ``start`` of the run on, recorded or still on their way.

        From any thread; costs the training loop nothing. Returns the first row copied, later
        than ``start`` where older ones are no longer at hand, and ``[n, columns]``.
        """
        first, rows = self._thread.rows_since(start - self._rows_before, most)
        return first + self._rows_before, rows

    @property
    def rows_committed(self) -> int:
        """Rows of the run that count on the disk."""
        return self._rows_before + self._thread.rows_committed

    @property
    def generation(self) -> int:
        """How often the run was resumed."""
        return self._store.latest.generation

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close("completed", "finished")
            return
        interrupted = isinstance(error, (KeyboardInterrupt, SystemExit))
        words = f"{type(error).__name__}: {error}".rstrip(": ")
        try:
            self.close("interrupted" if interrupted else "failed", words)
        except RecordError as record_error:
            # What the caller is leaving with matters more, and is often the same.
            _log.error("%s", record_error)

    def __repr__(self) -> str:
        return f"<Recorder of {self.path}: {self._steps()} steps, {self._counts['epochs']} epochs>"

    def _steps(self) -> int:
        return self._rows_before + self._thread.rows_taken_in


def _listed(fields: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]) -> str:
    return ", ".join(
        f"{name} {list(shape)} {dtype.name}" for name, (shape, dtype) in sorted(fields.items())
    )
