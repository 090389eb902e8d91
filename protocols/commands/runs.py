"""``backbeam runs``: what was trained so far."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RUNS_EXAMPLES = """**Examples**

backbeam runs                       the folder runs

backbeam runs /data/runs | grep completed
"""


def runs(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder of runs.")] = Path("runs"),
) -> None:
    """List runs: accuracy, state, and why each one stopped."""
    from instruments.errors import RecordError
    from protocols.commands.tables import open_console, print_table
    from protocols.record.layout import LATEST, no_folder
    from protocols.record.run import list_runs

    if not folder.is_dir():
        raise RecordError(
            f"{no_folder(folder)}; 'backbeam train' makes the folder 'runs', "
            "or give the one that holds your runs"
        )
    if (folder / LATEST).is_dir():
        parent = folder.absolute().parent
        raise RecordError(f"{folder} is a run itself; give the folder that holds it: {parent}")
    found = list_runs(folder)
    if not found:
        typer.echo(f"no runs in {folder}; 'backbeam train' makes one")
        return
    rows = []
    for one in found:
        summary = one.summary or {}
        rows.append(
            (
                one.path.name,
                one.state,
                _percent(summary.get("test_accuracy")),
                _percent(summary.get("best_validation_accuracy")),
                str(one.epochs),
                one.reason,
                one.note,
            )
        )
    columns = ("run", "state", "test", "validation", "epochs", "why it stopped", "note")
    print_table(open_console(), columns, rows)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"
