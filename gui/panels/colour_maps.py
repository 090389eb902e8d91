"""Colour maps that colour-blind eyes read too."""

from __future__ import annotations

from typing import Literal

from gui.qt import pg

MapKind = Literal["sequential", "signed", "phase"]

_NAMES: dict[MapKind, str] = {
    "sequential": "viridis",
    "signed": "CET-CBD1",
    "phase": "CET-CBC1",
}


def colour_map(kind: MapKind) -> pg.ColorMap:
    """Return the map for values from zero on, for signed ones, or for a phase that comes round."""
    return pg.colormap.get(_NAMES[kind])
