"""Which array of a run lies where.

A run is a folder and a zarr v3 group. Every array has dimension names and, where it holds
quantities, units::

    RUN/                   group; attributes: schema_version, created, configuration,
                           versions, identities
      rows                 float64 [step, metric], NaN until written; attributes: columns, units
      n_committed          int64 scalar: how many rows count
      epochs, n_epochs     the same for each epoch
      events               uint8 [event_byte]: one JSON object a line
      n_event_bytes        int64 scalar: how many of those bytes count
      fields/              group, present once the first taps are sampled
        step               int64 [sample]: the step each sample was taken at
        NAME               [sample, batch_B, neuron_N]; attribute: units
        n_samples          int64 scalar: how many samples count
      checkpoints/STEP/    group of arrays; attributes: step, epoch, values, counts, crc32
      latest/              group without members; attributes: state, reason, summary, note,
                           generation, counts, checkpoint, created, updated

Rules for writers and readers:

- Data first, then the array's shape, then the counter. A reader believes the counter and
  nothing else; rows below it never change again.
- ``latest`` is replaced last. It is small: a list of runs reads nothing else.
- A resume shortens: counters first, then ``latest`` with the next ``generation``, then the
  arrays. A reader takes the generation, the counter, the data and the generation again; if
  the two differ it starts over. With equal generations either no array was shortened before
  the data were read, or the counter had been lowered before it was read.
- Each file appears by ``os.replace`` of a ``.partial`` file beside it, and each checkpoint
  by renaming a ``.partial`` folder, so that a file or a checkpoint is whole or absent.
- A dimension of ``fields`` carries its length in its name, because xarray wants one length
  for each name within a group.
- While a run is written its group has no consolidated metadata (they would be out of date
  at once); closing the run adds them and resuming it takes them away again.
- Nothing but arrays and groups lies where zarr lists members, as zarr warns of strangers.
  The lock therefore lies in the folder of ``n_committed``: zarr never lists an array.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Literal, get_args

SCHEMA_VERSION: Final = 1

ROWS: Final = "rows"
ROWS_COUNT: Final = "n_committed"
EPOCHS: Final = "epochs"
EPOCHS_COUNT: Final = "n_epochs"
EVENTS: Final = "events"
EVENTS_COUNT: Final = "n_event_bytes"
FIELDS: Final = "fields"
FIELDS_STEP: Final = "step"
FIELDS_COUNT: Final = "n_samples"
CHECKPOINTS: Final = "checkpoints"
LATEST: Final = "latest"
LOCK: Final = f"{ROWS_COUNT}/.lock"

PARTIAL: Final = ".partial"
"""Ending of a file or folder that is not finished; a resume removes what bears it."""

FIELD_UNITS: Final = "saturation field"

FINISHED: Final = frozenset({"completed", "stopped early"})
"""States a run cannot be resumed from."""

ClosingState = Literal["completed", "stopped early", "interrupted", "failed"]
RunState = Literal["running", "completed", "stopped early", "interrupted", "failed", "killed"]
STATES: Final[tuple[str, ...]] = get_args(RunState)

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_().+-]*")


def is_array_name(name: str) -> bool:
    """Whether a name can be that of an array on every file system and in zarr."""
    return bool(_NAME.fullmatch(name)) and not (
        name.startswith("__") or name.endswith((".", PARTIAL)) or name == "zarr.json"
    )


def rows_per_chunk(columns: int) -> int:
    """Rows of one chunk: about 1 MiB of float64, a power of two from 4096 to 65536.

    The last chunk is written anew at every commit, which asks for small chunks; a million
    rows are read chunk by chunk, which asks for large ones.
    """
    rows = 2**20 // (8 * max(columns, 1))
    return min(65536, max(4096, 1 << max(rows.bit_length() - 1, 0)))


def field_dimensions(shape: tuple[int, ...]) -> list[str]:
    """Name the dimensions of one sample of a field, ``[batch, ..., neuron]`` or ``[neuron]``."""
    names = [f"axis{axis}" for axis in range(len(shape))]
    if shape:
        names[0] = "batch"
        names[-1] = "neuron"
    return [f"{name}_{length}" for name, length in zip(names, shape, strict=True)]


def column_attributes(columns: dict[str, str]) -> dict[str, Any]:
    """Attributes of a table whose columns have these units."""
    return {"columns": list(columns), "units": list(columns.values())}


def no_folder(path: Path) -> str:
    """Say why a path is no folder."""
    return f"{path} is a file, not a folder" if path.exists() else f"{path}: no such folder"
