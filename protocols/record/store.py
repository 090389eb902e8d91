"""The files of one run as its writer sees them: created, shortened, committed, closed."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.errors import RecordError
from protocols.record.checkpoint import (
    Checkpoint,
    read_checkpoint,
    stored_checkpoints,
    write_checkpoint,
)
from protocols.record.documents import DOCUMENT, group_document, read_document, write_document
from protocols.record.files import remove_folder, replace, sweep_partials
from protocols.record.growing_array import Counter, GrowingArray, Series
from protocols.record.latest import Latest, read_latest
from protocols.record.layout import (
    CHECKPOINTS,
    EPOCHS,
    EPOCHS_COUNT,
    EVENTS,
    EVENTS_COUNT,
    FIELD_UNITS,
    FIELDS,
    FIELDS_COUNT,
    FIELDS_STEP,
    LATEST,
    PARTIAL,
    ROWS,
    ROWS_COUNT,
    SCHEMA_VERSION,
    ClosingState,
    column_attributes,
    field_dimensions,
    rows_per_chunk,
)

_log = logging.getLogger(__name__)

_EVENT_BYTES_PER_CHUNK = 65536
_SAMPLE_STEPS_PER_CHUNK = 4096


class RunStore:
    """The writer's side of the files of one run. Not thread-safe: one thread uses it.

    Parameters
    ----------
    path
        Folder of the run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.latest = read_latest(path)
        self.rows = Series(Counter(path / ROWS_COUNT), [GrowingArray.load(path / ROWS)])
        self.epochs = Series(Counter(path / EPOCHS_COUNT), [GrowingArray.load(path / EPOCHS)])
        self.events = Series(Counter(path / EVENTS_COUNT), [GrowingArray.load(path / EVENTS)])
        self.samples: Series | None = None
        if (path / FIELDS).exists():
            self.samples = _load_samples(path / FIELDS)

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        attributes: Mapping[str, Any],
        step_columns: Mapping[str, str],
        epoch_columns: Mapping[str, str],
        checkpoint: Checkpoint,
        note: str,
        now: float,
    ) -> RunStore:
        """Make the folder of a run, with its first checkpoint, in one step.

        Raises
        ------
        RecordError
            If something is there already or the folder cannot be written.
        """
        if os.path.lexists(path):
            raise RecordError(f"{path} exists already; choose another folder or remove it")
        partial = path.with_name(path.name + PARTIAL)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if partial.exists():
                shutil.rmtree(partial)
            partial.mkdir()
            try:
                _fill(partial, attributes, step_columns, epoch_columns, checkpoint, note, now)
                replace(partial, path)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
        except OSError as error:
            raise RecordError(
                f"{path} cannot be created ({error}); choose a folder that can be written"
            ) from error
        return cls(path)

    def fields_as_recorded(self) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Shape and dtype of one sample of each field, empty before the first sample."""
        arrays = self.samples.arrays[1:] if self.samples else ()
        return {array.folder.name: (array.row_shape, array.dtype) for array in arrays}

    def append_sample(self, step: int, fields: Mapping[str, npt.NDArray[Any]]) -> None:
        """Append one sample of every field."""
        if self.samples is None:
            self.samples = _create_samples(self.path / FIELDS, fields)
        steps, *arrays = self.samples.arrays
        for array in arrays:
            array.append(fields[array.folder.name][np.newaxis])
        steps.append(np.array([step]))

    def append_event(self, line: bytes) -> None:
        """Append one line of events."""
        self.events.arrays[0].append(np.frombuffer(line, np.uint8))

    def counts(self) -> dict[str, int]:
        """Rows, epochs, samples and bytes of events appended so far."""
        return {
            "rows": self.rows.length,
            "epochs": self.epochs.length,
            "samples": self.samples.length if self.samples else 0,
            "event_bytes": self.events.length,
        }

    def commit(self) -> bool:
        """Make everything appended count, all but ``latest``; return whether there was any."""
        committed = [
            series.commit()
            for series in (self.rows, self.epochs, self.events, self.samples)
            if series is not None
        ]
        return any(committed)

    def write_checkpoint(self, checkpoint: Checkpoint, counts: Mapping[str, int]) -> None:
        """Write a checkpoint whose rows have been committed."""
        write_checkpoint(self.path / CHECKPOINTS, checkpoint, counts)
        self.latest = self.latest.changed(checkpoint=checkpoint.step)

    def write_latest(self, **changes: Any) -> None:
        """Replace ``latest``, the last act of a commit."""
        self.latest = self.latest.changed(counts=self.counts(), **changes)
        self.latest.write(self.path)

    def return_to_checkpoint(self, now: float) -> Checkpoint:
        """Go back to the newest whole checkpoint: whatever came after it is dropped.

        Events stay, because they did happen.

        Raises
        ------
        RecordError
            If no checkpoint is whole.
        """
        sweep_partials(self.path)
        # Before any array changes: consolidated metadata would tell of the old shapes.
        root = read_document(self.path)
        if root.pop("consolidated_metadata", None) is not None:
            write_document(self.path, root)
        checkpoint, counts = self._newest_checkpoint()
        self.rows.lower(counts["rows"])
        self.epochs.lower(counts["epochs"])
        self.events.lower(self.events.counter.read())
        if self.samples is not None:
            self.samples.lower(counts["samples"])
        self.latest = self.latest.changed(
            state="running",
            reason="",
            summary={},
            generation=self.latest.generation + 1,
            checkpoint=checkpoint.step,
            counts={**counts, "event_bytes": self.events.counter.read()},
            updated=now,
        )
        self.latest.write(self.path)
        for series in (self.rows, self.epochs, self.events, self.samples):
            if series is not None:
                series.shorten()
        return checkpoint

    def finish(
        self, *, state: ClosingState, reason: str, summary: Mapping[str, Any], now: float
    ) -> None:
        """Say how the run ended and make it open quickly."""
        ending = {"state": state, "reason": reason, "summary": summary, "updated": now}
        self._consolidate(self.latest.changed(counts=self.counts(), **ending))
        self.write_latest(**ending)

    def _consolidate(self, latest: Latest) -> None:
        """Copy every document of the finished group into its root, as zarr-python does.

        xarray then opens the run at once and without a warning.
        """
        documents = {}
        for path in sorted(self.path.rglob(DOCUMENT)):
            folder = path.parent
            if folder != self.path:
                documents[folder.relative_to(self.path).as_posix()] = read_document(folder)
        documents[LATEST] = latest.document()
        root = read_document(self.path)
        root["consolidated_metadata"] = {
            "kind": "inline",
            "must_understand": False,
            "metadata": documents,
        }
        write_document(self.path, root)

    def _newest_checkpoint(self) -> tuple[Checkpoint, dict[str, int]]:
        damaged: list[Path] = []
        for stored in reversed(stored_checkpoints(self.path / CHECKPOINTS)):
            try:
                checkpoint, counts = read_checkpoint(stored.folder)
                self._check_counts(stored.folder, counts)
            except RecordError as error:
                _log.warning("%s; the one before it is taken", error)
                damaged.append(stored.folder)
                continue
            for folder in damaged:
                remove_folder(folder)
            return checkpoint, counts
        raise RecordError(
            f"{self.path} has no whole checkpoint to resume from "
            f"({len(damaged)} damaged); start the run anew"
        )

    def _check_counts(self, folder: Path, counts: Mapping[str, int]) -> None:
        for name, series in (
            ("rows", self.rows),
            ("epochs", self.epochs),
            ("samples", self.samples),
        ):
            available = series.counter.read() if series is not None else 0
            if counts.get(name, 0) > available:
                raise RecordError(
                    f"the checkpoint {folder} is damaged "
                    f"(it needs {counts[name]} {name}, the record has {available})"
                )


def _fill(
    folder: Path,
    attributes: Mapping[str, Any],
    step_columns: Mapping[str, str],
    epoch_columns: Mapping[str, str],
    checkpoint: Checkpoint,
    note: str,
    now: float,
) -> None:
    root = {"schema_version": SCHEMA_VERSION, "created": now, **attributes}
    write_document(folder, group_document(root))
    GrowingArray.create(
        folder / ROWS,
        row_shape=[len(step_columns)],
        dtype=np.float64,
        rows_per_chunk=rows_per_chunk(len(step_columns)),
        dimension_names=["step", "metric"],
        attributes=column_attributes(dict(step_columns)),
    )
    GrowingArray.create(
        folder / EPOCHS,
        row_shape=[len(epoch_columns)],
        dtype=np.float64,
        rows_per_chunk=rows_per_chunk(len(epoch_columns)),
        dimension_names=["epoch", "epoch_metric"],
        attributes=column_attributes(dict(epoch_columns)),
    )
    GrowingArray.create(
        folder / EVENTS,
        row_shape=[],
        dtype=np.uint8,
        rows_per_chunk=_EVENT_BYTES_PER_CHUNK,
        dimension_names=["event_byte"],
        attributes={"content": "one JSON object a line"},
    )
    for name in (ROWS_COUNT, EPOCHS_COUNT, EVENTS_COUNT):
        Counter(folder / name).create()
    (folder / CHECKPOINTS).mkdir()
    write_document(folder / CHECKPOINTS, group_document({}))
    counts = {"rows": 0, "epochs": 0, "samples": 0, "event_bytes": 0}
    write_checkpoint(folder / CHECKPOINTS, checkpoint, counts)
    (folder / LATEST).mkdir()
    Latest("running", now, now, checkpoint.step, note=note, counts=counts).write(folder)


def _create_samples(folder: Path, fields: Mapping[str, npt.NDArray[Any]]) -> Series:
    partial = folder.with_name(folder.name + PARTIAL)
    partial.mkdir()
    (partial / DOCUMENT).write_text(json.dumps(group_document({})), encoding="utf-8")
    GrowingArray.create(
        partial / FIELDS_STEP,
        row_shape=[],
        dtype=np.int64,
        rows_per_chunk=_SAMPLE_STEPS_PER_CHUNK,
        dimension_names=["sample"],
        attributes={},
    )
    for name, values in fields.items():
        # One chunk a sample: a commit writes what is new and nothing again.
        GrowingArray.create(
            partial / name,
            row_shape=values.shape,
            dtype=values.dtype,
            rows_per_chunk=1,
            dimension_names=["sample", *field_dimensions(values.shape)],
            attributes={"units": FIELD_UNITS},
        )
    Counter(partial / FIELDS_COUNT).create()
    replace(partial, folder)
    return _load_samples(folder)


def _load_samples(folder: Path) -> Series:
    names = sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and path.name not in (FIELDS_STEP, FIELDS_COUNT)
    )
    arrays = [GrowingArray.load(folder / name) for name in (FIELDS_STEP, *names)]
    return Series(Counter(folder / FIELDS_COUNT), arrays)
