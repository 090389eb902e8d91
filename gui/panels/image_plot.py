"""A picture of a matrix with its scale beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gui.panels.colour_maps import MapKind, colour_map
from gui.panels.readable_axis import ReadableAxis
from gui.qt import QtCore, QtGui, QtWidgets, pg
from gui.theme.appearance import Appearance


class ImagePlot(pg.PlotWidget):
    """A matrix, row 0 on top. NaN is hatched."""

    painted = QtCore.Signal()
    clicked = QtCore.Signal(int, int)

    def __init__(
        self,
        appearance: Appearance,
        x_label: str,
        y_label: str,
        kind: MapKind,
        *,
        scale_label: str = "",
        square: bool = False,
    ) -> None:
        axes = {side: ReadableAxis(side) for side in ("bottom", "left")}
        super().__init__(background=None, axisItems=axes)
        self._appearance = appearance
        self._labels = {"bottom": x_label, "left": y_label}
        self._kind = kind
        self._scale_label = scale_label
        plot = self.getPlotItem()
        plot.setMenuEnabled(False)
        plot.hideButtons()
        self._box = plot.getViewBox()
        self._box.invertY(True)
        self._box.setAspectLocked(square)
        self._box.setMouseEnabled(x=False, y=False)
        self._missing = QtWidgets.QGraphicsRectItem()
        self._missing.setZValue(-5)
        self._box.addItem(self._missing, ignoreBounds=True)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.addItem(self.image)
        self._bar = pg.ColorBarItem(
            interactive=False, width=12, colorMap=colour_map(kind, appearance.theme)
        )
        self._bar.axis.autoSIPrefix = False
        self._bar.setImageItem(self.image, insert_in=plot)
        self._shape: tuple[int, ...] = ()
        self._mark = QtWidgets.QGraphicsRectItem()
        self._mark.hide()
        self._box.addItem(self._mark, ignoreBounds=True)
        self.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Ignored
        )
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.scene().sigMouseClicked.connect(self._mouse)
        self.restyle()

    def draw(
        self, values: npt.NDArray[Any], *, limits: tuple[float, float] | None = None
    ) -> tuple[float, float]:
        """Show a matrix ``[rows, columns]``; return the values at the ends of the scale."""
        shown = np.ascontiguousarray(values, np.float32)
        low, high = limits or self._limits(shown)
        self.image.setImage(shown, autoLevels=False, levels=(low, high))
        self._bar.setLevels((low, high))
        if shown.shape != self._shape:
            self._shape = shown.shape
            rows, columns = shown.shape
            self._missing.setRect(QtCore.QRectF(0, 0, columns, rows))
            self._box.setRange(xRange=(0, columns), yRange=(0, rows), padding=0.03)
        self.painted.emit()
        return low, high

    @property
    def rows(self) -> int:
        """How many rows are shown."""
        return self._shape[0] if self._shape else 0

    def mark_row(self, row: int | None) -> None:
        """Draw a frame around a row, or around none."""
        self._mark.setVisible(row is not None)
        if row is not None and self._shape:
            self._mark.setRect(QtCore.QRectF(0, row, self._shape[1], 1))

    def set_labels(self, x_label: str, y_label: str) -> None:
        """Name the axes."""
        self._labels = {"bottom": x_label, "left": y_label}
        self.restyle()

    def restyle(self) -> None:
        """Take the colours of the theme."""
        theme = self._appearance.theme
        self.setBackground(theme.surface)
        size = f"{self._appearance.font(0.95).pointSizeF():.1f}pt"
        axes = {side: self.getPlotItem().getAxis(side) for side in ("bottom", "left")}
        for side, axis in axes.items():
            axis.setLabel(self._labels[side], color=theme.text, **{"font-size": size})
        for axis in (*axes.values(), self._bar.axis):
            axis.setPen(pg.mkPen(theme.muted))
            axis.setTextPen(pg.mkPen(theme.text))
            axis.setStyle(tickFont=self._appearance.font(0.9))
        if self._scale_label:
            self._bar.axis.setLabel(self._scale_label, color=theme.text, **{"font-size": size})
            self._bar.axis.setWidth(None)
        self._bar.setColorMap(colour_map(self._kind, theme))
        self._missing.setBrush(
            QtGui.QBrush(QtGui.QColor(theme.off), QtCore.Qt.BrushStyle.BDiagPattern)
        )
        self._missing.setPen(pg.mkPen(None))
        self._mark.setPen(pg.mkPen(theme.text, width=1))

    def _limits(self, values: npt.NDArray[np.float32]) -> tuple[float, float]:
        finite = values[np.isfinite(values)]
        if not finite.size:
            return 0.0, 1.0
        low, high = float(finite.min()), float(finite.max())
        if self._kind == "signed":
            # Symmetric, so that zero has the colour of zero.
            high = max(abs(low), abs(high)) or 1.0
            return -high, high
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    def _mouse(self, event: Any) -> None:
        place = self._box.mapSceneToView(event.scenePos())
        row, column = int(place.y()), int(place.x())
        if self._shape and 0 <= row < self._shape[0] and 0 <= column < self._shape[1]:
            self.clicked.emit(row, column)
