"""Which calibration tables the rows of a record were taken with.

The column ``tables`` of the steps counts sets of tables. Set 0 is in the configuration; each
later one is an event, told when it came into use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from protocols.record.run import Run

Tell = Callable[..., None]
"""Takes kind and text of an event, and its details by name."""

TABLES_EVENT = "tables"


def tell_of_tables(tell: Tell, number: int, ids: Mapping[str, str]) -> None:
    """Tell the record of a new set of tables: its number and ids by instrument or stage."""
    tell(TABLES_EVENT, f"from here on with tables {number}", number=number, ids=dict(ids))


def table_sets(run: Run) -> list[dict[str, str]]:
    """Return the ids by instrument or stage of every set of tables a run used.

    A value of the column ``tables`` is a place in this list. A run that was resumed may have told
    of the same number twice; what counts is the last.
    """
    network: dict[str, Any] = run.configuration.get("network", {})
    sets: dict[int, dict[str, str]] = {0: dict(network.get("tables", {}))}
    for event in run.events():
        if event.kind == TABLES_EVENT:
            sets[int(event.details["number"])] = dict(event.details["ids"])
    return [sets[number] for number in sorted(sets)]
