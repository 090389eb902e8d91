"""The small document replaced last: state, counts and why a run stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from instruments.errors import RecordError
from protocols.record.documents import DOCUMENT, group_document, read_document, write_document
from protocols.record.json_values import from_json, to_json
from protocols.record.layout import LATEST, SCHEMA_VERSION, STATES, ClosingState


@dataclass(frozen=True)
class Latest:
    """What ``latest`` says.

    Parameters
    ----------
    state
        ``running`` until the run is closed.
    reason, summary
        Why it ended and what came of it, once it has ended.
    note
        The user's own words.
    generation
        How many times the run was resumed; readers start over when it changes.
    counts
        Committed rows, epochs, samples and bytes of events.
    checkpoint
        Step of the newest checkpoint.
    created, updated
        Seconds since 1970 by the recorder's clock.
    """

    state: ClosingState | str
    created: float
    updated: float
    checkpoint: int
    generation: int = 0
    reason: str = ""
    note: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the zarr document that holds this."""
        return group_document(
            {
                "schema_version": SCHEMA_VERSION,
                "state": self.state,
                "reason": self.reason,
                "note": self.note,
                "summary": to_json(self.summary, "summary"),
                "generation": self.generation,
                "counts": dict(self.counts),
                "checkpoint": self.checkpoint,
                "created": self.created,
                "updated": self.updated,
            }
        )

    def write(self, run: Path) -> None:
        """Replace the document on the disk; it is there when this returns."""
        write_document(run / LATEST, self.document(), durable=True)

    def changed(self, **changes: Any) -> Latest:
        """Return a copy with some of it changed."""
        return replace(self, **changes)


def read_latest(run: Path) -> Latest:
    """Read what ``latest`` of a run says.

    Raises
    ------
    RecordError
        If the folder is not a run, its record is from a newer backbeam, or ``latest`` is damaged.
    """
    path = run / LATEST / DOCUMENT
    try:
        attributes = read_document(run / LATEST)["attributes"]
    except (FileNotFoundError, NotADirectoryError) as error:
        what = "is not a run" if run.exists() else "does not exist"
        raise RecordError(
            f"{run} {what} (there is no {LATEST}/{DOCUMENT}); give the folder of a run"
        ) from error
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error}); check its permissions") from error
    schema = attributes.get("schema_version")
    if isinstance(schema, int) and schema > SCHEMA_VERSION:
        raise RecordError(
            f"{run} has record schema {schema}, this backbeam reads up to {SCHEMA_VERSION}; "
            "install a newer backbeam"
        )
    state = attributes.get("state")
    if "state" in attributes and state not in STATES:
        raise RecordError(
            f"{path} is damaged (state {state!r}; it is one of {', '.join(STATES)}); restore it "
            "from a copy"
        )
    try:
        return Latest(
            state=str(attributes["state"]),
            created=float(attributes["created"]),
            updated=float(attributes["updated"]),
            checkpoint=int(attributes["checkpoint"]),
            generation=int(attributes["generation"]),
            reason=str(attributes["reason"]),
            note=str(attributes["note"]),
            summary=from_json(attributes["summary"]),
            counts={str(name): int(count) for name, count in attributes["counts"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"{path} is damaged ({error!r}); restore it from a copy") from error
