"""What panels of curves share: columns of tables, overlays, smoothing, the cursor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from gui.model.live_table import LiveTable
from gui.model.run_model import RunModel
from gui.model.view import Alignment
from gui.panels.curve_plot import CurvePlot, CurveStyle
from gui.panels.panel import PanelContext, PanelTable
from gui.theme.appearance import Appearance

Floats = npt.NDArray[np.float64]
TableName = Literal["steps", "epochs", "fidelity"]

_EMPHASIS_PIXELS = 240
_OVERLAY_SERIES = 2


@dataclass(frozen=True)
class ShownColumn:
    """One column of the record as a curve.

    Parameters
    ----------
    table
        ``steps``, ``epochs``, or ``fidelity`` for what was worked out while watching.
    column
        Its name.
    label
        What it is called in the plot.
    series
        Colour, dash and marker.
    smoothed
        Draw it smoothed, with the raw values faint behind it.
    now_and_then
        It is measured at some of the rows only; a line goes from one measurement to the next.
    """

    table: TableName
    column: str
    label: str
    series: int
    smoothed: bool = False
    now_and_then: bool = False

    def of(self, model: RunModel) -> LiveTable:
        """Return the rows of a run it is in; none if the run does not have it."""
        tables = {"steps": model.steps, "epochs": model.epochs, "fidelity": model.fidelity.table}
        rows = tables[self.table]
        if self.column not in rows:
            return LiveTable()
        return rows.measured(self.column) if self.now_and_then else rows


def shown_columns(
    kind: TableName, rows: LiveTable, *prefixes: str, now_and_then: bool = True
) -> tuple[ShownColumn, ...]:
    """Return the columns whose names begin with one of the prefixes, in a colour of its own each.

    What follows the prefix is the number of a layer, or words.
    """
    found = [(column, one) for one in prefixes for column in rows.columns if column.startswith(one)]
    return tuple(
        ShownColumn(kind, column, _label(column, prefix), number, now_and_then=now_and_then)
        for number, (column, prefix) in enumerate(found)
    )


def _label(column: str, prefix: str) -> str:
    rest = column.removeprefix(prefix).strip("_")
    if rest.isdigit():
        return f"layer {rest}"
    return rest.replace("_", " ") or column.replace("_", " ")


class RunCurves:
    """Draws columns of a run, and of those laid over it, into a plot."""

    def __init__(
        self, context: PanelContext, plot: CurvePlot, columns: Sequence[ShownColumn]
    ) -> None:
        self._context = context
        self._plot = plot
        self.columns = tuple(columns)

    def draw(self, *, overlays: bool = True, alignment: Alignment = "step") -> None:
        """Draw everything anew; what is not visible costs nothing."""
        model, view = self._context.model, self._context.view
        curves: dict[str, tuple[Floats, Floats]] = {}
        styles: dict[str, CurveStyle] = {}
        for shown in self.columns:
            if len(shown.of(model)):
                self._add(curves, styles, shown, model, shown.label, shown.series, alignment)
        if overlays:
            for number, other in enumerate(view.overlays.values()):
                for shown in self.columns:
                    if len(shown.of(other)):
                        alone = len(self.columns) == 1
                        label = other.name if alone else f"{other.name} {shown.label}"
                        series = _OVERLAY_SERIES + number
                        self._add(curves, styles, shown, other, label, series, alignment)
        self._plot.draw(curves, styles)
        self._plot.set_cursor(
            None if view.step is None else position_at(model, view.step, alignment)
        )

    def table(self) -> PanelTable:
        """Return what is drawn as numbers, thinned to what can be seen."""
        rows: list[tuple[object, ...]] = []
        for shown in self.columns:
            table = shown.of(self._context.model)
            if not len(table):
                continue
            x = positions(self._context.model, table, "step")
            envelope = table.envelope(shown.column, 0, len(table), 500)
            rows += [
                (shown.label, float(x[index]), float(low), float(high))
                for index, low, high in zip(*envelope, strict=True)
            ]
        return PanelTable(("curve", "step", "smallest", "largest"), rows)

    def newest(self, appearance: Appearance, *, percent: bool = False) -> str:
        """Return the value of each curve at the moment shown, in its colour."""
        parts = []
        for shown, value in self._values():
            colour = appearance.theme.label(shown.series)
            text = f"{100 * value:.4g} %" if percent else f"{value:.3g}"
            parts.append(f'{shown.label} <b style="color:{colour}">{text}</b>')
        return "&nbsp; ".join(parts)

    def newest_words(self) -> str:
        """Return the same without colours, for those who hear it."""
        return ", ".join(f"{shown.label} {value:.4g}" for shown, value in self._values())

    def _values(self) -> Iterator[tuple[ShownColumn, float]]:
        """Give the curves that have a value at the moment shown."""
        model, view = self._context.model, self._context.view
        for shown in self.columns:
            table = shown.of(model)
            index = len(table) - 1 if view.step is None else row_at(model, table, view.step)
            if index < 0:
                continue
            smoothing = view.smoothing if shown.smoothed else 0.0
            value = float(table.smoothed(shown.column, smoothing)[index])
            if np.isfinite(value):
                yield shown, value

    def _add(
        self,
        curves: dict[str, tuple[Floats, Floats]],
        styles: dict[str, CurveStyle],
        shown: ShownColumn,
        model: RunModel,
        label: str,
        series: int,
        alignment: Alignment,
    ) -> None:
        table = shown.of(model)
        x = positions(model, table, alignment)
        start, stop = _rows_between(x, self._plot.visible())
        smoothing = self._context.view.smoothing if shown.smoothed else 0.0
        own = model is self._context.model
        if shown.smoothed and smoothing and own:
            raw = table.envelope(shown.column, start, stop, self._plot.pixels())
            index, values = raw.line()
            curves[f"{label} raw"] = x[index], values
            styles[f"{label} raw"] = CurveStyle(series, faint=True)
        pixels = _EMPHASIS_PIXELS if shown.smoothed and smoothing else self._plot.pixels()
        envelope = table.envelope(shown.column, start, stop, pixels, smoothing)
        index, values = envelope.line()
        curves[label] = x[index], values
        few = len(index) <= 60 and (shown.table == "epochs" or shown.now_and_then)
        styles[label] = CurveStyle(series, markers=few, dashed=not own)


def positions(model: RunModel, rows: LiveTable, alignment: Alignment) -> Floats:
    """Return where rows lie along the axis runs are laid over each other by."""
    if alignment == "time" and "seconds" in rows:
        return rows["seconds"]
    if alignment == "epoch":
        if rows is model.epochs:
            return rows["epoch"]
        planned = model.steps_planned / model.epochs_planned if model.epochs_planned else 1.0
        return rows["step"] / max(planned, 1.0)
    if "step" in rows:
        return rows["step"]
    return np.arange(len(rows), dtype=np.float64)


def row_at(model: RunModel, rows: LiveTable, step: int) -> int:
    """Return the last of the rows at a step, or -1."""
    return int(np.searchsorted(positions(model, rows, "step"), step, side="right")) - 1


def position_at(model: RunModel, step: int, alignment: Alignment) -> float:
    """Return where a step lies along the axis."""
    x = positions(model, model.steps, alignment)
    index = row_at(model, model.steps, step)
    return float(x[index]) if 0 <= index < len(x) else float(step)


def _rows_between(x: Floats, visible: tuple[float, float] | None) -> tuple[int, int]:
    if visible is None:
        return 0, len(x)
    start = int(np.searchsorted(x, visible[0], side="left")) - 1
    stop = int(np.searchsorted(x, visible[1], side="right")) + 1
    return max(start, 0), min(stop, len(x))
