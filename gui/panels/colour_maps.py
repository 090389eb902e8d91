"""Colour maps that colour-blind eyes read too."""

from __future__ import annotations

from typing import Literal

from gui.qt import QtGui, pg
from gui.theme.tokens import Theme

MapKind = Literal["sequential", "signed", "phase"]

_NAMES: dict[MapKind, str] = {
    "sequential": "viridis",
    "signed": "CET-CBD1",
    "phase": "CET-CBC1",
}


def colour_map(kind: MapKind, theme: Theme) -> pg.ColorMap:
    """Return the map for values from zero on, for signed ones, or for a phase that comes round.

    On a dark ground zero is dark in signed maps: nothing shines where nothing is.
    """
    if kind == "signed" and theme.name == "dark":
        return pg.ColorMap(
            (0.0, 0.25, 0.5, 0.75, 1.0),
            [QtGui.QColor(c) for c in ("#8CC8FF", "#2F6FB0", theme.surface, "#96690C", "#FFC94D")],
        )
    return pg.colormap.get(_NAMES[kind])
