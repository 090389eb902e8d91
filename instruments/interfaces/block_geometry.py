"""Where the blocks of a pattern lie on a panel of pixels or mirrors."""

from __future__ import annotations

from dataclasses import dataclass

from instruments.errors import LimitError


@dataclass(frozen=True, slots=True)
class BlockGeometry:
    """A gapless raster of equal rectangles on a panel.

    Parameters
    ----------
    block_rows, block_columns
        How many blocks there are down and across.
    height, width
        Size of one block in pixels or mirrors.
    origin_row, origin_column
        Pixel at which the first block starts.
    """

    block_rows: int
    block_columns: int
    height: int
    width: int
    origin_row: int = 0
    origin_column: int = 0

    def __post_init__(self) -> None:
        if min(self.block_rows, self.block_columns, self.height, self.width) < 1:
            raise LimitError(
                f"a raster of {self.block_rows} x {self.block_columns} blocks of {self.height} x "
                f"{self.width} pixels was asked for; every number must be at least 1"
            )
        if min(self.origin_row, self.origin_column) < 0:
            raise LimitError(
                f"a raster of blocks starts at pixel [{self.origin_row}, {self.origin_column}]; "
                "neither number may be negative"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """``(block_rows, block_columns)``."""
        return self.block_rows, self.block_columns

    @property
    def end_row(self) -> int:
        """First row below the raster."""
        return self.origin_row + self.block_rows * self.height

    @property
    def end_column(self) -> int:
        """First column right of the raster."""
        return self.origin_column + self.block_columns * self.width

    def check_fits(self, panel: str, rows: int, columns: int) -> None:
        """Check that the raster lies on a panel of ``rows`` x ``columns``.

        Raises
        ------
        LimitError
            If it reaches over an edge; the message says how many blocks would fit.
        """
        if self.end_row <= rows and self.end_column <= columns:
            return
        fit_rows = max(0, (rows - self.origin_row) // self.height)
        fit_columns = max(0, (columns - self.origin_column) // self.width)
        raise LimitError(
            f"{panel}: {self.block_rows} x {self.block_columns} blocks of {self.height} x "
            f"{self.width} pixels from [{self.origin_row}, {self.origin_column}] do not fit "
            f"{rows} x {columns} pixels; {fit_rows} x {fit_columns} blocks do"
        )
