"""The thread that writes a run, and the bounded queue in front of it.

The training loop copies each row into a ring (no lock, half a microsecond); everything else
passes through a short queue. Twice a second the thread takes all there is, in its order, and
commits it. What lies in the ring can be copied meanwhile (``rows_since``), which is how rows are
published at a faster rhythm than the commits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from instruments.errors import RecordError
from protocols.record.checkpoint import Checkpoint
from protocols.record.layout import ClosingState
from protocols.record.store import RunStore

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


class Ending(NamedTuple):
    """How a run ends: its state, why, and what came of it (JSON values)."""

    state: ClosingState
    reason: str
    summary: Mapping[str, Any]


class RecorderThread:
    """Writes what one other thread hands over. Every method is that other thread's.

    All of them raise ``RecordError`` once writing has failed or the run is closed.

    Parameters
    ----------
    store
        The files; nobody else touches them.
    width
        Numbers in a row.
    clock
        Seconds since 1970.
    """

    def __init__(self, store: RunStore, width: int, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        # The producer moves rows_taken_in, the consumer moves _written; both are plain integers.
        self._width = width
        self._capacity = max(_RING_ROWS, _RING_BYTES // (8 * width))
        self._ring = np.empty((self._capacity, width))
        self.rows_taken_in = 0
        self.rows_committed = 0
        self._written = 0

        self._condition = threading.Condition()
        self._queue: deque[Callable[[], None]] = deque()
        self._checkpoint: tuple[Checkpoint, dict[str, int]] | None = None
        self._checkpoints_asked = 0
        self._checkpoints_written = 0
        self._checkpoint_due = 0.0
        self._urgent = False
        self._ending: Ending | None = None
        self._failure: Exception | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._record, name="recorder", daemon=True)
        self._thread.start()

    def put_row(self, row: Row) -> None:
        """Copy a row into the ring; wait only if that is full."""
        if self._stopped:
            self._refuse()
        taken_in = self.rows_taken_in
        used = taken_in - self._written
        if used * 2 >= self._capacity:
            self._hurry(full=used >= self._capacity)
        try:
            if len(row) != self._width:
                raise ValueError(f"{len(row)} values")
            self._ring[taken_in % self._capacity] = row
        except (TypeError, ValueError) as error:
            raise RecordError(
                f"{self._store.path}: a step has {self._width} numbers, "
                f"this one is different ({error})"
            ) from error
        self.rows_taken_in = taken_in + 1

    def rows_since(self, start: int, most: int) -> tuple[int, npt.NDArray[np.float64]]:
        """Copy rows from ``start`` on, from any thread and without a lock.

        Parameters
        ----------
        start
            Counted from the first row this thread took in.
        most
            How many to copy at most.

        Returns
        -------
        first, rows
            The first row copied, later than ``start`` if the ring has come round, and
            ``[n, width]``.
        """
        stop = min(self.rows_taken_in, start + most)
        first = max(start, 0)
        rows = self._ring[np.arange(first, stop) % self._capacity]
        # The slot after the newest row may be in the middle of being written.
        oldest = self.rows_taken_in - self._capacity + 1
        lost = min(max(oldest - first, 0), len(rows))
        return first + lost, rows[lost:]

    def put(self, item: Callable[[], None]) -> None:
        """Hand over something the thread shall do with the store."""
        with self._condition:
            self._refuse_if_stopped()
            while len(self._queue) >= _QUEUE_LENGTH:
                self._wait_for_commit()
            self._queue.append(item)

    def put_checkpoint(self, checkpoint: Checkpoint, counts: dict[str, int], *, wait: bool) -> None:
        """Hand over a checkpoint in place of one still waiting; ``wait`` until it is written."""
        with self._condition:
            self._refuse_if_stopped()
            self._checkpoint = (checkpoint, counts)
            self._checkpoints_asked += 1
            ticket = self._checkpoints_asked
            while wait and self._checkpoints_written < ticket:
                self._wait_for_commit()

    def finish(self, ending: Ending) -> None:
        """Write what is left and the ending, and stop.

        Raises
        ------
        RecordError
            If that failed, or the disk has not answered for a minute.
        """
        with self._condition:
            self._ending = ending
            self._stopped = True
            self._condition.notify_all()
        self._thread.join(_CLOSE_SECONDS)
        if self._thread.is_alive():
            raise RecordError(
                f"{self._store.path}: the disk has not answered for {_CLOSE_SECONDS:.0f} s; "
                "the record is not finished, resume the run once it can be written"
            )
        if self._failure is not None:
            self._tell_of_failure(self._failure)
            self._refuse()

    def is_alive(self) -> bool:
        """Whether the thread may still write."""
        return self._thread.is_alive()

    def _hurry(self, *, full: bool) -> None:
        """Ask for an early commit, and wait for it if there is no room."""
        if not full and self._urgent:
            return
        with self._condition:
            self._urgent = True
            self._condition.notify_all()
            while self.rows_taken_in - self._written >= self._capacity:
                self._wait_for_commit()

    def _wait_for_commit(self) -> None:
        """Wait, with the condition held, for the thread's next commit."""
        self._urgent = True
        self._condition.notify_all()
        self._condition.wait(1.0)
        self._refuse_if_stopped()

    def _refuse_if_stopped(self) -> None:
        if self._stopped:
            self._refuse()

    def _refuse(self) -> None:
        path = self._store.path
        if self._failure is None:
            raise RecordError(f"{path} is closed; resume the run to record more")
        raise RecordError(
            f"{path} can no longer be written ({self._failure}); "
            "put that right and resume the run from its last checkpoint"
        ) from self._failure

    def _tell_of_failure(self, failure: Exception) -> None:
        latest = self._store.latest.changed(state="failed", reason=f"recording stopped: {failure}")
        try:
            latest.write(self._store.path)
        except OSError:
            _log.debug("%s: nor can its state be written", self._store.path, exc_info=True)

    def _record(self) -> None:
        """Body of the thread."""
        try:
            while True:
                with self._condition:
                    self._condition.wait_for(
                        lambda: self._urgent or self._ending is not None, _COMMIT_SECONDS
                    )
                    urgent, self._urgent = self._urgent, False
                    ending = self._ending
                changed = self._take_and_commit(at_once=urgent or ending is not None)
                if ending is not None:
                    self._store.finish(now=self._clock(), **ending._asdict())
                    return
                if changed:
                    self._store.write_latest(updated=self._clock())
                with self._condition:
                    self._condition.notify_all()
        except Exception as error:
            _log.debug("%s: the recorder thread stops", self._store.path, exc_info=True)
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
        taken_in = self.rows_taken_in
        rows = self._store.rows.arrays[0]
        while self._written < taken_in:
            start = self._written % self._capacity
            count = min(taken_in - self._written, self._capacity - start)
            rows.append(self._ring[start : start + count])
            self._written += count
        for item in items:
            item()
        changed = self._store.commit()
        self.rows_committed = self._written
        if waiting is not None:
            begun = time.monotonic()
            self._store.write_checkpoint(*waiting)
            ended = time.monotonic()
            self._checkpoint_due = ended + _CHECKPOINT_REST * (ended - begun)
            self._checkpoints_written = asked
            changed = True
        return changed
