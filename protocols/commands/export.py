"""``backbeam export``: weights and curves of a run as plain files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from protocols.record.table import Table

COUNTS = ("step", "epoch")

EXPORT_EXAMPLES = """**Examples**

backbeam export runs/digits-20260131-120000        into runs/digits-20260131-120000-export

backbeam export runs/NAME --out weights

backbeam train --initial-weights weights/weights.npz --layers 64,48,10      and back in
"""


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder to write into, made new. Default: RUN-export."),
    ] = None,
) -> None:
    """Write a run's best weights as .npz and its curves as CSV.

    weights.npz holds layer_1, layer_2 .. as [outputs, inputs]; `backbeam train
    --initial-weights` takes it back. steps.csv and epochs.csv carry units in their headers.
    """
    import shutil

    import numpy as np

    from instruments.errors import RecordError
    from protocols.experiment import best_weights
    from protocols.record.run import open_run

    opened = open_run(run)
    # Everything is read before anything is written: a damaged run leaves no empty folder.
    weights = {f"layer_{i}": array for i, array in enumerate(best_weights(opened), start=1)}
    tables = {"steps": opened.steps, "epochs": opened.epochs}
    named = run if run.name not in ("", "..") else run.resolve()
    folder = out if out is not None else named.with_name(f"{named.name}-export")
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise RecordError(
            f"{folder} cannot be made, there is a file or folder of that name; "
            "choose another with --out"
        ) from None
    except OSError as error:
        raise RecordError(
            f"{folder} cannot be written ({error.strerror}); choose another with --out"
        ) from error
    try:
        np.savez(folder / "weights.npz", **weights)  # type: ignore[arg-type]
        for name, table in tables.items():
            _write_table(folder / f"{name}.csv", table)
    except OSError as error:
        # Half an export is none: nobody should take it for whole.
        shutil.rmtree(folder, ignore_errors=True)
        raise RecordError(
            f"{folder} cannot be written ({error.strerror or error}); choose another with --out"
        ) from error
    typer.echo(f"weights.npz, steps.csv and epochs.csv are in {folder}")


def _write_table(path: Path, table: Table) -> None:
    """Write a table with units in its header and counts as whole numbers."""
    import csv

    def number(column: str, value: float) -> float | int:
        return int(value) if column in COUNTS else value

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            [f"{name} [{unit}]" if unit else name for name, unit in table.units.items()]
        )
        for row in table.array.tolist():
            writer.writerow(map(number, table.columns, row))
