"""Liquid-crystal panel: a grey level for every pixel, a phase for every grey level.

A weight bank shows blocks of blazed grating: the depth of the grating sets the amplitude in the
first diffraction order, its offset the phase (arXiv:1912.12256, supplement S1; Davis et al.,
Appl. Opt. 38, 5004 (1999)). Such a frame can be handed over as a ``BlockPattern``, which a driver
expands to pixels and a twin may take as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from instruments.errors import InstrumentError, LimitError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.instrument import Instrument
from instruments.limits import Limit, check_array, check_shape, none_above
from instruments.read_only import read_only

# Small enough for the second-level cache together with what is computed from it.
_CHUNK_BYTES = 64 * 1024

Frame = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


@lru_cache(maxsize=16)
def _levels_to(highest: int) -> Limit:
    return Limit(0, highest, "grey levels")


@dataclass(frozen=True, slots=True, eq=False)
class BlockPattern:
    """Blocks of blazed grating, in grey levels.

    Pixel ``k`` of a grating period shows ``offset + round(depth * (k + 1/2) / period)``, halves
    rounded up, modulo ``levels_per_wave``: the ramp's height at the pixel's centre, so that the
    first order has the phase of a smooth ramp. Pixels outside the raster show
    ``background_level``. A pattern does not change once it is made: arrays that can be written are
    copied.

    Parameters
    ----------
    depth_levels
        ``[block_rows, block_columns]`` uint16, ``0 .. levels_per_wave``: height of the ramp of one
        grating period. ``levels_per_wave`` is a ramp of a whole wave, all light in the first order.
    offset_levels
        ``[block_rows, block_columns]`` uint16, ``0 .. levels_per_wave - 1``: grey level at which
        the ramp starts.
    geometry
        Where the blocks are.
    grating_period
        Pixels a period; the size of a block along the grating is a whole multiple of it.
    grating_axis
        Whether the ramp climbs along the columns (to the right) or along the rows (down).
    levels_per_wave
        Grey levels that make a phase of 2 pi on this panel.
    background_level
        Grey level around the raster.

    Notes
    -----
    A panel without steps (a bit depth of 0) exists only in simulation, where it separates the
    rounding to grey levels from everything else. Its depths and offsets are float32 waves,
    ``0 .. 1``, its ramps are not rounded, and levels have no meaning.
    """

    depth_levels: npt.NDArray[Any]
    offset_levels: npt.NDArray[Any]
    geometry: BlockGeometry
    grating_period: int
    grating_axis: Literal["columns", "rows"] = "columns"
    levels_per_wave: int = 256
    background_level: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth_levels", read_only(self.depth_levels))
        object.__setattr__(self, "offset_levels", read_only(self.offset_levels))

    def check(self, panel: str, rows: int, columns: int, bit_depth: int) -> None:
        """Check the pattern against a panel before it is expanded or shown.

        Raises
        ------
        InstrumentError
            If the arrays do not have the raster's shape.
        LimitError
            If levels are out of range, the raster does not fit or a block does not hold whole
            periods.
        """
        geometry = self.geometry
        shape = geometry.shape
        check_shape(panel, "grating depths", self.depth_levels, shape)
        check_shape(panel, "grating offsets", self.offset_levels, shape)
        geometry.check_fits(panel, rows, columns)
        along = geometry.width if self.grating_axis == "columns" else geometry.height
        if self.grating_period < 2 or along % self.grating_period:
            raise LimitError(
                f"{panel}: a grating period of {self.grating_period} pixels was asked for in "
                f"blocks of {along}; a block holds whole periods of at least 2 pixels"
            )
        if bit_depth == 0:
            self._check_waves(panel)
            return
        levels = 2**bit_depth
        wave = self.levels_per_wave
        if not 2 <= wave <= levels or not 0 <= self.background_level < levels:
            raise LimitError(
                f"{panel}: {wave} grey levels a wave on a background of "
                f"{self.background_level}; this panel has {levels} levels, from 0"
            )
        if none_above(wave, self.depth_levels, wave - 1, self.offset_levels):
            return
        # Something is wrong, or unusual.
        for what, given, highest in (
            ("grating depth", self.depth_levels, wave),
            ("grating offset", self.offset_levels, wave - 1),
        ):
            if given.dtype.kind not in "ui":
                raise InstrumentError(
                    f"{panel}: {what}s of {given.dtype} given; this panel has grey levels, "
                    "which are whole numbers (uint16)"
                )
            check_array(panel, what, given, _levels_to(highest))

    def _check_waves(self, panel: str) -> None:
        """Check a pattern for a panel without steps."""
        for what, given in (("depth", self.depth_levels), ("offset", self.offset_levels)):
            if given.dtype != np.float32:
                raise InstrumentError(
                    f"{panel}: grating {what} of {given.dtype} given; a panel without steps takes "
                    "float32 waves"
                )
            check_array(panel, f"grating {what}", given, Limit(0, 1, "waves"))


def expand_blocks(pattern: BlockPattern, out: Frame) -> Frame:
    """Write the pixels of ``pattern`` into ``out`` and return it.

    Parameters
    ----------
    pattern
        A pattern that passed ``BlockPattern.check`` for a panel of this size.
    out
        ``[rows, columns]`` uint8 or uint16, overwritten whole.

    Notes
    -----
    Only one line of every block differs from its neighbours along the grating, so the levels are
    worked out once a block and period and then copied: 0.2 ms for 128 x 213 blocks of 9 x 9 pixels
    on 1152 x 1920.
    """
    geometry = pattern.geometry
    period = pattern.grating_period
    wave = pattern.levels_per_wave
    row_slice = slice(geometry.origin_row, geometry.end_row)
    column_slice = slice(geometry.origin_column, geometry.end_column)
    rows, columns = out.shape
    if (geometry.origin_row, geometry.origin_column) != (0, 0) or (
        geometry.end_row,
        geometry.end_column,
    ) != (rows, columns):
        # Only the frame around the raster, so that no pixel is written twice.
        out[: geometry.origin_row] = pattern.background_level
        out[geometry.end_row :] = pattern.background_level
        out[row_slice, : geometry.origin_column] = pattern.background_level
        out[row_slice, geometry.end_column :] = pattern.background_level

    # Where a wave is the whole range of the type, its own overflow is the modulo.
    wraps_by_itself = wave == np.iinfo(out.dtype).max + 1
    work_type = out.dtype if wraps_by_itself else np.dtype(np.uint32)
    table = _ramp_table(wave, period, work_type)
    offsets = pattern.offset_levels.astype(work_type, copy=False)
    target = out[row_slice, column_slice].reshape(geometry.block_rows, geometry.height, -1)
    # A few rows of blocks at a time: what lies in between stays in the processor's cache.
    chunk = max(1, _CHUNK_BYTES // (geometry.block_columns * period * work_type.itemsize))
    for start in range(0, geometry.block_rows, chunk):
        some = slice(start, start + chunk)
        # take with mode="clip" is six times faster than indexing; the range has been checked.
        ramps = np.take(table, pattern.depth_levels[some], axis=0, mode="clip")
        ramps = ramps.reshape(len(ramps), -1)
        ramps += np.repeat(offsets[some], period, axis=1)
        if not wraps_by_itself:
            # Below one wave the difference overflows to a huge number: the smaller one is right.
            np.minimum(ramps, ramps - np.uint32(wave), out=ramps)
        levels = ramps.astype(out.dtype, copy=False).reshape(len(ramps), -1, period)
        if pattern.grating_axis == "columns":
            lines = np.tile(levels, geometry.width // period).reshape(len(ramps), 1, -1)
            target[some] = lines
        else:
            lines = np.repeat(levels.transpose(0, 2, 1), geometry.width, axis=2)
            for first in range(0, geometry.height, period):
                target[some, first : first + period] = lines
    return out


@lru_cache(maxsize=8)
def _ramp_table(levels_per_wave: int, period: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return ``round(depth (k + 1/2) / period)``, ``[levels_per_wave + 1, period]``, modulo type.

    In whole numbers, so that halves always go up.
    """
    depth = np.arange(levels_per_wave + 1, dtype=np.int64)[:, np.newaxis]
    twice_centre = 2 * np.arange(period, dtype=np.int64) + 1
    table = ((depth * twice_centre + period) // (2 * period)).astype(dtype)
    table.setflags(write=False)
    return table


@runtime_checkable
class SpatialLightModulator(Instrument, Protocol):
    """A liquid-crystal panel.

    Limit: ``level``, the grey levels of a pixel. Safe state: the same level on every pixel, which
    sends no light into the first order.
    """

    @property
    def rows(self) -> int:
        """Pixels from top to bottom."""
        ...

    @property
    def columns(self) -> int:
        """Pixels from left to right."""
        ...

    @property
    def bit_depth(self) -> int:
        """Bits of a grey level: frames are uint8 up to 8, uint16 above."""
        ...

    @property
    def refresh_seconds(self) -> float:
        """Time from one frame to the next; a frame appears at the next refresh."""
        ...

    @property
    def settling_seconds(self) -> float:
        """How long after its refresh a frame needs until the liquid crystal stands still."""
        ...

    def show_frame(self, frame: Frame) -> None:
        """Show grey levels ``[rows, columns]``; returns when they are on their way.

        Raises
        ------
        LimitError
            If a level is beyond the panel's.
        InstrumentError
            If the shape or the type is not the panel's.
        """
        ...

    def show_blocks(self, pattern: BlockPattern) -> None:
        """Show the frame which ``expand_blocks`` gives; errors as of ``BlockPattern.check``."""
        ...

    def shown_at_seconds(self) -> float | None:
        """Return when the latest frame is on and settled, on the bench's clock.

        A time to come while it is not; ``None`` before the first frame.
        """
        ...

    def wait_until_settled(self, timeout_seconds: float) -> None:
        """Return when the latest frame is on and settled, at once if there is none.

        Raises
        ------
        InstrumentTimeoutError
            If it is not in time.
        """
        ...
