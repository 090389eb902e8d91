"""``backbeam evaluate``: score a run's best weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EVALUATE_EXAMPLES = """**Examples**

backbeam evaluate runs/digits-20260131-120000

backbeam evaluate runs/NAME --data-dir ~/data      the data was moved since

backbeam evaluate runs/NAME --json | tail -n 1     for a script
"""


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")],
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the data lies now, if it was moved."),
    ] = None,
    json_line: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON on the last line.")
    ] = False,
) -> None:
    """Pass validation and test images through a run's best weights.

    Prints accuracy and loss of both halves, and how often each class is recognised.
    """
    import json
    from contextlib import closing

    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from protocols import evaluation
    from protocols.experiment import (
        best_operating_point,
        best_weights,
        load_recorded_data,
        rebuild_network,
        recorded_settings,
    )
    from protocols.losses import LOSSES
    from protocols.record.run import open_run

    opened = open_run(run)
    dataset = load_recorded_data(opened, data_dir)
    network = rebuild_network(opened)
    loss = LOSSES[recorded_settings(opened).loss]
    parts = {
        "validation": (dataset.validation_inputs, dataset.validation_labels),
        "test": (dataset.test_inputs, dataset.test_labels),
    }
    with closing(network):
        network.write(best_weights(opened), best_operating_point(opened))
        scores = {name: evaluation.evaluate(network, *part, loss) for name, part in parts.items()}
        decided = network.forward(dataset.test_inputs).output.argmax(axis=1)
    console = Console(highlight=False)
    table = Table("", "accuracy", "loss", "images", box=None, padding=(0, 2, 0, 0))
    for name, score in scores.items():
        table.add_row(name, f"{score.accuracy:.2%}", f"{score.loss:.4f}", str(len(parts[name][1])))
    console.print(table)
    rates = [
        float(np.mean(decided[dataset.test_labels == label] == label))
        for label in range(dataset.classes)
    ]
    console.print(
        "recognised, class by class: "
        + "  ".join(f"{label}: {rate:.0%}" for label, rate in enumerate(rates)),
        soft_wrap=True,
    )
    if json_line:
        result = {f"{name}_accuracy": score.accuracy for name, score in scores.items()}
        print(json.dumps(result | {"class_accuracies": rates, "run": str(run)}))
