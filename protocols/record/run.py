"""The reader of runs: takes no lock, and may look while a trainer writes."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from instruments.errors import RecordError
from protocols.record.checkpoint import Checkpoint, read_checkpoint, stored_checkpoints
from protocols.record.documents import read_document
from protocols.record.growing_array import Counter, read_rows
from protocols.record.json_values import from_json
from protocols.record.latest import Latest, read_latest
from protocols.record.layout import (
    CHECKPOINTS,
    EPOCHS,
    EPOCHS_COUNT,
    EVENTS,
    EVENTS_COUNT,
    FIELDS,
    FIELDS_COUNT,
    FIELDS_STEP,
    LATEST,
    PARTIAL,
    ROWS,
    ROWS_COUNT,
)
from protocols.record.lock import is_locked
from protocols.record.table import Table

if TYPE_CHECKING:
    import xarray

_ATTEMPTS = 100
_PAUSE_SECONDS = 0.01

Result = TypeVar("Result")


@dataclass(frozen=True)
class Event:
    """Something that happened during a run.

    Parameters
    ----------
    time
        Seconds since 1970.
    kind, text, details
        What, in a word, in words, and in JSON values.
    step
        Steps recorded by then.
    """

    time: float
    kind: str
    text: str
    step: int
    details: dict[str, Any]


class FieldSamples(NamedTuple):
    """One field at several steps: ``steps [n]`` and ``values [n, batch, neuron]``."""

    steps: npt.NDArray[np.int64]
    values: npt.NDArray[Any]


@dataclass(frozen=True)
class RunSummary:
    """A run in a list of runs.

    Parameters
    ----------
    path
        Its folder.
    state
        As ``Run.state``, or ``damaged`` if it cannot be read (``reason`` says why).
    reason, summary, note
        Why it ended, what came of it, the user's own words.
    steps, epochs, resumes
        Committed steps and epochs, and how often it was resumed.
    created, updated
        Seconds since 1970.
    """

    path: Path
    state: str
    reason: str = ""
    note: str = ""
    summary: Mapping[str, Any] | None = None
    steps: int = 0
    epochs: int = 0
    resumes: int = 0
    created: float = 0.0
    updated: float = 0.0


class Run:
    """A recorded run, finished or going on.

    Every property asks the disk anew and gives what is committed at that moment. The
    configuration and the versions never change.

    Raises
    ------
    RecordError
        By any property, if the record is damaged or gone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        read_latest(path)
        try:
            attributes = read_document(path)["attributes"]
            self.configuration: dict[str, Any] = from_json(attributes["configuration"])
            self.versions: dict[str, Any] = attributes["versions"]
            self.identities: dict[str, Any] = from_json(attributes["identities"])
        except (OSError, KeyError, ValueError) as error:
            raise RecordError(
                f"{path / 'zarr.json'} is damaged ({error!r}); restore it from a copy"
            ) from error

    @property
    def state(self) -> str:
        """``running``, ``killed`` or the state it was closed with."""
        return _state(self.path, read_latest(self.path))

    @property
    def reason(self) -> str:
        """Why it ended."""
        return read_latest(self.path).reason

    @property
    def summary(self) -> dict[str, Any]:
        """What came of it."""
        return dict(read_latest(self.path).summary)

    @property
    def note(self) -> str:
        """The user's own words."""
        return read_latest(self.path).note

    @property
    def resumes(self) -> int:
        """How often it was resumed."""
        return read_latest(self.path).generation

    @property
    def steps(self) -> Table:
        """What was recorded of each committed step."""
        return self._table(ROWS, ROWS_COUNT)

    @property
    def epochs(self) -> Table:
        """What was recorded of each committed epoch."""
        return self._table(EPOCHS, EPOCHS_COUNT)

    @property
    def field_names(self) -> tuple[str, ...]:
        """Names of the sampled fields."""
        folder = self.path / FIELDS
        if not folder.exists():
            return ()
        others = (FIELDS_STEP, FIELDS_COUNT)
        return tuple(
            sorted(
                path.name for path in folder.iterdir() if path.is_dir() and path.name not in others
            )
        )

    def fields(self, name: str) -> FieldSamples:
        """Return every committed sample of a field, with the steps they were taken at."""
        names = self.field_names
        if name not in names:
            known = ", ".join(names) or "none"
            raise RecordError(f"{self.path}: no field {name!r} was sampled; there are: {known}")

        def read() -> FieldSamples:
            folder = self.path / FIELDS
            count = Counter(folder / FIELDS_COUNT).read()
            return FieldSamples(
                read_rows(folder / FIELDS_STEP, 0, count), read_rows(folder / name, 0, count)
            )

        return self._consistent(read)

    def events(self) -> list[Event]:
        """Return everything that happened, oldest first."""

        def read() -> bytes:
            count = Counter(self.path / EVENTS_COUNT).read()
            return read_rows(self.path / EVENTS, 0, count).tobytes()

        lines = self._consistent(read).splitlines()
        events = [json.loads(line) for line in lines]
        return [Event(**{**event, "details": from_json(event["details"])}) for event in events]

    def checkpoint_steps(self) -> list[int]:
        """Steps of the checkpoints kept, oldest first."""
        return sorted({stored.step for stored in stored_checkpoints(self.path / CHECKPOINTS)})

    def checkpoint(self, step: int | None = None) -> Checkpoint:
        """Return a checkpoint, the newest whole one unless a step is given."""
        for _ in range(_ATTEMPTS):
            kept = stored_checkpoints(self.path / CHECKPOINTS)
            wanted = [stored for stored in kept if step is None or stored.step == step]
            if not wanted:
                steps = ", ".join(str(stored.step) for stored in kept) or "none"
                which = "whole checkpoint" if step is None else f"checkpoint at step {step}"
                raise RecordError(f"{self.path} has no {which}; it has: {steps}")
            damage: RecordError | None = None
            for stored in reversed(wanted):
                try:
                    return read_checkpoint(stored.folder)[0]
                except FileNotFoundError:
                    # A newer one has taken its place since the list was made.
                    damage = None
                    break
                except RecordError as error:
                    damage = damage or error
            if damage is not None:
                raise damage
        raise RecordError(f"{self.path}: its checkpoints change faster than they can be read")

    def to_xarray(self) -> xarray.Dataset:
        """Return everything but the checkpoints as a dataset of named variables.

        Columns of steps lie along ``step``, columns of epochs along ``epoch`` under the name
        ``epoch_NAME``, fields along ``sample``, ``batch_B`` and ``neuron_N``.
        """
        try:
            import xarray
        except ImportError as error:
            raise RecordError(
                "xarray is not installed; install it with: python -m pip install xarray"
            ) from error
        variables: dict[str, Any] = {}
        for prefix, dimension, table in (
            ("", "step", self.steps),
            ("epoch_", "epoch", self.epochs),
        ):
            for name, unit in table.units.items():
                attributes = {"units": unit} if unit else {}
                variables[prefix + name] = (dimension, table[name], attributes)
        coordinates: dict[str, Any] = {}
        for name in self.field_names:
            samples = self.fields(name)
            document = read_document(self.path / FIELDS / name)
            variables[f"field_{name}" if name in variables else name] = (
                document["dimension_names"],
                samples.values,
                document["attributes"],
            )
            coordinates["sample_step"] = ("sample", samples.steps)
        return xarray.Dataset(
            variables,
            coords=coordinates,
            attrs={"run": str(self.path), "configuration": json.dumps(self.configuration)},
        )

    def __repr__(self) -> str:
        summary = _summary(self.path)
        lines = [
            f"<Run {self.path}: {summary.state}{', ' if summary.reason else ''}{summary.reason}",
            f"  {summary.steps} steps, {summary.epochs} epochs, resumed {summary.resumes} times",
        ]
        if summary.note:
            lines.append(f"  note: {summary.note}")
        if summary.summary:
            lines.append(
                "  " + ", ".join(f"{name} {value}" for name, value in summary.summary.items())
            )
        return "\n".join(lines) + ">"

    def _table(self, name: str, counter: str) -> Table:
        def read() -> Table:
            count = Counter(self.path / counter).read()
            attributes = read_document(self.path / name)["attributes"]
            rows = read_rows(self.path / name, 0, count)
            return Table(rows, attributes["columns"], attributes["units"])

        return self._consistent(read)

    def _consistent(self, read: Callable[[], Result]) -> Result:
        """Read until no resume has shortened the arrays meanwhile (see ``layout``)."""
        trouble: Exception | None = None
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE_SECONDS)
            generation = read_latest(self.path).generation
            try:
                result = read()
            except FileNotFoundError as error:
                trouble = error
                # Missing and nobody at work: it will not come back.
                if attempt and not is_locked(self.path):
                    break
                continue
            except PermissionError as error:
                # Windows, while the file is being replaced.
                trouble = error
                continue
            if read_latest(self.path).generation == generation:
                return result
        raise RecordError(
            f"{self.path} is damaged or keeps changing ({trouble}); restore it from a copy"
        ) from trouble


def open_run(path: str | os.PathLike[str]) -> Run:
    """Open a run for reading.

    Raises
    ------
    RecordError
        If there is no run, or it cannot be read.
    """
    return Run(Path(path))


def list_runs(folder: str | os.PathLike[str]) -> list[RunSummary]:
    """List the runs in a folder, oldest first. Only their small ``latest`` is read.

    Raises
    ------
    RecordError
        If there is no such folder.
    """
    parent = Path(folder)
    try:
        candidates = [path for path in parent.iterdir() if not path.name.endswith(PARTIAL)]
    except OSError as error:
        raise RecordError(f"{parent} cannot be listed ({error}); give a folder of runs") from error
    runs = [_summary(path) for path in candidates if _is_run(path)]
    return sorted(runs, key=lambda run: (run.created, run.path.name))


def _is_run(path: Path) -> bool:
    try:
        mode = (path / LATEST).stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        # What it is cannot be seen; it must not hide the others.
        return True
    return stat.S_ISDIR(mode)


def _summary(path: Path) -> RunSummary:
    try:
        latest = read_latest(path)
    except RecordError as error:
        return RunSummary(path, "damaged", str(error))
    return RunSummary(
        path=path,
        state=_state(path, latest),
        reason=latest.reason,
        note=latest.note,
        summary=latest.summary,
        steps=latest.counts.get("rows", 0),
        epochs=latest.counts.get("epochs", 0),
        resumes=latest.generation,
        created=latest.created,
        updated=latest.updated,
    )


def _state(path: Path, latest: Latest) -> str:
    if latest.state == "running" and not is_locked(path):
        # It may have been closed between the two looks.
        again = read_latest(path).state
        return "killed" if again == "running" else again
    return latest.state
