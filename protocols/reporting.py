"""Tables a person reads at the end of a command."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from protocols.training_result import TrainingResult


def result_table(result: TrainingResult) -> Table:
    """Return the summary of a finished training run."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rows = [
        ("test accuracy", f"[bold]{result.test_accuracy:.2%}[/bold]"),
        ("best validation", f"{result.best_validation_accuracy:.2%} in epoch {result.best_epoch}"),
        ("ended", f"after {result.epochs} epochs, {result.steps} steps: {result.ended}"),
        ("time", f"{result.seconds:.1f} s, {result.images_per_second:,.0f} images/s"),
    ]
    if result.run is not None:
        rows.append(("run", escape(str(result.run))))
    for name, value in rows:
        table.add_row(name, value)
    return table
