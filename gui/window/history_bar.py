"""Below the cards: the moment that is shown, following the run, smoothing."""

from __future__ import annotations

from gui.model.run_model import RunModel
from gui.model.view import View
from gui.qt import QtCore, QtWidgets

_SMOOTHING_STEPS = 100


class HistoryBar(QtWidgets.QWidget):
    """A slider over the steps of a run. ``moved`` is emitted when what is shown shall change."""

    moved = QtCore.Signal()
    smoothed = QtCore.Signal()
    follow_asked = QtCore.Signal()

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._model: RunModel | None = None
        self.slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("history: step shown")
        self.slider.setToolTip("Look at an earlier step; , and . go back and forth")
        self.place = QtWidgets.QLabel()
        self.place.setAccessibleName("step shown")
        self.follow = QtWidgets.QToolButton()
        self.follow.setText("Follow live (L)")
        self.follow.setCheckable(True)
        self.follow.setChecked(True)
        self.follow.setAccessibleName("follow live")
        self.smoothing = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, _SMOOTHING_STEPS - 1)
        self.smoothing.setValue(round(view.smoothing * _SMOOTHING_STEPS))
        self.smoothing.setMaximumWidth(140)
        self.smoothing.setAccessibleName("smoothing")
        self.weight = QtWidgets.QLabel(f"{view.smoothing:.2f}")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(8, 2, 8, 2)
        layout.addWidget(QtWidgets.QLabel("History"))
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.place)
        layout.addWidget(self.follow)
        layout.addSpacing(16)
        layout.addWidget(QtWidgets.QLabel("Smooth"))
        layout.addWidget(self.smoothing)
        layout.addWidget(self.weight)
        self.slider.valueChanged.connect(self._move)
        self.follow.clicked.connect(self._clicked)
        self.smoothing.valueChanged.connect(self._smooth)

    @property
    def _last(self) -> int:
        """The newest step there is by now, drawn already or not."""
        return max(len(self._model.steps) - 1, 0) if self._model is not None else 0

    def show_run(self, model: RunModel | None) -> None:
        """Take the number of steps from a run."""
        self._model = model
        last = self._last
        self.slider.blockSignals(True)
        self.slider.setMaximum(last)
        self.slider.setPageStep(max(last // 20, 1))
        self.slider.setValue(last if self._view.step is None else self._view.step)
        self.slider.blockSignals(False)
        self.follow.setChecked(self._view.following)
        shown = last if self._view.step is None else self._view.step
        self.place.setText(f"step {shown:,}".replace(",", " "))

    def go(self, step: int | None) -> None:
        """Show a step, or follow the run with ``None``."""
        if step is not None:
            step = min(max(step, 0), self._last)
        if step != self._view.step:
            self._view.step = step
            self.moved.emit()

    def go_by(self, steps: int) -> None:
        """Go back or forth from what is shown."""
        shown = self._last if self._view.step is None else self._view.step
        self.go(shown + steps)

    def _move(self, value: int) -> None:
        self.go(value)

    def _clicked(self, checked: bool) -> None:
        if checked:
            self.follow_asked.emit()
        else:
            self.go(self._last)

    def _smooth(self, value: int) -> None:
        self._view.smoothing = value / _SMOOTHING_STEPS
        self.weight.setText(f"{self._view.smoothing:.2f}")
        self.smoothed.emit()
