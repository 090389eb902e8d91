"""One liquid-crystal panel of a twin: from what it shows to the coefficients light meets.

A block holds a staircase grating. Its first-order coefficient follows from the phases its pixels
really have: ``c(d, o) = (1/q) sum_k exp(i phi[level_k]) exp(-2 pi i (k + 1/2) / q)`` with pixel
``k`` of a period of ``q`` at grey level ``o + round(d (k + 1/2) / q)``, as ``expand_blocks`` has
it. The coefficients of all pairs ``(d, o)`` are worked out once a region; a frame of blocks is
then one look-up a block.

The middle of a ramp sets the phase, so weights of one sign have their middles at about one grey
level, whatever their depth. Tables by middle and depth have what a frame looks up side by side, in
the processor's first cache; by depth and offset nearly every entry is in a cache line of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from instruments.shared_loops import SharedLoop, rows_of
from sim_backends.twin.imperfections import PanelImperfections

Floats = npt.NDArray[np.float32]
Complexes = npt.NDArray[np.complex64]
Pattern = npt.NDArray[Any]
"""Grey levels (uint16), or waves (float32) of a panel without steps."""

_NO_SUMS = np.zeros((0, 0), np.float32)

_MARGIN = 16
"""Numbers beside a row of blocks: with it all are mixed alike; a cache line, not to shift them."""


class PanelTruth:
    """The hidden optics of one panel's blocks.

    Parameters
    ----------
    shape
        Blocks down and across, ``(outputs, inputs)``.
    levels
        Grey levels a wave.
    period
        Pixels a grating period.
    imperfections
        How far curves are from straight.
    generator
        Draws this panel's own curves.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        levels: int,
        period: int,
        imperfections: PanelImperfections,
        generator: np.random.Generator,
    ) -> None:
        self.shape = shape
        self.levels = levels
        self.period = period
        self._imperfections = imperfections
        count = imperfections.regions
        self.region_of_block = _regions(shape, count)
        share = imperfections.region_spread
        own = generator.normal(size=(1 + count * count, 2))
        deviations = own[0] + share * own[1:]
        self._stroke = 1 + imperfections.stroke_spread * deviations[:, 0]
        self._bow = imperfections.bow * deviations[:, 1]
        self._curves: npt.NDArray[np.float64] | None = None
        self._tables: Complexes | None = None

    @property
    def phase_radians(self) -> npt.NDArray[np.float64]:
        """Phase of every grey level of a wave, ``[regions, levels]``."""
        if self._curves is None:
            self._curves = self.phases_of(np.arange(self.levels))
        return self._curves

    def phases_of(self, grey: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return the phase ``[regions, n]`` of grey levels ``[n]``, those past a wave too."""
        waves = grey / self.levels
        straight = 2 * np.pi * self._stroke[:, np.newaxis] * waves
        phases: npt.NDArray[np.float64] = (
            straight + self._bow[:, np.newaxis] * np.sin(np.pi * waves) ** 2
        )
        return phases

    def coefficients(
        self,
        depth: Pattern,
        offset: Pattern,
        row_gains: Floats,
        column_gains: Floats,
        out: Floats,
        sums: Floats = _NO_SUMS,
    ) -> None:
        """Write what light meets at every block into ``out``, real parts above imaginary ones.

        Parameters
        ----------
        depth, offset
            ``[outputs, inputs]`` grey levels, or waves if the panel has no steps.
        row_gains, column_gains
            ``[outputs]`` and ``[inputs]``; multiply each coefficient.
        out
            ``[2 outputs, inputs]``.
        sums
            ``[outputs, inputs]``, written: both parts added up; ``[0, inputs]`` to leave it.
        """
        if self._imperfections.quantised:
            _look_up(
                2 * depth.size,
                self._coefficient_tables(),
                self.region_of_block,
                depth,
                offset,
                np.float32(self._imperfections.cross_talk),
                row_gains,
                column_gains,
                out,
                sums,
            )
        else:
            exact = self._smooth_coefficients(depth, offset)
            real, imaginary = exact.real.astype(np.float32), exact.imag.astype(np.float32)
            self.mix(real, imaginary, row_gains, column_gains, out, sums)

    def mix(
        self,
        real: Floats,
        imaginary: Floats,
        row_gains: Floats,
        column_gains: Floats,
        out: Floats,
        sums: Floats = _NO_SUMS,
    ) -> None:
        """Write block coefficients ``[outputs, inputs]`` into ``out``, cross-talk and gains in.

        ``out`` and ``sums`` as in ``coefficients``.
        """
        rows = self.shape[0]
        share = np.float32(self._imperfections.cross_talk)
        _mix(real, share, row_gains, column_gains, out[:rows])
        _mix(imaginary, share, row_gains, column_gains, out[rows:])
        if len(sums):
            np.add(out[:rows], out[rows:], out=sums)

    def _smooth_coefficients(self, depth: Pattern, offset: Pattern) -> npt.NDArray[np.complex128]:
        """Return the coefficients of pixels that show waves as they are, without steps."""
        centres = (np.arange(self.period) + 0.5) / self.period
        waves = np.asarray(offset, np.float64)[..., np.newaxis] + (
            np.asarray(depth, np.float64)[..., np.newaxis] * centres
        )
        waves %= 1.0
        phase = 2 * np.pi * self._stroke[self.region_of_block][..., np.newaxis] * waves
        if self._bow.any():
            bow = self._bow[self.region_of_block][..., np.newaxis]
            phase += bow * np.sin(np.pi * waves) ** 2
        fields = np.exp(1j * (phase - 2 * np.pi * centres))
        return np.asarray(fields.mean(axis=-1), np.complex128)

    def _coefficient_tables(self) -> Complexes:
        """Return coefficients ``[regions, middle, depth]``, the middle ``offset + depth // 2``."""
        if self._tables is None:
            depth = np.arange(self.levels + 1)
            middle = np.arange(self.levels)[:, np.newaxis]
            offset = (middle - depth // 2) % self.levels
            self._tables = np.stack(
                [
                    coefficient_table(curve, self.period)[depth, offset]
                    for curve in self.phase_radians
                ]
            )
        return self._tables


def _regions(shape: tuple[int, int], count: int) -> npt.NDArray[np.uint8]:
    down = np.arange(shape[0]) * count // shape[0]
    across = np.arange(shape[1]) * count // shape[1]
    return (down[:, np.newaxis] * count + across).astype(np.uint8)


def coefficient_table(phase_radians: npt.NDArray[np.float64], period: int) -> Complexes:
    """Return ``c(d, o)`` for depths ``0 .. levels`` and offsets ``0 .. levels - 1``."""
    levels = len(phase_radians)
    phasors = np.exp(1j * phase_radians).astype(np.complex64)
    depths = np.arange(levels + 1)
    offsets = np.arange(levels)
    table = np.zeros((levels + 1, levels), np.complex64)
    for pixel in range(period):
        climbed = (depths * (2 * pixel + 1) + period) // (2 * period)
        shown = (climbed[:, np.newaxis] + offsets) % levels
        turn = np.exp(-2j * np.pi * (pixel + 0.5) / period) / period
        table += phasors[shown] * np.complex64(turn)
    return table


@njit(inline="always")
def _end_row(row: Floats) -> None:
    """Let the first and the last block of a row be their own neighbours beyond the edge."""
    row[_MARGIN - 1] = row[_MARGIN]
    row[-_MARGIN] = row[-_MARGIN - 1]


@njit(inline="always")
def _mix_row(
    above: Floats,
    own: Floats,
    below: Floats,
    share: np.float32,
    gain: np.float32,
    column_gains: Floats,
    mixed: Floats,
) -> None:
    """Each block loses ``share`` of its field to each of its four neighbours; then the gains.

    ``above``, ``own`` and ``below`` have a margin at both ends.
    """
    own_share = np.float32(1) - np.float32(4) * share
    for i in range(len(mixed)):
        k = i + _MARGIN
        around = above[k] + below[k] + own[k - 1] + own[k + 1]
        mixed[i] = (own_share * own[k] + share * around) * gain * column_gains[i]


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def _mix(
    values: Floats, share: np.float32, row_gains: Floats, column_gains: Floats, mixed: Floats
) -> None:
    """Mix blocks ``[outputs, inputs]`` with their neighbours."""
    rows, columns = values.shape
    kept = np.empty((3, columns + 2 * _MARGIN), np.float32)
    for under in range(rows + 1):
        if under < rows:
            given, row = values[under], kept[under % 3]
            for i in range(columns):
                row[_MARGIN + i] = given[i]
            _end_row(row)
        j = under - 1
        if j < 0:
            continue
        above, below = kept[max(j - 1, 0) % 3], kept[min(under, rows - 1) % 3]
        _mix_row(above, kept[j % 3], below, share, row_gains[j], column_gains, mixed[j])


@njit(inline="always")
def _look_up_row(
    pairs: npt.NDArray[np.uint64],
    levels: np.uint32,
    depths: np.uint32,
    region_of_block: npt.NDArray[np.uint8],
    depth: Pattern,
    offset: Pattern,
    place: npt.NDArray[np.uint32],
    found: npt.NDArray[np.uint64],
    real: Floats,
    imaginary: Floats,
) -> None:
    """Look up one row of blocks; ``place`` and ``found`` are for the loop's own use."""
    # Every result is cast back: numba widens arithmetic on small integers to 64 bits.
    for i in range(len(depth)):
        middle = np.uint32(np.uint32(offset[i]) + np.uint32(np.uint32(depth[i]) >> np.uint32(1)))
        # Modulo: below one wave the difference overflows to a huge number.
        middle = min(middle, np.uint32(middle - levels))
        line = np.uint32(np.uint32(np.uint32(region_of_block[i]) * levels) + middle)
        place[i] = np.uint32(np.uint32(line * depths) + np.uint32(depth[i]))
    # Real and imaginary part in one access; only this loop has no vector instructions.
    for i in range(len(depth)):
        found[i] = pairs[place[i]]
    parts = found.view(np.float32)
    for i in range(len(depth)):
        real[_MARGIN + i] = parts[2 * i]
        imaginary[_MARGIN + i] = parts[2 * i + 1]
    _end_row(real)
    _end_row(imaginary)


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def _look_up_rows(
    first: int,
    last: int,
    tables: Complexes,
    region_of_block: npt.NDArray[np.uint8],
    depth: Pattern,
    offset: Pattern,
    cross_talk: np.float32,
    row_gains: Floats,
    column_gains: Floats,
    out: Floats,
    sums: Floats,
) -> None:
    """Look every block up and mix it with its neighbours, real parts above imaginary ones."""
    rows, columns = depth.shape
    bottom = rows - 1
    # Three rows at a time are all that mixing needs: they stay in the processor's first cache.
    kept = np.empty((3, 2, columns + 2 * _MARGIN), np.float32)
    place, found = np.empty(columns, np.uint32), np.empty(columns, np.uint64)
    levels, depths = np.uint32(tables.shape[1]), np.uint32(tables.shape[2])
    pairs = tables.reshape(-1).view(np.uint64)
    for under in range(first - 1, last + 1):
        if 0 <= under <= bottom:
            _look_up_row(
                pairs,
                levels,
                depths,
                region_of_block[under],
                depth[under],
                offset[under],
                place,
                found,
                kept[under % 3, 0],
                kept[under % 3, 1],
            )
        j = under - 1
        if j < first:
            continue
        above, own, below = kept[max(j - 1, 0) % 3], kept[j % 3], kept[min(under, bottom) % 3]
        for part in range(2):
            _mix_row(
                above[part],
                own[part],
                below[part],
                cross_talk,
                row_gains[j],
                column_gains,
                out[part * rows + j],
            )
        if len(sums):
            real, imaginary, both = out[j], out[rows + j], sums[j]
            for i in range(columns):
                both[i] = real[i] + imaginary[i]


@SharedLoop
def _look_up(
    shares: int,
    tables: Complexes,
    region_of_block: npt.NDArray[np.uint8],
    depth: Pattern,
    offset: Pattern,
    cross_talk: np.float32,
    row_gains: Floats,
    column_gains: Floats,
    out: Floats,
    sums: Floats,
) -> None:
    for share in prange(shares):
        first, last = rows_of(share, shares, len(depth))
        _look_up_rows(
            first,
            last,
            tables,
            region_of_block,
            depth,
            offset,
            cross_talk,
            row_gains,
            column_gains,
            out,
            sums,
        )
