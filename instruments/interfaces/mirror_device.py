"""Digital mirror device: every mirror on or off, one binary frame a shot.

Amplitudes are written as blocks of mirrors: by how many of a block are on, or, with signs and
phases, by the width and shift of the stripes of a Lee hologram (W. H. Lee, Appl. Opt. 13, 1677
(1974)). The rows of a block may have stripes of two widths, one mirror apart, so that a hologram
has as many levels as a stripe has mirrors over all rows, not as many as it is wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from instruments.errors import LimitError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.sequence import SequenceOutput
from instruments.limits import Limit, check_array, check_shape


@dataclass(frozen=True, slots=True, eq=False)
class MirrorBlocks:
    """A sequence of frames, each a raster of blocks of mirrors.

    Parameters
    ----------
    mirrors_on
        ``[shots, block_rows, block_columns]`` uint16. Without a carrier the number of mirrors that
        are on in the block, ``0 .. height * width``, filled from the middle of the block outwards.
        With one the width of a stripe in mirrors, ``0 .. carrier_period``.
    geometry
        Where the blocks are. Mirrors outside the raster are off.
    carrier_period
        Mirrors a period of the Lee hologram across a block, whose width is a whole multiple of it;
        ``None`` without one.
    shifts
        ``[shots, block_rows, block_columns]`` uint16, ``0 .. carrier_period - 1``: how many mirrors
        to the right of a period's edge the middle of each stripe is; one period is a phase of 2 pi.
        Rows of odd width lie half a mirror to the left and to the right of it in turn. Only with a
        carrier.
    """

    mirrors_on: npt.NDArray[np.uint16]
    geometry: BlockGeometry
    carrier_period: int | None = None
    shifts: npt.NDArray[np.uint16] | None = None

    @property
    def shots(self) -> int:
        """How many frames there are."""
        return int(self.mirrors_on.shape[0])

    def check(self, device: str, rows: int, columns: int) -> None:
        """Check the blocks against a device of ``rows`` x ``columns`` mirrors.

        Raises
        ------
        InstrumentError
            If an array does not have the raster's shape.
        LimitError
            If numbers are out of range, the raster does not fit, a block does not hold whole
            periods, or a carrier comes without shifts or shifts without a carrier.
        """
        geometry = self.geometry
        check_shape(device, "mirror counts", self.mirrors_on, (None, *geometry.shape))
        geometry.check_fits(device, rows, columns)
        if self.carrier_period is None or self.shifts is None:
            if self.carrier_period is not None or self.shifts is not None:
                raise LimitError(
                    f"{device}: a carrier needs shifts and shifts need a carrier; "
                    "only one of the two was given"
                )
            most = geometry.height * geometry.width
            check_array(device, "mirrors on", self.mirrors_on, Limit(0, most, "mirrors"))
            return
        period = self.carrier_period
        if period < 2 or geometry.width % period:
            raise LimitError(
                f"{device}: a carrier of {period} mirrors was asked for in blocks of "
                f"{geometry.width}; a block holds whole periods of at least 2 mirrors"
            )
        check_shape(device, "stripe shifts", self.shifts, self.mirrors_on.shape)
        most = geometry.height * period
        check_array(device, "mirrors of a stripe", self.mirrors_on, Limit(0, most, "mirrors"))
        check_array(device, "stripe shift", self.shifts, Limit(0, period - 1, "mirrors"))


def expand_mirror_blocks(blocks: MirrorBlocks, shot: int, out: npt.NDArray[np.bool_]) -> None:
    """Write frame ``shot`` of ``blocks`` into ``out``, ``[rows, columns]``, overwritten whole.

    One frame at a time, because a sequence for a whole minibatch may not fit into memory. The
    blocks must have passed ``MirrorBlocks.check`` for a device of this size.
    """
    geometry = blocks.geometry
    out[...] = False
    target = out[
        geometry.origin_row : geometry.end_row, geometry.origin_column : geometry.end_column
    ]
    down, across = geometry.shape
    counts = blocks.mirrors_on[shot]
    if blocks.carrier_period is None or blocks.shifts is None:
        tiles = _fill_table(geometry.height, geometry.width)[counts]
        view = target.reshape(down, geometry.height, across, geometry.width)
        view[...] = tiles.transpose(0, 2, 1, 3)
        return
    period = blocks.carrier_period
    stripes = stripe_table(geometry.height, period)[counts]
    # A stripe in the middle of the table's period, moved to where it belongs.
    mirror = (np.arange(period) - blocks.shifts[shot][..., np.newaxis].astype(np.intp)) % period
    moved = np.take_along_axis(stripes, mirror[:, :, np.newaxis, :], axis=3)
    view = target.reshape(down, geometry.height, across, geometry.width // period, period)
    view[...] = moved.transpose(0, 2, 1, 3)[:, :, :, np.newaxis, :]


@lru_cache(maxsize=8)
def stripe_table(height: int, period: int) -> npt.NDArray[np.bool_]:
    """Return stripes around the edge of a period, ``[height * period + 1, height, period]``.

    The first index is how many mirrors are on in the stripe. Its right half stands at the beginning
    of the period, its left half at the end.
    """
    count = np.arange(height * period + 1)[:, np.newaxis]
    row = np.arange(height)[np.newaxis, :]
    narrow, wide = count // height, count % height
    width = narrow + ((row + 1) * wide // height - row * wide // height)
    odd = width % 2
    # Rows of odd width in turn to the left and to the right.
    to_the_right = odd * (np.cumsum(odd, axis=1) % 2)
    start = -(width // 2) - odd + to_the_right
    mirror = (np.arange(period) - start[..., np.newaxis]) % period
    table: npt.NDArray[np.bool_] = mirror < width[..., np.newaxis]
    table.setflags(write=False)
    return table


@lru_cache(maxsize=8)
def stripe_orders(height: int, period: int) -> npt.NDArray[np.complex128]:
    """Return the first order of a stripe around the edge of a period, by its mirrors.

    ``[height * period + 1]``, relative to the light on the block: ``sin(pi w) / pi`` for rows of
    ``w`` periods, at the phase of their middle.
    """
    # One mirror's own diffraction, which the Fourier series of a stripe contains.
    own = float(np.sinc(1 / period)) / period
    wave = own * np.exp(-2j * np.pi * (np.arange(period) + 0.5) / period)
    filled = stripe_table(height, period).mean(axis=1, dtype=np.float64)
    orders = np.asarray((filled * wave).sum(axis=1), np.complex128)
    orders.setflags(write=False)
    return orders


@lru_cache(maxsize=8)
def _fill_table(height: int, width: int) -> npt.NDArray[np.bool_]:
    """Return which mirrors are on for every count, ``[height * width + 1, height, width]``.

    Mirrors are taken from the middle outwards and in opposite pairs, so that the light of a block
    keeps its centre whatever its amplitude.
    """
    down = np.arange(height)[:, np.newaxis] - (height - 1) / 2
    across = np.arange(width)[np.newaxis, :] - (width - 1) / 2
    radius = np.hypot(down, across).ravel()
    angle = np.arctan2(*np.broadcast_arrays(down, across)).ravel()
    # Pairs share radius and axis; rounding keeps equal numbers equal.
    axis = np.round(np.mod(angle, np.pi), 9) % np.round(np.pi, 9)
    order = np.lexsort((angle, axis, np.round(radius, 9)))
    rank = np.empty(height * width, dtype=np.intp)
    rank[order] = np.arange(height * width)
    table = rank[np.newaxis, :] < np.arange(height * width + 1)[:, np.newaxis]
    table.setflags(write=False)
    return table.reshape(-1, height, width)


@runtime_checkable
class MirrorDevice(SequenceOutput, Protocol):
    """A digital mirror device.

    Limits: ``shots``; ``picture_seconds``. Safe state: stopped, all mirrors off.
    """

    @property
    def rows(self) -> int:
        """Mirrors from top to bottom."""
        ...

    @property
    def columns(self) -> int:
        """Mirrors from left to right."""
        ...

    def picture_seconds(self) -> float:
        """Return how long each frame of a sequence stays on, the shortest trigger period."""
        ...

    def set_picture_seconds(self, seconds: float) -> None:
        """Set how long each frame stays on; ``LimitError`` if the device cannot."""
        ...

    def load(self, frames: npt.NDArray[np.bool_]) -> None:
        """Load frames ``[shots, rows, columns]``; True is a mirror that sends light on.

        Raises
        ------
        SequenceError
            If it is armed.
        LimitError
            If there are more shots than fit its memory.
        InstrumentError
            If the shape is not the device's.
        """
        ...

    def load_blocks(self, blocks: MirrorBlocks) -> None:
        """Load the frames which ``expand_mirror_blocks`` gives; errors as for ``load``."""
        ...
