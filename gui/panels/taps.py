"""What the taps see: activations, errors, distributions, one layer at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gui.model.histogram import Histogram, histogram
from gui.panels.curve_plot import CurvePlot
from gui.panels.image_plot import ImagePlot
from gui.panels.panel import PanelContext, PanelState, PanelTable
from gui.panels.traced_image import TracedImage
from gui.qt import QtGui, pg

Floats = npt.NDArray[np.float64]

NOT_SAMPLED = (
    "No tap is sampled yet.\n\n"
    "While a run trains, taps of 16 samples are shown twice a second. The record keeps a sample "
    "every --fields-every steps (0: never)."
)
DEAD_SHARE = 1e-3


class TapImagePanel:
    """One field as a picture, a row for each neuron and a column for each sample.

    The neuron of the row that is clicked is traced below it.

    Parameters
    ----------
    field
        Its name in the record.
    title
        Heading.
    """

    keys = frozenset({"taps"})

    def __init__(self, context: PanelContext, field: str, title: str) -> None:
        self._context = context
        self._field = field
        self.title = title
        self.widget = TracedImage(context.appearance, "saturation field")
        self.widget.chosen.connect(self._trace)

    def update(self, changes: set[str]) -> PanelState:
        """Draw the field at the moment shown."""
        taps = self._context.model.taps
        values = taps.fields.get(self._field)
        if values is None:
            known = ", ".join(sorted(taps.fields))
            empty = f"The field {self._field} is not among those sampled: {known}."
            return PanelState(empty=empty if known else NOT_SAMPLED)
        low, high = self.widget.draw(np.asarray(values).T)
        self._trace()
        source = "recorded" if taps.recorded else "live"
        quiet = float(np.mean(np.abs(values).max(axis=0) < DEAD_SHARE * max(abs(low), abs(high))))
        return PanelState(
            f"<small>step</small> {taps.step}",
            remark=f"{source}, {100 * quiet:.0f} % dead" if quiet else source,
            description=f"{self.title}: {values.shape[1]} neurons, {values.shape[0]} samples, from "
            f"{float(np.nanmin(values)):.3g} to {float(np.nanmax(values)):.3g} saturation fields "
            f"at step {taps.step}",
        )

    def _trace(self) -> None:
        """Draw how the chosen neuron has changed while this run was watched."""
        if self.widget.neuron is not None:
            traces = self._context.model.taps.traces
            self.widget.draw_trace(*traces.of(self._field, self.widget.neuron))

    def table(self) -> PanelTable:
        """Return the values, a row for each sample."""
        values = self._context.model.taps.fields.get(self._field)
        if values is None:
            return PanelTable((), ())
        header = ["sample", *(f"neuron {number}" for number in range(values.shape[1]))]
        rows = [(number, *map(float, row)) for number, row in enumerate(values)]
        return PanelTable(header, rows)


class DistributionPanel:
    """Distribution of what enters the unit of a layer, with the shares at its ends."""

    keys = frozenset({"taps"})

    def __init__(self, context: PanelContext, layer: int, field: str) -> None:
        self._context = context
        self._field = field
        self.title = f"Layer {layer} · inputs of the unit"
        if field == "output":
            self.title = f"Layer {layer} · output"
        self.widget = CurvePlot(context.appearance, "field (saturation fields)", "values in a bin")
        self._bars = pg.PlotCurveItem(fillLevel=0.0)
        self.widget.addItem(self._bars)
        self._shown: Histogram | None = None

    def update(self, changes: set[str]) -> PanelState:
        """Draw the distribution."""
        values = self._context.model.taps.fields.get(self._field)
        if values is None:
            return PanelState(
                empty=f"The tap {self._field} is not sampled: this bench has none in front of the "
                "unit, or nothing was sampled yet."
            )
        self._shown = found = histogram(values)
        theme = self._context.appearance.theme
        fill = QtGui.QColor(theme.series[0])
        fill.setAlpha(90)
        self._bars.setPen(pg.mkPen(theme.series[0]))
        self._bars.setBrush(pg.mkBrush(fill))
        self._bars.setData(found.edges, found.counts.astype(float), stepMode="center")
        top = float(found.counts.max())
        self.widget.draw({}, {}, (float(found.edges[0]), float(found.edges[-1]), 0.0, top))
        outside = found.below + found.above
        text = f"<b>{found.not_finite} not finite</b>" if found.not_finite else ""
        return PanelState(
            text,
            remark=f"outside: {found.below} on the left, {found.above} on the right",
            description=f"{self.title}: most values between {found.edges[0]:.3g} and "
            f"{found.edges[-1]:.3g} saturation fields, {outside} outside",
        )

    def table(self) -> PanelTable:
        """Return bins and counts."""
        found = self._shown
        if found is None:
            return PanelTable((), ())
        rows = [
            (float(low), float(high), int(count))
            for low, high, count in zip(found.edges, found.edges[1:], found.counts, strict=False)
        ]
        return PanelTable(("from", "to", "values"), rows)


class WeightsPanel:
    """The weights of a layer as they were commanded."""

    keys = frozenset({"taps"})

    def __init__(self, context: PanelContext, layer: int) -> None:
        self._context = context
        self._layer = layer
        self.title = f"Layer {layer} · weights commanded"
        self.widget = ImagePlot(
            context.appearance, "input", "output", "signed", scale_label="field weight"
        )

    def update(self, changes: set[str]) -> PanelState:
        """Draw the newest weights known."""
        step, weights = self._context.model.taps.weights
        if len(weights) < self._layer:
            return PanelState(
                empty="No weights are recorded yet; they come with the first checkpoint."
            )
        matrix = weights[self._layer - 1]
        self.widget.draw(matrix)
        largest = float(np.abs(matrix).max())
        return PanelState(
            f"<small>step</small> {step}&nbsp; |w| ≤ <b>{largest:.3g}</b>",
            description=f"weights of layer {self._layer}, {matrix.shape[0]} outputs by "
            f"{matrix.shape[1]} inputs, largest {largest:.3g}, at step {step}",
        )

    def table(self) -> PanelTable:
        """Return the matrix."""
        _, weights = self._context.model.taps.weights
        if len(weights) < self._layer:
            return PanelTable((), ())
        matrix = weights[self._layer - 1]
        header = ["output", *(f"input {number}" for number in range(matrix.shape[1]))]
        return PanelTable(header, [(i, *map(float, row)) for i, row in enumerate(matrix)])
