"""Is the gradient right? Light's against the one that follows by computation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gui.model.live_table import LiveTable
from gui.panels.curve_plot import CurvePlot, CurveStyle
from gui.panels.panel import PanelContext, PanelState, PanelTable
from gui.panels.scatter_plot import ScatterPlot

Floats = npt.NDArray[np.float64]

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


def recorded_layers(steps: LiveTable, what: str) -> dict[int, str]:
    """Return the columns that hold a fidelity, by layer."""
    found = {}
    for column in steps.columns:
        name, _, number = column.rpartition("_")
        if name == f"gradient_{what}" and number.isdigit():
            found[int(number)] = column
    return found


class FidelityPanel:
    """Cosine of each layer's measured gradient to the computed one."""

    title = "Gradient fidelity (cosine to exact)"
    what = "cosine"
    y_label = "cosine"
    worrying: tuple[float, float] | None = (-1.0, WORRYING_COSINE)
    keys = frozenset({"taps", "rows", "view"})

    def __init__(self, context: PanelContext) -> None:
        self._context = context
        self.widget = CurvePlot(context.appearance, "step", self.y_label)
        if self.worrying is not None:
            self.widget.set_band(*self.worrying)
            self.widget.y_limits = (None, 1.02)

    def update(self, changes: set[str]) -> PanelState:
        """Draw a curve for every layer."""
        curves = self._curves()
        if not curves:
            going_on = self._context.model.is_going_on
            return PanelState(empty=_WAITING if going_on else _ABSENT)
        layers = {name: CurveStyle(number) for number, name in enumerate(curves)}
        self.widget.draw(curves, layers)
        view = self._context.view
        self.widget.set_cursor(None if view.step is None else float(view.step))
        theme = self._context.appearance.theme
        parts, words = [], []
        for number, (name, (_, values)) in enumerate(curves.items()):
            value = f"{values[-1]:.3f}"
            parts.append(f'{name} <b style="color:{theme.label(number)}">{value}</b>')
            words.append(f"{name} {value}")
        source = "recorded" if self._recorded() else "16 samples, worked out here"
        return PanelState(
            f"{'&nbsp; '.join(parts)}&nbsp; <small>{source}</small>",
            description=f"{self.what} of measured to computed gradient: {', '.join(words)}",
        )

    def table(self) -> PanelTable:
        """Return every point."""
        rows = [
            (name, float(x), float(y))
            for name, (steps, values) in self._curves().items()
            for x, y in zip(steps, values, strict=True)
        ]
        return PanelTable(("curve", "step", self.what), rows)

    def _recorded(self) -> dict[int, str]:
        return recorded_layers(self._context.model.steps, self.what.replace(" ", "_"))

    def _curves(self) -> dict[str, tuple[Floats, Floats]]:
        model = self._context.model
        recorded = self._recorded()
        if recorded and len(model.steps):
            steps = model.steps["step"]
            found = {}
            for layer, column in recorded.items():
                values = model.steps[column]
                known = np.isfinite(values)
                if known.any():
                    found[f"layer {layer}"] = steps[known], values[known]
            return found
        log = model.fidelity
        layers = sorted(log.cosines[-1]) if log.cosines else []
        return {f"layer {layer}": log.series(layer, self.what) for layer in layers}


class NormRatioPanel(FidelityPanel):
    """Length of each layer's measured gradient over the computed one's."""

    title = "Length of the gradient (measured / exact)"
    what = "norm ratio"
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
            f"<small>same sign:</small> {agreement}",
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


class NoiseFloorPanel:
    """How far the same gradient scatters when it is measured again."""

    title = "Noise floor from repeated shots"
    keys = frozenset({"rows"})

    def __init__(self, context: PanelContext) -> None:
        self._context = context
        self.widget = CurvePlot(context.appearance, "step", "relative scatter", log_y=True)

    def update(self, changes: set[str]) -> PanelState:
        """Draw the recorded noise, or say that there is none."""
        curves = self._curves()
        if not curves:
            return PanelState(
                empty="Not measured in this run: its record has no column gradient_noise_LAYER. "
                "A minibatch would have to be shown twice."
            )
        self.widget.draw(curves, {name: CurveStyle(i) for i, name in enumerate(curves)})
        return PanelState(description="scatter of repeated gradients")

    def table(self) -> PanelTable:
        """Return every point."""
        rows = [
            (name, float(x), float(y))
            for name, (steps, values) in self._curves().items()
            for x, y in zip(steps, values, strict=True)
        ]
        return PanelTable(("layer", "step", "relative scatter"), rows)

    def _curves(self) -> dict[str, tuple[Floats, Floats]]:
        steps = self._context.model.steps
        return {
            f"layer {layer}": (steps["step"], steps[column])
            for layer, column in recorded_layers(steps, "noise").items()
            if len(steps)
        }
