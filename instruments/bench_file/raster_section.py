"""Tables that lay out a raster of rectangles: on a panel, a mirror device or a camera."""

from __future__ import annotations

from typing import Protocol

from instruments.bench_file.section import Section
from instruments.interfaces.block_geometry import BlockGeometry


class Raster(Protocol):
    """The keys that lay out a raster; each table says in its own words what they count."""

    @property
    def rows(self) -> int:
        """Rectangles down."""

    @property
    def columns(self) -> int:
        """Rectangles across."""

    @property
    def height(self) -> int:
        """Pixels or mirrors of a rectangle down."""

    @property
    def width(self) -> int:
        """Pixels or mirrors of a rectangle across."""

    @property
    def origin_row(self) -> int:
        """Row at which the first rectangle is."""

    @property
    def origin_column(self) -> int:
        """Column at which the first rectangle is."""


class RasterSection(Section):
    """A table with the keys of ``Raster``."""

    @property
    def geometry(self: Raster) -> BlockGeometry:
        """The raster as instruments take it."""
        return BlockGeometry(
            self.rows,
            self.columns,
            self.height,
            self.width,
            self.origin_row,
            self.origin_column,
        )
