"""Parts of a run as a monitor reads them: what is new since it last looked, never all again.

The same function serves a monitor on this computer and, through the publisher, one that cannot
see the folder.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.errors import RecordError
from protocols.record.checkpoint import read_checkpoint, stored_checkpoints
from protocols.record.documents import read_document
from protocols.record.growing_array import Counter, read_rows
from protocols.record.json_values import from_json
from protocols.record.latest import read_latest
from protocols.record.layout import (
    CHECKPOINTS,
    EPOCHS,
    EPOCHS_COUNT,
    EVENTS,
    EVENTS_COUNT,
    FIELDS,
    FIELDS_COUNT,
    FIELDS_STEP,
    ROWS,
    ROWS_COUNT,
)
from protocols.record.lock import is_locked

MOST_ROWS = 65536
"""Rows of one answer; longer stretches take several."""

Part = tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]

_ATTEMPTS = 20
_PAUSE_SECONDS = 0.01
_SERIES = {
    "rows": (ROWS, ROWS_COUNT),
    "epochs": (EPOCHS, EPOCHS_COUNT),
    "events": (EVENTS, EVENTS_COUNT),
}


def read_part(path: Path, request: Mapping[str, Any]) -> Part:
    """Return one part of a run as it is committed now.

    Parameters
    ----------
    path
        Folder of the run.
    request
        ``what``, one of

        - ``run``: configuration, versions, identities, names and units of columns;
        - ``latest``: state, reason, summary, generation and counts;
        - ``rows``, ``epochs``, ``events``: ``start`` to ``stop``, cut to what is committed;
        - ``samples``: the steps at which fields were sampled;
        - ``fields``: every field of the sample number ``index``;
        - ``weights``: those of the newest checkpoint.

    Returns
    -------
    header, arrays
        JSON values with the ``generation`` they belong to, and arrays.

    Raises
    ------
    RecordError
        If the run is damaged or gone, or there is no such part.
    """
    what = request["what"]
    readers = {
        "run": _run,
        "latest": _latest,
        "rows": _series,
        "epochs": _series,
        "events": _series,
        "samples": _samples,
        "fields": _fields,
        "weights": _weights,
    }
    if what not in readers:
        raise RecordError(f"{path}: there is no part {what!r}")
    trouble: Exception | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        generation = read_latest(path).generation
        try:
            header, arrays = readers[what](path, request)
        except (FileNotFoundError, PermissionError) as error:
            # A resume is shortening it, or Windows is replacing a file.
            trouble = error
            continue
        if read_latest(path).generation == generation:
            return {**header, "generation": generation}, arrays
    raise RecordError(f"{path}: {what} cannot be read ({trouble or 'it keeps changing'})")


def _run(path: Path, request: Mapping[str, Any]) -> Part:
    attributes = read_document(path)["attributes"]
    header = {
        "configuration": from_json(attributes["configuration"]),
        "versions": attributes["versions"],
        "identities": from_json(attributes["identities"]),
        "created": attributes["created"],
    }
    for name, folder in (("rows", ROWS), ("epochs", EPOCHS)):
        header[name] = read_document(path / folder)["attributes"]
    return header, {}


def _latest(path: Path, request: Mapping[str, Any]) -> Part:
    latest = read_latest(path)
    state = latest.state
    if state == "running" and not is_locked(path):
        # It may have been closed between the two looks.
        again = read_latest(path).state
        state = "killed" if again == "running" else again
    counts = {name: Counter(path / counter).read() for name, (_, counter) in _SERIES.items()}
    samples = path / FIELDS / FIELDS_COUNT
    counts["samples"] = Counter(samples).read() if samples.exists() else 0
    header = {
        "state": state,
        "reason": latest.reason,
        "note": latest.note,
        "summary": dict(latest.summary),
        "checkpoint": latest.checkpoint,
        "updated": latest.updated,
        "counts": counts,
    }
    return header, {}


def _series(path: Path, request: Mapping[str, Any]) -> Part:
    name = request["what"]
    folder, counter = _SERIES[name]
    most = MOST_ROWS * (64 if name == "events" else 1)
    start = max(int(request["start"]), 0)
    count = Counter(path / counter).read()
    stop = min(int(request["stop"]), count, start + most)
    return {"start": start, "count": count}, {name: read_rows(path / folder, start, stop)}


def _samples(path: Path, request: Mapping[str, Any]) -> Part:
    folder = path / FIELDS
    if not folder.exists():
        return {}, {"steps": np.zeros(0, np.int64)}
    count = Counter(folder / FIELDS_COUNT).read()
    return {}, {"steps": read_rows(folder / FIELDS_STEP, 0, count)}


def _fields(path: Path, request: Mapping[str, Any]) -> Part:
    folder = path / FIELDS
    index = int(request["index"])
    count = Counter(folder / FIELDS_COUNT).read() if folder.exists() else 0
    if not 0 <= index < count:
        raise RecordError(f"{path}: sample {index} of {count} cannot be read")
    names = sorted(
        one.name
        for one in folder.iterdir()
        if one.is_dir() and one.name not in (FIELDS_STEP, FIELDS_COUNT)
    )
    step = int(read_rows(folder / FIELDS_STEP, index, index + 1)[0])
    fields = {name: read_rows(folder / name, index, index + 1)[0] for name in names}
    return {"step": step, "index": index}, fields


def _weights(path: Path, request: Mapping[str, Any]) -> Part:
    for stored in reversed(stored_checkpoints(path / CHECKPOINTS)):
        try:
            checkpoint, _ = read_checkpoint(stored.folder)
        except RecordError:
            continue
        weights = {
            name.replace("weights/layer_", "weights_"): array
            for name, array in checkpoint.arrays.items()
            if name.startswith("weights/layer_")
        }
        return {"step": checkpoint.step}, weights
    return {"step": -1}, {}


def events_in(lines: npt.NDArray[np.uint8]) -> list[dict[str, Any]]:
    """Return the events in bytes of the log that begin and end with a line."""
    return [from_json(json.loads(line)) for line in lines.tobytes().splitlines()]
