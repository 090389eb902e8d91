"""``backbeam runs``: what was trained so far."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def runs(
    folder: Annotated[Path, typer.Argument(help="Folder of runs.")] = Path("runs"),
) -> None:
    """List runs: accuracy, state, and why each one stopped."""
    from rich.console import Console
    from rich.table import Column, Table

    from instruments.errors import RecordError
    from protocols.record.run import list_runs

    if not folder.is_dir():
        raise RecordError(f"{folder}: no such folder; give the folder that holds your runs")
    found = list_runs(folder)
    console = Console(highlight=False)
    if not found:
        console.print(f"no runs in {folder}; 'backbeam train' makes one")
        return
    table = Table(
        Column("run", no_wrap=True),
        "state",
        "test",
        "validation",
        "epochs",
        "why it stopped",
        "note",
    )
    for one in found:
        summary = one.summary or {}
        table.add_row(
            one.path.name,
            one.state,
            _percent(summary.get("test_accuracy")),
            _percent(summary.get("best_validation_accuracy")),
            str(one.epochs),
            one.reason,
            one.note,
        )
    console.print(table)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"
