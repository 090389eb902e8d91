"""Is the light right? Masks, sums, what the bank holds, slit and reciprocity."""

from __future__ import annotations

from gui.model.weighted_sums import weighted_sums
from gui.panels.curve_plot import CurvePlot
from gui.panels.panel import PanelContext, PanelState, PanelTable
from gui.panels.run_curves import RunCurves, shown_columns
from gui.panels.scatter_plot import ScatterPlot
from gui.qt import QtWidgets


class SumsPanel:
    """What the weights made of the light against what they were asked to make, y against Wx."""

    title = "y against Wx"
    keys = frozenset({"taps"})

    def __init__(self, context: PanelContext) -> None:
        self._context = context
        self.widget = ScatterPlot(
            context.appearance, "Wx commanded (saturation fields)", "y tapped (saturation fields)"
        )

    def update(self, changes: set[str]) -> PanelState:
        """Draw the newest minibatch."""
        taps = self._context.model.taps
        step, weights = taps.weights
        found = weighted_sums(taps.fields, weights)
        if not found:
            return PanelState(
                empty="No layer is tapped on both sides of its weights at a moment whose weights "
                "are known.\n\nWhile a run trains its taps come with their weights; of the past "
                "there are only samples and the last checkpoint."
            )
        self.widget.draw(
            {f"layer {one.layer}": (one.computed.ravel(), one.measured.ravel()) for one in found}
        )
        lines = {one.layer: one.line() for one in found}
        theme = self._context.appearance.theme
        slopes = "&nbsp; ".join(
            f'slope {layer} <b style="color:{theme.label(number)}">{line.slope:.3f}</b>'
            for number, (layer, line) in enumerate(lines.items())
        )
        left = ", ".join(f"{line.residual:.2g}" for line in lines.values())
        words = "; ".join(
            f"layer {layer}: slope {line.slope:.3f}, residual {line.residual:.3g}"
            for layer, line in lines.items()
        )
        remark = f"residual {left}"
        if not taps.consistent:
            remark = f"weights of step {step}, light of {taps.step}"
        return PanelState(
            slopes, remark=remark, description=f"measured against commanded sums: {words}"
        )

    def table(self) -> PanelTable:
        """Return every sum."""
        taps = self._context.model.taps
        rows = [
            (one.layer, float(x), float(y), float(y - x))
            for one in weighted_sums(taps.fields, taps.weights[1])
            for x, y in zip(one.computed.ravel(), one.measured.ravel(), strict=True)
        ]
        return PanelTable(("layer", "Wx", "y", "difference"), rows)


class ColumnsPanel:
    """Columns of the record whose names begin alike, as curves.

    Parameters
    ----------
    title, y_label
        Heading and axis.
    prefixes
        What the names begin with.
    empty
        Why there may be none.
    now_and_then
        They are measured at some of the steps only.
    smallest
        What the values never go below, if anything.
    log_y
        With a logarithmic axis.
    """

    keys = frozenset({"rows", "epochs", "view", "overlays"})

    def __init__(
        self,
        context: PanelContext,
        title: str,
        y_label: str,
        prefixes: tuple[str, ...],
        empty: str,
        *,
        now_and_then: bool = False,
        smallest: float | None = None,
        log_y: bool = False,
    ) -> None:
        self._context = context
        self._empty = empty
        self.title = title
        self.widget = CurvePlot(context.appearance, "step", y_label, log_y=log_y)
        self.widget.y_limits = (smallest, None)
        model = context.model
        found = shown_columns("steps", model.steps, *prefixes, now_and_then=now_and_then)
        found += shown_columns("epochs", model.epochs, *prefixes, now_and_then=now_and_then)
        self._curves = RunCurves(context, self.widget, found)

    def update(self, changes: set[str]) -> PanelState:
        """Draw the curves."""
        if not self._curves.columns:
            return PanelState(empty=self._empty)
        if not any(len(one.of(self._context.model)) for one in self._curves.columns):
            return PanelState(empty="Nothing is recorded yet.")
        self._curves.draw()
        return PanelState(
            self._curves.newest(self._context.appearance),
            description=f"{self.title}: {self._curves.newest_words()}",
        )

    def table(self) -> PanelTable:
        """Return the curves as numbers."""
        return self._curves.table()


class WordsPanel:
    """Says in words why something is not to be seen yet."""

    keys: frozenset[str] = frozenset()

    def __init__(self, context: PanelContext, title: str, words: str) -> None:
        self.title = title
        self._words = words
        self.widget = QtWidgets.QWidget()

    def update(self, changes: set[str]) -> PanelState:
        """Say it."""
        return PanelState(empty=self._words)

    def table(self) -> PanelTable:
        """Return nothing."""
        return PanelTable((), ())
