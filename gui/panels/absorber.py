"""The response of the nonlinear unit, and where on it the network is working."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gui.model.absorber_response import (
    UnitResponse,
    region_boundary,
    share_in_region_one,
    unit_response,
)
from gui.model.histogram import histogram
from gui.panels.curve_plot import CurvePlot, CurveStyle
from gui.panels.panel import PanelContext, PanelState, PanelTable
from gui.qt import QtGui, pg

Floats = npt.NDArray[np.float64]


class AbsorberPanel:
    """Transmission and slope over the input field, with the distribution of the live inputs."""

    keys = frozenset({"taps", "view"})

    def __init__(self, context: PanelContext, layer: int = 1) -> None:
        self._context = context
        self._layer = layer
        unit = context.model.layers[layer - 1].unit if context.model.layers else None
        self._unit = unit
        optical = unit is not None and unit.kind in ("absorber", "gain")
        self._optical = optical
        self.title = "Absorber response and live inputs" if optical else "Unit and live inputs"
        self.widget = CurvePlot(
            context.appearance,
            "input field |z| (saturation fields)",
            "transmission, slope, share" if optical else "activation, slope, share",
        )
        self.widget.headroom = 0.25
        self._bars = pg.PlotCurveItem(fillLevel=0.0)
        self._bars.setZValue(-15)
        self.widget.addItem(self._bars)
        self._boundary = pg.InfiniteLine(angle=90, movable=False)
        self._region_names = [pg.TextItem(anchor=(1, 0)), pg.TextItem(anchor=(0, 0))]
        self.widget.addItem(self._boundary)
        for text in self._region_names:
            self.widget.addItem(text, ignoreBounds=True)
        self._response: UnitResponse | None = None
        self._edge = 0.0

    def update(self, changes: set[str]) -> PanelState:
        """Draw the response once, the distribution each time."""
        if self._unit is None:
            return PanelState(
                empty="This network has no nonlinear unit behind its first layer: it is linear."
            )
        inputs = self._inputs()
        largest = 3.0 if inputs is None or not inputs.size else float(np.abs(inputs).max())
        edge = max(1.0, largest * 1.1)
        boundary = region_boundary(self._unit)
        if boundary is not None:
            edge = max(edge, 1.35 * boundary)
        if not 0.6 * self._edge <= edge <= self._edge or "all" in changes:
            self._edge = edge
            self._response = unit_response(self._unit, edge)
            self.widget.follow()
        self._draw(inputs, boundary)
        return self._state(inputs, boundary)

    def _draw(self, inputs: Floats | None, boundary: float | None) -> None:
        found = self._response
        assert found is not None
        name = "T = (a/z)²" if self._optical else "a"
        curves = {
            name: (found.fields, found.transmission),
            "slope da/dz": (found.fields, found.slope),
        }
        styles = {name: CurveStyle(0), "slope da/dz": CurveStyle(2, dashed=True)}
        if self._optical:
            curves["probe a/z"] = found.fields, found.probe
            styles["probe a/z"] = CurveStyle(3, dashed=True)
        self.widget.draw(curves, styles)
        theme = self._context.appearance.theme
        fill = QtGui.QColor(theme.series[1])
        fill.setAlpha(90)
        self._bars.setPen(pg.mkPen(theme.series[1]))
        self._bars.setBrush(pg.mkBrush(fill))
        if inputs is not None and inputs.size:
            bins = histogram(np.abs(inputs))
            heights = bins.counts / max(int(bins.counts.max()), 1)
            top = self.widget.getViewBox().viewRange()[1][1]
            self._bars.setData(bins.edges, heights * 0.45 * top, stepMode="center")
        else:
            self._bars.setData(np.array([0.0, 0.0]), np.array([0.0]), stepMode="center")
        self._boundary.setVisible(boundary is not None)
        for text in self._region_names:
            text.setVisible(boundary is not None)
        if boundary is not None:
            self._boundary.setPen(pg.mkPen(theme.muted))
            self._boundary.setValue(boundary)
            top = self.widget.getViewBox().viewRange()[1][1]
            for text, words in zip(self._region_names, ("region (i) ", " (ii)"), strict=True):
                text.setText(words, color=theme.muted)
                text.setFont(self._context.appearance.font(0.9))
                text.setPos(boundary, top)

    def _state(self, inputs: Floats | None, boundary: float | None) -> PanelState:
        if inputs is None or not inputs.size:
            words = "no inputs are tapped yet"
            return PanelState(remark=words, description=f"response of the unit; {words}")
        largest = float(np.abs(inputs).max())
        spread = float(np.sqrt(np.mean(inputs * inputs)))
        text = f"rms |z| <b>{spread:.2f}</b>"
        plain = f"root mean square of the inputs {spread:.2f}, largest {largest:.2f}"
        if boundary is not None:
            share = share_in_region_one(inputs, boundary)
            text += f"&nbsp; in region (i) <b>{100 * share:.0f} %</b>"
            plain += f", {100 * share:.0f} percent in region one"
        return PanelState(text, description=plain)

    def _inputs(self) -> Floats | None:
        taps, number = self._context.model.taps, self._layer
        tapped = taps.fields.get(f"unit_input_{number}")
        if tapped is None:
            below = taps.fields.get(f"activation_{number - 1}")
            _, weights = taps.weights
            if below is None or len(weights) < number:
                return None
            tapped = below @ weights[number - 1].T
        values = np.asarray(tapped, np.float64)
        return values[np.isfinite(values)]

    def table(self) -> PanelTable:
        """Return the response."""
        found = self._response
        rows = (
            []
            if found is None
            else [
                (float(z), float(t), float(s), float(p))
                for z, t, s, p in zip(
                    found.fields, found.transmission, found.slope, found.probe, strict=True
                )
            ]
        )
        return PanelTable(("|z| / saturation field", "T or a", "da/dz", "a/z"), rows)
