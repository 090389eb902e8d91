"""Runs laid over each other, and what they differ in."""

from __future__ import annotations

from dataclasses import replace

from gui.model.configuration import differences
from gui.model.view import Alignment
from gui.panels.curve_plot import CurvePlot
from gui.panels.panel import PanelContext, PanelState, PanelTable
from gui.panels.run_curves import RunCurves, ShownColumn
from gui.panels.table_view import TableView

_NO_OTHERS = (
    "No other run is checked. Check runs in the list on the left to lay them over this one."
)

_X_LABELS: dict[Alignment, str] = {
    "step": "step",
    "epoch": "epoch",
    "time": "training time (s)",
}


class ComparisonPanel:
    """One column of the checked runs, aligned by step, epoch or time.

    Parameters
    ----------
    title, y_label
        Heading and axis.
    column
        What is drawn.
    """

    keys = frozenset({"rows", "epochs", "view", "overlays"})

    def __init__(
        self, context: PanelContext, title: str, y_label: str, column: ShownColumn, *, log_y: bool
    ) -> None:
        self._context = context
        self._y_label = y_label
        self.title = title
        self.widget = CurvePlot(context.appearance, "step", y_label, log_y=log_y)
        # Here the runs are compared: each curve is called by its run.
        column = replace(column, label=context.model.name)
        self._curves = RunCurves(context, self.widget, (column,))
        self._alignment: Alignment = "step"

    def update(self, changes: set[str]) -> PanelState:
        """Draw this run and the checked ones."""
        view, model = self._context.view, self._context.model
        if not any(len(one.of(model)) for one in self._curves.columns):
            return PanelState(empty="Nothing is recorded yet.")
        if view.alignment != self._alignment:
            self._alignment = view.alignment
            self.widget.set_labels(_X_LABELS[view.alignment], self._y_label)
            self.widget.follow()
        self._curves.draw(alignment=view.alignment)
        names = ", ".join(other.name for other in view.overlays.values())
        return PanelState(
            self._curves.newest(self._context.appearance),
            remark=f"with {names}" if names else "no other run checked",
            description=f"{self.title} beside {names or 'no other run'}",
        )

    def table(self) -> PanelTable:
        """Return this run's curve as numbers."""
        return self._curves.table()


class DifferencesPanel:
    """What the configurations of the checked runs differ in."""

    title = "Differences of configuration"
    keys = frozenset({"overlays"})

    def __init__(self, context: PanelContext) -> None:
        self._context = context
        self.widget = TableView()

    def update(self, changes: set[str]) -> PanelState:
        """List the differences."""
        table = self.table()
        if not self._context.view.overlays:
            return PanelState(empty=_NO_OTHERS)
        if not table.rows:
            return PanelState(empty="The checked runs were started with the same configuration.")
        self.widget.show_table(table)
        self.widget.resizeColumnsToContents()
        return PanelState(
            remark=f"{len(table.rows)} settings",
            description=f"{len(table.rows)} settings differ",
        )

    def table(self) -> PanelTable:
        """Return a row for each setting, a column for each run."""
        model, others = self._context.model, list(self._context.view.overlays.values())
        found: dict[str, dict[str, str]] = {}
        for other in others:
            for one in differences(model.configuration, other.configuration):
                row = found.setdefault(one.name, {model.name: one.here or "—"})
                row[other.name] = one.there or "—"
        names = [model.name, *(other.name for other in others)]
        rows = [
            (setting, *(values.get(name, values[model.name]) for name in names))
            for setting, values in found.items()
        ]
        return PanelTable(("setting", *names), rows)
