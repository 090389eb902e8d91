"""``backbeam runs``: what was trained so far."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WIDTH_WITHOUT_TERMINAL = 200


def runs(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder of runs.")] = Path("runs"),
) -> None:
    """List runs: accuracy, state, and why each one stopped."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    from instruments.errors import RecordError
    from protocols.record.layout import LATEST
    from protocols.record.run import list_runs

    if not folder.is_dir():
        raise RecordError(
            f"{folder}: no such folder; 'backbeam train' makes the folder 'runs', "
            "or give the one that holds your runs"
        )
    if (folder / LATEST).is_dir():
        parent = folder.absolute().parent
        raise RecordError(f"{folder} is a run itself; give the folder that holds it: {parent}")
    found = list_runs(folder)
    console = Console(highlight=False)
    if not console.is_terminal:
        # For grep and awk: what is cut off cannot be found.
        console.width = max([WIDTH_WITHOUT_TERMINAL, *(2 * len(one.note) for one in found)])
    if not found:
        typer.echo(f"no runs in {folder}; 'backbeam train' makes one")
        return
    table = Table(
        Column("run", no_wrap=True),
        "state",
        "test",
        "validation",
        "epochs",
        "why it stopped",
        "note",
        box=box.SIMPLE_HEAD,
    )
    for one in found:
        summary = one.summary or {}
        cells = (
            one.path.name,
            one.state,
            _percent(summary.get("test_accuracy")),
            _percent(summary.get("best_validation_accuracy")),
            str(one.epochs),
            one.reason,
            one.note,
        )
        table.add_row(*map(escape, cells))
    console.print(table)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"
