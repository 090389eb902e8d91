"""Loss and accuracy: is the network learning?"""

from __future__ import annotations

from gui.panels.curve_plot import CurvePlot
from gui.panels.panel import PanelContext, PanelState, PanelTable
from gui.panels.run_curves import RunCurves, ShownColumn

_NO_STEPS = "No step is recorded yet. The first appear within a second of the training's start."


class LossPanel:
    """Training loss of every step, faint as it is and smoothed, and validation loss."""

    title = "Loss"
    keys = frozenset({"rows", "epochs", "view", "overlays"})

    def __init__(self, context: PanelContext) -> None:
        self._context = context
        self.widget = CurvePlot(context.appearance, "step", "loss", log_y=True)
        self._curves = RunCurves(
            context,
            self.widget,
            (
                ShownColumn("steps", "loss", "train", 0, smoothed=True),
                ShownColumn("epochs", "validation_loss", "validation", 1),
            ),
        )

    def update(self, changes: set[str]) -> PanelState:
        """Draw the curves."""
        model = self._context.model
        if not len(model.steps):
            return PanelState(empty=_NO_STEPS)
        self._curves.draw()
        newest = self._curves.newest(self._context.appearance)
        smoothing = self._context.view.smoothing
        words = f"smoothed {smoothing:.2f}" if smoothing else "not smoothed"
        if self.widget.hidden_values:
            newest += f"&nbsp; <small>{self.widget.hidden_values} values ≤ 0 not shown</small>"
        last = model.steps["loss"][-1] if "loss" in model.steps else float("nan")
        return PanelState(
            newest,
            remark=words,
            description=f"training loss {last:.4g} after {len(model.steps)} steps",
        )

    def table(self) -> PanelTable:
        """Return the curves as numbers."""
        return self._curves.table()


class AccuracyPanel:
    """Accuracy of each epoch on training and validation images."""

    title = "Accuracy"
    keys = frozenset({"epochs", "view", "overlays"})

    def __init__(self, context: PanelContext) -> None:
        self._context = context
        self.widget = CurvePlot(context.appearance, "step", "accuracy (share of images)")
        # Room for the curves' names above the best there can be.
        self.widget.y_limits = (None, 1.1)
        self._curves = RunCurves(
            context,
            self.widget,
            (
                ShownColumn("epochs", "train_accuracy", "train", 0),
                ShownColumn("epochs", "validation_accuracy", "validation", 1),
            ),
        )

    def update(self, changes: set[str]) -> PanelState:
        """Draw the curves."""
        epochs = self._context.model.epochs
        if not len(epochs):
            return PanelState(empty="No epoch is finished yet; accuracy is measured after each.")
        self._curves.draw()
        best = float(epochs["validation_accuracy"].max()) if "validation_accuracy" in epochs else 0
        newest = self._curves.newest(self._context.appearance, percent=True)
        return PanelState(
            newest,
            remark=f"best {100 * best:.2f} %",
            description=f"accuracy after {len(epochs)} epochs; best on validation images "
            f"{100 * best:.1f} percent",
        )

    def table(self) -> PanelTable:
        """Return the curves as numbers."""
        return self._curves.table()
