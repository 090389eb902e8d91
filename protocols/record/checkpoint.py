"""Checkpoints: everything the next step depends on, whole or absent on the disk."""

from __future__ import annotations

import contextlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.errors import RecordError
from protocols.record.documents import (
    DOCUMENT,
    group_document,
    read_array,
    read_document,
    storable_dtype,
    write_array,
)
from protocols.record.files import remove_folder, replace
from protocols.record.json_values import from_json, to_json
from protocols.record.layout import PARTIAL, is_array_name

_KEPT = 2


@dataclass(eq=False)
class Checkpoint:
    """The state of a run between two steps.

    Parameters
    ----------
    step, epoch
        Steps and epochs finished.
    arrays
        Arrays by name; a name may contain ``/``. Dtypes and values come back exactly.
    values
        JSON values by name (generator states, counters). Whole numbers of any size.
    """

    step: int
    epoch: int
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        size = sum(array.nbytes for array in self.arrays.values())
        return (
            f"<Checkpoint at step {self.step}, epoch {self.epoch}: "
            f"{len(self.arrays)} arrays, {size / 1e6:.2f} MB>"
        )

    def check(self) -> None:
        """Raise ``RecordError`` if this cannot be recorded."""
        to_json(self.values, "checkpoint values")
        taken: set[str] = set()
        for name, array in self.arrays.items():
            storable_dtype(array.dtype, f"checkpoint array {name!r}")
            parts = name.split("/")
            if not all(is_array_name(part) for part in parts):
                raise RecordError(
                    f"checkpoint array {name!r}: allowed are letters, digits and _().+- "
                    "in parts joined by /"
                )
            taken.add(name.casefold())
        if len(taken) < len(self.arrays):
            raise RecordError("checkpoint arrays: two names differ in upper and lower case only")
        for name in taken:
            parts = name.split("/")
            if any("/".join(parts[:depth]) in taken for depth in range(1, len(parts))):
                raise RecordError(f"checkpoint array {name!r}: a part of its name is an array too")


@dataclass(frozen=True)
class StoredCheckpoint:
    """A finished checkpoint on the disk.

    Parameters
    ----------
    step
        The step it was taken at.
    repetition
        0, or more where a step was recorded again with nothing in between.
    folder
        Where it lies.
    """

    step: int
    repetition: int
    folder: Path


def stored_checkpoints(folder: Path) -> list[StoredCheckpoint]:
    """List the finished checkpoints in ``folder``, oldest first."""
    found = []
    for path in folder.iterdir():
        step, _, repetition = path.name.partition("-")
        if step.isdecimal() and (repetition.isdecimal() or not repetition):
            found.append(StoredCheckpoint(int(step), int(repetition or 0), path))
    return sorted(found, key=lambda stored: (stored.step, stored.repetition))


def write_checkpoint(folder: Path, checkpoint: Checkpoint, counts: Mapping[str, int]) -> Path:
    """Write a checkpoint among those in ``folder`` and remove all but the last two.

    Parameters
    ----------
    counts
        How many rows, epochs, samples and bytes of events belong to it.

    Returns
    -------
    Path
        Its folder, which appears with everything in it.
    """
    target = folder / str(checkpoint.step)
    repetition = 1
    while target.exists():
        # Replacing a folder is not one step; a second name keeps the first whole.
        repetition += 1
        target = folder / f"{checkpoint.step}-{repetition}"
    partial = target.with_name(target.name + PARTIAL)
    if partial.exists():
        remove_folder(partial)
    partial.mkdir()
    checksums: dict[str, int] = {}
    for name, array in checkpoint.arrays.items():
        parts = name.split("/")
        for depth in range(1, len(parts)):
            group = partial.joinpath(*parts[:depth])
            if not group.exists():
                group.mkdir()
                _write_group(group, {})
        dimensions = [f"{parts[-1]}_axis{axis}" for axis in range(array.ndim)]
        data = write_array(partial.joinpath(*parts), array, dimensions, f"checkpoint array {name}")
        checksums[name] = zlib.crc32(data)
    attributes = {
        "step": int(checkpoint.step),
        "epoch": int(checkpoint.epoch),
        "counts": dict(counts),
        "values": to_json(checkpoint.values, "checkpoint values"),
        "crc32": checksums,
    }
    _write_group(partial, attributes)
    replace(partial, target)
    for old in stored_checkpoints(folder)[:-_KEPT]:
        # Windows refuses while a reader has a file of it open; the next time will do.
        with contextlib.suppress(PermissionError):
            remove_folder(old.folder)
    return target


def read_checkpoint(folder: Path) -> tuple[Checkpoint, dict[str, int]]:
    """Read a checkpoint and the counts that belong to it.

    Raises
    ------
    FileNotFoundError
        If there is none.
    RecordError
        If a byte of its arrays, or its description, is not what was written.
    """
    attributes = read_document(folder)["attributes"]
    try:
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, checksum in attributes["crc32"].items():
            array = read_array(folder.joinpath(*name.split("/")))
            if zlib.crc32(_stored_bytes(array)) != checksum:
                raise ValueError(f"array {name}: wrong checksum")
            arrays[name] = array
        checkpoint = Checkpoint(
            attributes["step"], attributes["epoch"], arrays, from_json(attributes["values"])
        )
        counts = {str(name): int(count) for name, count in attributes["counts"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecordError) as error:
        if not folder.exists():
            raise FileNotFoundError(folder) from error
        raise RecordError(f"the checkpoint {folder} is damaged ({error})") from error
    return checkpoint, counts


def _stored_bytes(array: npt.NDArray[Any]) -> memoryview:
    little = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    return little.reshape(-1).view(np.uint8).data


def _write_group(folder: Path, attributes: Mapping[str, Any]) -> None:
    text = json.dumps(group_document(attributes), allow_nan=False)
    (folder / DOCUMENT).write_text(text, encoding="utf-8")
