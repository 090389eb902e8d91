"""Points of two quantities that should be equal, and the line on which they would be."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from gui.panels.curve_plot import DASHES, SYMBOLS
from gui.panels.readable_axis import ReadableAxis
from gui.qt import QtCore, QtGui, QtWidgets, pg
from gui.theme.appearance import Appearance

Floats = npt.NDArray[np.float64]

MOST_POINTS = 2000


class ScatterPlot(pg.PlotWidget):
    """Points of several series; more than can be told apart are thinned evenly."""

    range_left = QtCore.Signal()
    painted = QtCore.Signal()

    def __init__(self, appearance: Appearance, x_label: str, y_label: str) -> None:
        axes = {side: ReadableAxis(side) for side in ("bottom", "left")}
        super().__init__(background=None, axisItems=axes)
        self._appearance = appearance
        self._labels = {"bottom": x_label, "left": y_label}
        plot = self.getPlotItem()
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.showGrid(x=True, y=True, alpha=0.25)
        self._box = plot.getViewBox()
        self._box.disableAutoRange()
        self._box.sigRangeChangedManually.connect(self._left)
        self.following = True
        self._extent: tuple[float, float] | None = None
        self._diagonal = pg.PlotCurveItem()
        self._diagonal.setZValue(5)
        self.addItem(self._diagonal)
        self._series: dict[str, pg.ScatterPlotItem] = {}
        self._legend = plot.addLegend(offset=(8, 8))
        self._legend.addItem(self._diagonal, "equal")
        self.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Ignored
        )
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.restyle()

    def draw(self, series: Mapping[str, tuple[Floats, Floats]]) -> None:
        """Show exactly these series."""
        for name in [one for one in self._series if one not in series]:
            item = self._series.pop(name)
            self._legend.removeItem(item)
            self.removeItem(item)
        largest = 0.0
        for name, (x, y) in series.items():
            if name not in self._series:
                item = pg.ScatterPlotItem(pxMode=True)
                self._series[name] = item
                self.addItem(item)
                self._legend.addItem(item, name)
                self._dress()
            finite = np.isfinite(x) & np.isfinite(y)
            x, y = x[finite], y[finite]
            stride = -(-len(x) // MOST_POINTS) or 1
            self._series[name].setData(x[::stride], y[::stride])
            if len(x):
                largest = max(largest, float(np.abs(x).max()), float(np.abs(y).max()))
        if self.following and largest > 0:
            self._fit(largest)
        self.painted.emit()

    def follow(self) -> None:
        """Show everything again."""
        self.following = True
        self._extent = None

    def toggle_grid(self) -> None:
        """Show or hide the grid."""
        axis = self.getPlotItem().getAxis("bottom")
        shown = bool(axis.grid)
        self.getPlotItem().showGrid(x=not shown, y=not shown)

    def restyle(self) -> None:
        """Take the colours of the theme."""
        theme = self._appearance.theme
        self.setBackground(theme.surface)
        size = f"{self._appearance.font(0.95).pointSizeF():.1f}pt"
        for side in ("bottom", "left"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(pg.mkPen(theme.muted))
            axis.setTextPen(pg.mkPen(theme.text))
            axis.setStyle(tickFont=self._appearance.font(0.9), maxTickLevel=1)
            axis.setLabel(self._labels[side], color=theme.text, **{"font-size": size})
        self._diagonal.setPen(pg.mkPen(theme.muted, style=DASHES[1]))
        self._legend.setLabelTextColor(theme.text)
        self._legend.setLabelTextSize(size)
        for _, label in self._legend.items:
            label.setText(label.text)
        self._dress()

    def _dress(self) -> None:
        theme = self._appearance.theme
        for number, item in enumerate(self._series.values()):
            colour = QtGui.QColor(theme.line(number))
            colour.setAlpha(170)
            item.setBrush(pg.mkBrush(colour))
            item.setPen(pg.mkPen(None))
            item.setSymbol(SYMBOLS[number % len(SYMBOLS)])
            item.setSize(5)

    def _fit(self, largest: float) -> None:
        if self._extent is not None and 0.5 * self._extent[1] < largest <= self._extent[1]:
            return
        edge = 1.15 * largest
        self._extent = (-edge, edge)
        self._diagonal.setData(np.array([-edge, edge]), np.array([-edge, edge]))
        self._box.setRange(xRange=(-edge, edge), yRange=(-edge, edge), padding=0)

    def _left(self, *_: object) -> None:
        if self.following:
            self.following = False
            self.range_left.emit()
