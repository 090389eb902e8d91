"""``backbeam export``: weights and curves of a run as plain files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write into. Default: RUN-export.", show_default=False),
    ] = None,
) -> None:
    """Write a run's best weights as .npz and its curves as CSV.

    weights.npz holds layer_1, layer_2 .. as [outputs, inputs]; `backbeam train
    --initial-weights` takes it back. steps.csv and epochs.csv carry units in their headers.
    """
    import csv

    import numpy as np

    from instruments.errors import RecordError
    from protocols.record.run import open_run

    opened = open_run(run)
    folder = out if out is not None else run.with_name(f"{run.name}-export")
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise RecordError(f"{folder} exists already: choose another --out") from None
    except OSError as error:
        raise RecordError(f"{folder} cannot be written ({error.strerror})") from error
    prefix = "best_weights/"
    arrays = opened.checkpoint().arrays
    weights = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
    np.savez(folder / "weights.npz", allow_pickle=False, **weights)
    for name, rows in (("steps", opened.steps), ("epochs", opened.epochs)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([f"{c} [{unit}]" if unit else c for c, unit in rows.units.items()])
            writer.writerows(rows.array.tolist())
    typer.echo(f"weights.npz, steps.csv and epochs.csv are in {folder}")
