"""Is the gradient right? Light's against the one that follows by computation."""

from __future__ import annotations

from gui.panels.curve_plot import CurvePlot
from gui.panels.panel import PanelContext, PanelState, PanelTable
from gui.panels.run_curves import RunCurves, shown_columns
from gui.panels.scatter_plot import ScatterPlot

WORRYING_COSINE = 0.8

_ABSENT = (
    "Gradient fidelity is not in this record.\n\n"
    "While a run is going on it is worked out here, twice a second, from the taps of one "
    "minibatch and the weights they met: attach to the run while it trains. It needs errors that "
    "travel back through the network and a hidden layer."
)
_WAITING = (
    "Waiting for the taps of a minibatch. They come twice a second while the run trains and this "
    "monitor is connected to it; paused or read from its folder only, there are none."
)


class FidelityPanel:
    """Cosine of each layer's measured gradient to the computed one."""

    title = "Gradient fidelity (cosine to exact)"
    what = "cosine"
    prefix = "gradient_cosine_"
    y_label = "cosine"
    worrying: tuple[float, float] | None = (-1.0, WORRYING_COSINE)
    keys = frozenset({"taps", "rows", "view"})

    def __init__(self, context: PanelContext) -> None:
        self._context = context
        self.widget = CurvePlot(context.appearance, "step", self.y_label)
        if self.worrying is not None:
            self.widget.set_band(*self.worrying)
            self.widget.y_limits = (None, 1.1)
        self._curves = RunCurves(context, self.widget, ())

    def update(self, changes: set[str]) -> PanelState:
        """Draw a curve for every layer, as recorded or as worked out here."""
        model = self._context.model
        recorded = shown_columns("steps", model.steps, self.prefix)
        here = shown_columns("fidelity", model.fidelity.table, self.prefix)
        measured = any(len(one.of(model)) for one in recorded)
        self._curves.columns = recorded if measured else here
        if not self._curves.columns:
            return PanelState(empty=_WAITING if model.is_going_on else _ABSENT)
        self._curves.draw(overlays=False)
        return PanelState(
            self._curves.newest(self._context.appearance),
            remark="recorded" if measured else "16 samples, worked out here",
            description=f"{self.what} of measured to computed gradient: "
            f"{self._curves.newest_words()}",
        )

    def table(self) -> PanelTable:
        """Return the curves as numbers."""
        return self._curves.table()


class NormRatioPanel(FidelityPanel):
    """Length of each layer's measured gradient over the computed one's."""

    title = "Length of the gradient (measured / exact)"
    what = "ratio of lengths"
    prefix = "gradient_norm_ratio_"
    y_label = "ratio of lengths"
    worrying = None


class GradientScatterPanel:
    """Each weight's measured gradient against the computed one, for one layer."""

    title = "Gradient, measured against exact"
    keys = frozenset({"taps"})

    def __init__(self, context: PanelContext) -> None:
        self._context = context
        self.widget = ScatterPlot(
            context.appearance, "computed gradient", "gradient measured with light"
        )

    def update(self, changes: set[str]) -> PanelState:
        """Draw the newest minibatch."""
        found = self._context.model.fidelity.newest
        if not found:
            going_on = self._context.model.is_going_on
            return PanelState(empty=_WAITING if going_on else _ABSENT)
        self.widget.draw(
            {f"layer {one.layer}": (one.computed.ravel(), one.measured.ravel()) for one in found}
        )
        agreement = ", ".join(
            f"layer {one.layer} {100 * one.sign_agreement:.1f} %" for one in found
        )
        return PanelState(
            agreement,
            remark="of the weights with the right sign",
            description=f"share of weights whose gradient has the right sign: {agreement}",
        )

    def table(self) -> PanelTable:
        """Return every weight's two gradients."""
        rows = [
            (one.layer, float(x), float(y))
            for one in self._context.model.fidelity.newest
            for x, y in zip(one.computed.ravel(), one.measured.ravel(), strict=True)
        ]
        return PanelTable(("layer", "computed", "measured"), rows)
