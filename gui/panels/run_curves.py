"""What panels of curves share: columns of tables, overlays, smoothing, the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gui.model.live_table import LiveTable
from gui.model.run_model import RunModel
from gui.panels.curve_plot import CurvePlot, CurveStyle
from gui.panels.panel import PanelContext, PanelTable
from gui.theme.appearance import Appearance

Floats = npt.NDArray[np.float64]

_EMPHASIS_PIXELS = 240
_OVERLAY_SERIES = 2


@dataclass(frozen=True)
class ShownColumn:
    """One column of the record as a curve.

    Parameters
    ----------
    table
        ``steps`` or ``epochs``.
    column
        Its name.
    label
        What it is called in the plot.
    series
        Colour, dash and marker.
    smoothed
        Draw it smoothed, with the raw values faint behind it.
    """

    table: str
    column: str
    label: str
    series: int
    smoothed: bool = False

    def of(self, model: RunModel) -> LiveTable:
        """Return the table of a run it is in."""
        return model.steps if self.table == "steps" else model.epochs


class RunCurves:
    """Draws columns of a run, and of those laid over it, into a plot."""

    def __init__(
        self, context: PanelContext, plot: CurvePlot, columns: Sequence[ShownColumn]
    ) -> None:
        self._context = context
        self._plot = plot
        self.columns = tuple(columns)

    def draw(self, *, overlays: bool = True, alignment: str = "step") -> None:
        """Draw everything anew; what is not visible costs nothing."""
        model, view = self._context.model, self._context.view
        curves: dict[str, tuple[Floats, Floats]] = {}
        styles: dict[str, CurveStyle] = {}
        for shown in self.columns:
            if shown.column not in shown.of(model) or not len(shown.of(model)):
                continue
            self._add(curves, styles, shown, model, shown.label, shown.series, alignment)
        if overlays:
            for number, other in enumerate(view.overlays.values()):
                for shown in self.columns:
                    if shown.column in shown.of(other) and len(shown.of(other)):
                        label = f"{other.name} {shown.label}"
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
            if shown.column not in table or not len(table):
                continue
            x = positions(self._context.model, shown.table, "step")
            envelope = table.envelope(shown.column, 0, len(table), 500)
            rows += [
                (shown.label, float(x[index]), float(low), float(high))
                for index, low, high in zip(*envelope, strict=True)
            ]
        return PanelTable(("curve", "step", "smallest", "largest"), rows)

    def newest(self, appearance: Appearance, scale: float = 1.0, unit: str = "") -> str:
        """Return the value of each curve at the moment shown, in its colour."""
        parts = []
        view = self._context.view
        for shown in self.columns:
            table = shown.of(self._context.model)
            if shown.column not in table or not len(table):
                continue
            index = len(table) - 1
            if view.step is not None:
                index = row_at(self._context.model, shown.table, view.step)
            values = (
                table.smoothed(shown.column, view.smoothing)
                if shown.smoothed
                else table[shown.column]
            )
            if index < 0 or not np.isfinite(values[index]):
                continue
            colour = appearance.theme.label(shown.series)
            text = f"{values[index] * scale:.4g}{unit}"
            parts.append(f'{shown.label} <b style="color:{colour}">{text}</b>')
        return "&nbsp; ".join(parts)

    def _add(
        self,
        curves: dict[str, tuple[Floats, Floats]],
        styles: dict[str, CurveStyle],
        shown: ShownColumn,
        model: RunModel,
        label: str,
        series: int,
        alignment: str,
    ) -> None:
        table = shown.of(model)
        x = positions(model, shown.table, alignment)
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
        few = shown.table == "epochs" and len(index) <= 60
        styles[label] = CurveStyle(series, markers=few, dashed=not own)


def positions(model: RunModel, table: str, alignment: str) -> Floats:
    """Return where the rows of a table lie along the axis runs are laid over each other by."""
    rows = model.steps if table == "steps" else model.epochs
    if alignment == "time" and "seconds" in rows:
        return rows["seconds"]
    if alignment == "epoch":
        if table == "epochs":
            return rows["epoch"]
        planned = model.steps_planned / model.epochs_planned if model.epochs_planned else 1.0
        return rows["step"] / max(planned, 1.0)
    if "step" in rows:
        return rows["step"]
    return np.arange(len(rows), dtype=np.float64)


def row_at(model: RunModel, table: str, step: int) -> int:
    """Return the last row of a table at a step, or -1."""
    return int(np.searchsorted(positions(model, table, "step"), step, side="right")) - 1


def position_at(model: RunModel, step: int, alignment: str) -> float:
    """Return where a step lies along the axis."""
    x = positions(model, "steps", alignment)
    index = row_at(model, "steps", step)
    return float(x[index]) if 0 <= index < len(x) else float(step)


def _rows_between(x: Floats, visible: tuple[float, float] | None) -> tuple[int, int]:
    if visible is None:
        return 0, len(x)
    start = int(np.searchsorted(x, visible[0], side="left")) - 1
    stop = int(np.searchsorted(x, visible[1], side="right")) + 1
    return max(start, 0), min(stop, len(x))
