"""A picture of neurons, and below it how the one that was clicked has changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gui.panels.curve_plot import CurvePlot, CurveStyle
from gui.panels.image_plot import ImagePlot
from gui.qt import QtCore, QtWidgets
from gui.theme.appearance import Appearance

Floats = npt.NDArray[np.float64]

_KEY = QtCore.Qt.Key
_MOVES = {_KEY.Key_Up: -1, _KEY.Key_Down: 1, _KEY.Key_PageUp: -10, _KEY.Key_PageDown: 10}
_ENTER = (_KEY.Key_Return, _KEY.Key_Enter)


class TracedImage(QtWidgets.QSplitter):
    """A row for each neuron. A click on a row chooses it, another click lets go of it.

    Without a mouse, arrow keys go from row to row, Page Up and Page Down by ten, and Enter is the
    click.

    ``chosen`` tells that another neuron, or none, is traced from now on.
    """

    painted = QtCore.Signal()
    chosen = QtCore.Signal()

    def __init__(self, appearance: Appearance, scale_label: str) -> None:
        super().__init__(QtCore.Qt.Orientation.Vertical)
        self.neuron: int | None = None
        self._pointed_at: int | None = None
        self.image = ImagePlot(appearance, "sample", "neuron", "signed", scale_label=scale_label)
        self.trace = CurvePlot(appearance, "step", f"rms ({scale_label})")
        self.trace.hide()
        self.addWidget(self.image)
        self.addWidget(self.trace)
        self.setStretchFactor(0, 3)
        self.setStretchFactor(1, 2)
        self.image.painted.connect(self.painted)
        self.image.clicked.connect(self._click)
        self.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Ignored
        )

    def draw(self, values: npt.NDArray[Any]) -> tuple[float, float]:
        """Show a field ``[neuron, sample]``; return the values at the ends of the scale."""
        return self.image.draw(values)

    def draw_trace(self, steps: Floats, strengths: Floats) -> None:
        """Show how strong the chosen neuron was."""
        self.trace.draw(
            {f"neuron {self.neuron}": (steps, strengths)},
            {f"neuron {self.neuron}": CurveStyle(0)},
        )

    def choose(self, neuron: int | None) -> None:
        """Trace a neuron, or none."""
        self.neuron = neuron
        self._pointed_at = self._pointed_at if neuron is None else neuron
        self.image.mark_row(neuron)
        self.trace.setVisible(neuron is not None)
        self.trace.follow()
        self.chosen.emit()

    def take_key(self, key: int) -> bool:
        """Go to another row, or choose the one gone to; return whether the key means that."""
        rows, here = self.image.rows, self._pointed_at
        if key in _ENTER and here is not None:
            self.choose(None if here == self.neuron else here)
            return True
        if key not in _MOVES or not rows:
            return False
        row = 0 if here is None else here + _MOVES[key]
        self._pointed_at = min(max(row, 0), rows - 1)
        self.image.mark_row(self._pointed_at)
        self.image.setAccessibleDescription(f"neuron {self._pointed_at}: Enter traces it")
        return True

    def restyle(self) -> None:
        """Take the colours of the theme."""
        self.image.restyle()
        self.trace.restyle()

    def _click(self, row: int, _column: int) -> None:
        self.choose(None if row == self.neuron else row)
