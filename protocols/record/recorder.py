"""The writer of a run: the training loop hands over, one thread writes.

The loop's own cost is the copy of a row into a ring. A single recorder thread takes rows,
epochs, sampled fields, events and checkpoints in their order and commits them twice a second.
That thread is also the place from which a live monitor is fed: between taking and committing.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import deque
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
from protocols.record.store import RunStore
from protocols.record.versions import present_versions, version_differences

_log = logging.getLogger(__name__)

# Each commit costs milliseconds of file operations whatever its size.
_COMMIT_SECONDS = 0.5
# A checkpoint waits until 50 times what the last one took has passed, so that large states
# cost no more than two per cent; the newest one waiting replaces the one before.
_CHECKPOINT_REST = 50.0
_RING_BYTES = 8 * 2**20
_RING_ROWS = 4096
_QUEUE_LENGTH = 64
_CLOSE_SECONDS = 60.0

Row = Sequence[float] | npt.NDArray[np.floating[Any]]


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
        self._step_columns: list[str] = store.rows.arrays[0].attributes["columns"]
        self._epoch_columns: list[str] = store.epochs.arrays[0].attributes["columns"]
        self._fields = store.fields_as_recorded()
        self._counts = store.counts()
        self._rows_before = self._counts["rows"]

        # One producer moves _head, one consumer moves _tail; both are plain integers.
        self._width = len(self._step_columns)
        self._capacity = max(_RING_ROWS, _RING_BYTES // (8 * max(self._width, 1)))
        self._ring = np.empty((self._capacity, self._width))
        self._head = 0
        self._tail = 0

        self._condition = threading.Condition()
        self._queue: deque[Callable[[], None]] = deque()
        self._checkpoint: tuple[Checkpoint, dict[str, int]] | None = None
        self._checkpoints_asked = 0
        self._checkpoints_written = 0
        self._checkpoint_due = 0.0
        self._urgent = False
        self._closing: tuple[ClosingState, str, Mapping[str, Any]] | None = None
        self._failure: Exception | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._record, name="recorder", daemon=True)
        self._thread.start()

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
        if self._stopped:
            self._refuse()
        head = self._head
        used = head - self._tail
        if used * 2 >= self._capacity:
            self._hurry(used >= self._capacity)
        try:
            if len(row) != self._width:
                raise ValueError(f"{len(row)} values")
            self._ring[head % self._capacity] = row
        except (TypeError, ValueError) as error:
            raise RecordError(
                f"{self.path}: a step has {self._width} numbers, this one is different ({error})"
            ) from error
        self._head = head + 1

    def epoch(self, row: Row) -> None:
        """Record one epoch: a number for each epoch column."""
        try:
            values = np.array(row, dtype=np.float64).reshape(1, len(self._epoch_columns))
        except (TypeError, ValueError) as error:
            raise RecordError(
                f"{self.path}: an epoch has {len(self._epoch_columns)} numbers, "
                f"this one is different ({error})"
            ) from error
        self._put(lambda: self._store.epochs.arrays[0].append(values))
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
        self._put(lambda: self._store.append_sample(step, copies))
        self._fields = described
        self._counts["samples"] += 1

    def event(self, kind: str, text: str, **details: Any) -> None:
        """Record that something happened, in words and JSON values."""
        event = {
            "time": self._clock(),
            "kind": kind,
            "text": text,
            "step": self._rows_before + self._head,
            "details": to_json(details, f"event {kind!r}"),
        }
        line = json.dumps(event, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        self._put(lambda: self._store.append_event(line))
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
        counts = {**self._counts, "rows": self._rows_before + self._head}
        with self._condition:
            self._refuse_if_stopped()
            self._checkpoint = (checkpoint, counts)
            self._checkpoints_asked += 1
            ticket = self._checkpoints_asked
            while wait and self._checkpoints_written < ticket:
                self._wait_for_thread()

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
        if self._closing is not None:
            return
        written = to_json(summary or {}, "summary")
        with self._condition:
            self._closing = (state, reason, written)
            self._stopped = True
            self._condition.notify_all()
        self._thread.join(_CLOSE_SECONDS)
        if self._thread.is_alive():
            raise RecordError(
                f"{self.path}: the disk has not answered for {_CLOSE_SECONDS:.0f} s; "
                "the record is not finished, resume the run once it can be written"
            )
        try:
            if self._failure is not None:
                self._tell_of_failure(self._failure)
                self._refuse()
        finally:
            self._lock.release()

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
        rows = self._rows_before + self._head
        return f"<Recorder of {self.path}: {rows} steps, {self._counts['epochs']} epochs>"

    def _tell_of_failure(self, failure: Exception) -> None:
        latest = self._store.latest.changed(state="failed", reason=f"recording stopped: {failure}")
        try:
            latest.write(self.path)
        except OSError:
            _log.debug("%s: nor can its state be written", self.path, exc_info=True)

    def _put(self, item: Callable[[], None]) -> None:
        with self._condition:
            self._refuse_if_stopped()
            while len(self._queue) >= _QUEUE_LENGTH:
                self._wait_for_thread()
            self._queue.append(item)

    def _hurry(self, full: bool) -> None:
        """Ask for an early commit, and wait for it if there is no room."""
        if not full and self._urgent:
            return
        with self._condition:
            self._urgent = True
            self._condition.notify_all()
            while self._head - self._tail >= self._capacity:
                self._wait_for_thread()

    def _wait_for_thread(self) -> None:
        """Wait, with the condition held, for the thread's next commit."""
        self._urgent = True
        self._condition.notify_all()
        self._condition.wait(1.0)
        self._refuse_if_stopped()

    def _refuse_if_stopped(self) -> None:
        if self._stopped:
            self._refuse()

    def _refuse(self) -> None:
        if self._failure is None:
            raise RecordError(f"{self.path} is closed; resume the run to record more")
        raise RecordError(
            f"{self.path} can no longer be written ({self._failure}); "
            "put that right and resume the run from its last checkpoint"
        ) from self._failure

    def _record(self) -> None:
        """Body of the recorder thread."""
        try:
            while True:
                with self._condition:
                    self._condition.wait_for(
                        lambda: self._urgent or self._closing is not None, _COMMIT_SECONDS
                    )
                    urgent, self._urgent = self._urgent, False
                    closing = self._closing
                changed = self._take_and_commit(at_once=urgent or closing is not None)
                if closing is not None:
                    state, reason, summary = closing
                    ending = {"state": state, "reason": reason, "summary": summary}
                    self._store.consolidate(
                        self._store.latest.changed(
                            counts=self._store.counts(), updated=self._clock(), **ending
                        )
                    )
                    self._store.write_latest(updated=self._clock(), **ending)
                    return
                if changed:
                    self._store.write_latest(updated=self._clock())
                with self._condition:
                    self._condition.notify_all()
        except Exception as error:
            _log.debug("%s: the recorder thread stops", self.path, exc_info=True)
            self._failure = error
        finally:
            with self._condition:
                self._stopped = True
                self._queue.clear()
                self._condition.notify_all()

    def _take_and_commit(self, *, at_once: bool) -> bool:
        """Take everything handed over so far and commit it; return whether there was any."""
        with self._condition:
            # The checkpoint first: whatever was handed over before it is then taken with it.
            waiting = None
            # The pace of writing is the machine's own affair, not the injected clock's.
            if at_once or time.monotonic() >= self._checkpoint_due:
                waiting, self._checkpoint = self._checkpoint, None
            asked = self._checkpoints_asked
            items = list(self._queue)
            self._queue.clear()
        head = self._head
        rows = self._store.rows.arrays[0]
        while self._tail < head:
            start = self._tail % self._capacity
            count = min(head - self._tail, self._capacity - start)
            rows.append(self._ring[start : start + count])
            self._tail += count
        for item in items:
            item()
        changed = self._store.commit()
        if waiting is not None:
            begun = time.monotonic()
            self._store.write_checkpoint(*waiting)
            ended = time.monotonic()
            self._checkpoint_due = ended + _CHECKPOINT_REST * (ended - begun)
            self._checkpoints_written = asked
            changed = True
        return changed


def _listed(fields: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]) -> str:
    return ", ".join(
        f"{name} {list(shape)} {dtype.name}" for name, (shape, dtype) in sorted(fields.items())
    )
