"""A plot of curves that costs pixels: envelopes in, one stroke a pixel out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gui.panels.readable_axis import ReadableAxis
from gui.qt import QtCore, QtGui, QtWidgets, pg
from gui.theme.appearance import Appearance
from gui.theme.contrast import mixed

Floats = npt.NDArray[np.float64]

DASHES = (
    QtCore.Qt.PenStyle.SolidLine,
    QtCore.Qt.PenStyle.DashLine,
    QtCore.Qt.PenStyle.DotLine,
    QtCore.Qt.PenStyle.DashDotLine,
    QtCore.Qt.PenStyle.DashDotDotLine,
    QtCore.Qt.PenStyle.SolidLine,
)
SYMBOLS = ("o", "s", "t1", "d", "x", "+")

FEW_POINTS = 600
"""Curves of so many points may be thick; dense thick ones cost seconds."""

_NOTHING = np.zeros(0)


@dataclass(frozen=True)
class CurveStyle:
    """How one curve looks.

    Parameters
    ----------
    series
        Which colour, dash and marker of the theme's series.
    faint
        Drawn behind the others, in a pale colour, without a label.
    markers
        With a marker at each point.
    dashed
        With the dash of its series; otherwise solid.
    """

    series: int = 0
    faint: bool = False
    markers: bool = False
    dashed: bool = False


class CurvePlot(pg.PlotWidget):
    """Curves over a common axis, labelled at their ends.

    ``range_left`` is emitted when somebody zooms or pans: from then on the range stays where it
    was put, until ``follow``. ``outgrown`` tells that what is drawn no longer suits what can be
    seen, because of that or because the plot has another size.
    """

    range_left = QtCore.Signal()
    outgrown = QtCore.Signal()
    painted = QtCore.Signal()

    def __init__(
        self, appearance: Appearance, x_label: str, y_label: str, *, log_y: bool = False
    ) -> None:
        axes = {side: ReadableAxis(side) for side in ("bottom", "left")}
        super().__init__(background=None, axisItems=axes)
        self._appearance = appearance
        self._labels = {"bottom": x_label, "left": y_label}
        self._curves: dict[str, pg.PlotCurveItem | pg.PlotDataItem] = {}
        self._styles: dict[str, CurveStyle] = {}
        self._few: dict[str, bool] = {}
        self._ends: dict[str, pg.TextItem] = {}
        self._data: dict[str, tuple[Floats, Floats]] = {}
        self._range: tuple[float, float, float, float] | None = None
        self._given_extent: tuple[float, float, float, float] | None = None
        self.log_x = False
        self.log_y = log_y
        self.hidden_values = 0
        """Values that a logarithmic axis cannot show."""
        self.following = True
        self.y_limits: tuple[float | None, float | None] = (None, None)
        """What the y axis never goes beyond."""
        self.headroom = 0.08
        """Share of the height that is left free above the curves."""
        plot = self.getPlotItem()
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.showGrid(x=True, y=True, alpha=0.25)
        self._grid = True
        self._box = plot.getViewBox()
        self._box.disableAutoRange()
        self._box.sigRangeChangedManually.connect(self._left)
        self._box.sigResized.connect(self._resized)
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.hide()
        self.addItem(self._cursor)
        self._band = pg.LinearRegionItem(orientation="horizontal", movable=False)
        self._band.setZValue(-20)
        self._band.hide()
        self.addItem(self._band)
        self.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Ignored
        )
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.restyle()

    # What is drawn --------------------------------------------------------------------------------

    def draw(
        self,
        curves: Mapping[str, tuple[Floats, Floats]],
        styles: Mapping[str, CurveStyle],
        extent: tuple[float, float, float, float] | None = None,
    ) -> None:
        """Show exactly these curves; NaN leaves a gap.

        ``extent`` names smallest and largest x and y where the curves are not all there is.
        """
        self._given_extent = extent
        for name in [one for one in self._curves if one not in curves]:
            self.removeItem(self._curves.pop(name))
            self._styles.pop(name)
            if name in self._ends:
                self.removeItem(self._ends.pop(name))
        self.hidden_values = 0
        self._data = {}
        for name, (x, y) in curves.items():
            few = len(x) <= FEW_POINTS
            if name not in self._curves or self._styles[name] != styles[name]:
                self._few[name] = few
                self._add(name, styles[name])
            elif self._few[name] != few:
                self._few[name] = few
                self._dress(name, styles[name])
            shown = self._on_axes(x, y)
            self._data[name] = shown
            # pyqtgraph looks for the extent of markers, and warns where there is none.
            anything = bool(np.isfinite(shown[1]).any())
            self._curves[name].setData(*(shown if anything else (_NOTHING, _NOTHING)))
        if self.following:
            self._fit()
        self._place_ends()
        self.painted.emit()

    def pixels(self) -> int:
        """Return how many columns of pixels the plot has."""
        return max(int(self._box.width()), 200)

    def visible(self) -> tuple[float, float] | None:
        """Return the range of x somebody zoomed to, or ``None`` for everything."""
        if self.following:
            return None
        low, high = self._box.viewRange()[0]
        return (10.0**low, 10.0**high) if self.log_x else (low, high)

    def set_cursor(self, x: float | None) -> None:
        """Mark a moment, or none."""
        if x is None:
            self._cursor.hide()
        else:
            self._cursor.setValue(math.log10(x) if self.log_x and x > 0 else x)
            self._cursor.show()

    def set_band(self, low: float, high: float) -> None:
        """Shade values nobody wants."""
        self._band.setRegion((low, high))
        self._band.show()

    def set_labels(self, x_label: str, y_label: str) -> None:
        """Name the axes, with their units."""
        self._labels = {"bottom": x_label, "left": y_label}
        self._label_axes()

    # How it is looked at --------------------------------------------------------------------------

    def follow(self) -> None:
        """Show everything again."""
        self.following = True
        self._range = None
        self._fit()

    def toggle_log(self, axis: str) -> None:
        """Change ``x`` or ``y`` between linear and logarithmic; draw anew afterwards."""
        if axis == "x":
            self.log_x = not self.log_x
        else:
            self.log_y = not self.log_y
        self.follow()
        self._label_axes()

    def toggle_grid(self) -> None:
        """Show or hide the grid."""
        self._grid = not self._grid
        self.getPlotItem().showGrid(x=self._grid, y=self._grid)

    def restyle(self) -> None:
        """Take the colours of the theme, which Qt's palette does not bring to plots."""
        theme = self._appearance.theme
        self.setBackground(theme.surface)
        font = self._appearance.font(0.9)
        for side in ("bottom", "left"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(pg.mkPen(theme.muted))
            axis.setTextPen(pg.mkPen(theme.text))
            axis.setStyle(tickFont=font, maxTickLevel=1, tickLength=-4)
        self._label_axes()
        self._cursor.setPen(pg.mkPen(theme.accent, width=1, style=DASHES[1]))
        fill = QtGui.QColor(theme.fault)
        fill.setAlpha(40)
        self._band.setBrush(fill)
        for line in self._band.lines:
            line.setPen(pg.mkPen(None))
        for name, style in self._styles.items():
            self._dress(name, style)

    def _label_axes(self) -> None:
        theme, plot = self._appearance.theme, self.getPlotItem()
        size = f"{self._appearance.font(0.95).pointSizeF():.1f}pt"
        for side, log in (("bottom", self.log_x), ("left", self.log_y)):
            axis = plot.getAxis(side)
            axis.setLogMode(log)
            axis.setLabel(self._labels[side], color=theme.text, **{"font-size": size})

    def _add(self, name: str, style: CurveStyle) -> None:
        if name in self._curves:
            self.removeItem(self._curves.pop(name))
        item = (
            pg.PlotDataItem(connect="finite")
            if style.markers
            else pg.PlotCurveItem(connect="finite")
        )
        if style.faint:
            item.setZValue(-10)
        self._curves[name] = item
        self._styles[name] = style
        self.addItem(item)
        if not style.faint and name not in self._ends:
            end = pg.TextItem(anchor=(1, 0.5))
            self._ends[name] = end
            self.addItem(end, ignoreBounds=True)
        self._dress(name, style)

    def _dress(self, name: str, style: CurveStyle) -> None:
        theme = self._appearance.theme
        colour = theme.line(style.series)
        if style.faint:
            colour = mixed(theme.surface, colour, 0.45)
        dash = DASHES[style.series % len(DASHES)] if style.dashed else DASHES[0]
        width = 2 if (style.markers or self._appearance.thick_lines) and not style.faint else 1
        if self._few[name] and not style.faint:
            # Pens are as wide in pixels of the screen: hairlines where those are small.
            width = max(width, round(width * self.devicePixelRatioF()))
        pen = pg.mkPen(colour, width=width, style=dash)
        item = self._curves[name]
        item.setPen(pen)
        if style.markers:
            item.setSymbol(SYMBOLS[style.series % len(SYMBOLS)])
            item.setSymbolSize(6)
            item.setSymbolBrush(pg.mkBrush(colour))
            item.setSymbolPen(pg.mkPen(theme.surface))
        if name in self._ends:
            self._ends[name].setText(name, color=theme.label(style.series))
            ground = QtGui.QColor(theme.surface)
            ground.setAlpha(150)
            self._ends[name].fill = pg.mkBrush(ground)
            self._ends[name].setFont(self._appearance.font(0.9, bold=True))

    def _on_axes(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        if self.log_y:
            finite = np.isfinite(y)
            self.hidden_values += int((finite & (y <= 0)).sum())
            with np.errstate(divide="ignore", invalid="ignore"):
                y = np.where(y > 0, np.log10(y), np.nan)
        if self.log_x:
            with np.errstate(divide="ignore", invalid="ignore"):
                x = np.where(x > 0, np.log10(x), np.nan)
        return x, np.where(np.isfinite(y), y, np.nan)

    # Ranges ---------------------------------------------------------------------------------------

    def _left(self, *_: object) -> None:
        if self.following:
            self.following = False
            self.range_left.emit()
        self.outgrown.emit()

    def _resized(self, *_: object) -> None:
        self.outgrown.emit()

    def _fit(self) -> None:
        """Choose a range with some room, and keep it as long as it holds everything."""
        wanted = self._extent()
        if wanted is None:
            return
        if self._range is not None and _holds(self._range, wanted):
            return
        x0, x1, y0, y1 = wanted
        width, height = max(x1 - x0, 1e-9), max(y1 - y0, 1e-9)
        grown = self._range is not None
        # Room to grow into: a moving axis is the dearest part of a frame.
        x1 += 0.12 * width if grown else 0.06 * width
        self._range = (x0 - 0.01 * width, x1, y0 - 0.08 * height, y1 + self.headroom * height)
        low, high = self.y_limits
        bottom = self._range[2] if low is None else max(self._range[2], low)
        top = self._range[3] if high is None else min(self._range[3], high)
        self._box.setRange(xRange=self._range[:2], yRange=(bottom, top), padding=0)

    def _extent(self) -> tuple[float, float, float, float] | None:
        if self._given_extent is not None:
            return self._given_extent
        xs = [one[0] for one in self._data.values() if one[0].size]
        ys = [one[1] for one in self._data.values() if one[1].size]
        if not xs:
            return None
        x0, x1 = _limits(xs)
        y0, y1 = _limits(ys)
        if not (math.isfinite(x0) and math.isfinite(y0)):
            return None
        if y1 <= y0:
            margin = abs(y0) * 0.05 or 0.5
            y0, y1 = y0 - margin, y1 + margin
        if x1 <= x0:
            x0, x1 = x0 - 0.5, x1 + 0.5
        return x0, x1, y0, y1

    def _place_ends(self) -> None:
        """Write each curve's name at its end: above it, or below where another is close above."""
        (x0, x1), (y0, y1) = self._box.viewRange()
        tall = max(self._box.height(), 1.0)
        line = 1.25 * QtGui.QFontMetricsF(self._appearance.font(0.9)).height() / tall * (y1 - y0)
        places: list[tuple[float, float, str]] = []
        for name, end in self._ends.items():
            x, y = self._data.get(name, (np.zeros(0), np.zeros(0)))
            inside = np.flatnonzero(np.isfinite(y) & (x >= x0) & (x <= x1))
            end.setVisible(bool(inside.size))
            if inside.size:
                last = inside[-1]
                places.append((float(y[last]), float(x[last]), name))
        places.sort()
        floor = y0 + 0.6 * line
        heights: list[float] = []
        for number, (height, _, _) in enumerate(places):
            crowded = number + 1 < len(places) and places[number + 1][0] - height < 1.4 * line
            below = crowded and height - 0.7 * line >= floor
            # Beside its curve, where the line itself does not cross it.
            wanted = height + (-0.7 if below else 0.7) * line
            floor = max(min(wanted, y1 - 0.6 * line), floor)
            heights.append(floor)
            floor += line
        over = max((heights[-1] if heights else y0) - (y1 - 0.6 * line), 0.0)
        across = max(self._box.width(), 1.0) / (x1 - x0)
        for (_, place, name), height in zip(places, heights, strict=True):
            end = self._ends[name]
            # To the left of the curve's end, unless there is no room.
            room = (place - x0) * across >= end.boundingRect().width()
            end.setAnchor((1, 0.5) if room else (0, 0.5))
            end.setPos(place, height - over)


def _limits(arrays: Sequence[Floats]) -> tuple[float, float]:
    low = min(float(np.fmin.reduce(one)) for one in arrays)
    high = max(float(np.fmax.reduce(one)) for one in arrays)
    return low, high


def _holds(present: tuple[float, float, float, float], wanted: tuple[float, ...]) -> bool:
    """Whether a range holds what is wanted, without being much too large for it."""
    x0, x1, y0, y1 = wanted
    inside = present[0] <= x0 and x1 <= present[1] and present[2] <= y0 and y1 <= present[3]
    tight = (x1 - x0) > 0.6 * (present[1] - present[0])
    return inside and tight and (y1 - y0) > 0.5 * (present[3] - present[2])
