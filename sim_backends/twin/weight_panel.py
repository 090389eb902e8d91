"""One liquid-crystal panel of a twin: from what it shows to the coefficients light meets.

A block holds a staircase grating. Its first-order coefficient follows from the phases its pixels
really have: ``c(d, o) = (1/q) sum_k exp(i phi[level_k]) exp(-2 pi i k / q)`` with pixel ``k`` of
a period of ``q`` at grey level ``o + round(d k / q)``. The coefficients of all pairs ``(d, o)``
are worked out once a region; a frame of blocks is then one look-up a block.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from sim_backends.twin.imperfections import PanelImperfections

Floats = npt.NDArray[np.float32]
Complexes = npt.NDArray[np.complex64]
Levels = npt.NDArray[np.uint16]


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
        """Phase of every grey level, ``[regions, levels]``."""
        if self._curves is None:
            grey = np.arange(self.levels) / self.levels
            straight = 2 * np.pi * self._stroke[:, np.newaxis] * grey
            self._curves = straight + self._bow[:, np.newaxis] * np.sin(np.pi * grey) ** 2
        return self._curves

    def coefficients(
        self, depth: npt.NDArray[np.generic], offset: npt.NDArray[np.generic]
    ) -> tuple[Floats, Floats]:
        """Return real and imaginary parts ``[outputs, inputs]`` of the first order.

        Parameters
        ----------
        depth, offset
            Grey levels, or waves if the panel has no steps.
        """
        real = np.empty(self.shape, np.float32)
        imaginary = np.empty(self.shape, np.float32)
        if self._imperfections.quantised:
            _look_up(
                self._coefficient_tables(), self.region_of_block, depth, offset, real, imaginary
            )
        else:
            exact = _staircase(np.asarray(depth, np.float64), self.period)
            exact = exact * np.exp(2j * np.pi * np.asarray(offset, np.float64))
            real[...], imaginary[...] = exact.real, exact.imag
        if self._imperfections.cross_talk:
            real = neighbours_mixed(real, self._imperfections.cross_talk)
            imaginary = neighbours_mixed(imaginary, self._imperfections.cross_talk)
        return real, imaginary

    def _coefficient_tables(self) -> Complexes:
        if self._tables is None:
            self._tables = np.stack(
                [coefficient_table(curve, self.period) for curve in self.phase_radians]
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
        climbed = (2 * depths * pixel + period) // (2 * period)
        shown = (climbed[:, np.newaxis] + offsets) % levels
        table += phasors[shown] * np.complex64(np.exp(-2j * np.pi * pixel / period) / period)
    return table


def _staircase(depth: npt.NDArray[np.float64], period: int) -> npt.NDArray[np.complex128]:
    """Return ``(1/q) sum_k exp(2 pi i (d - 1) k / q)`` in closed form."""
    turn = depth - 1.0
    pixels = np.arange(period)
    total = np.exp(2j * np.pi * turn[..., np.newaxis] * pixels / period).sum(axis=-1)
    result: npt.NDArray[np.complex128] = total / period
    return result


@njit(cache=True)
def _look_up(
    tables: Complexes,
    region_of_block: npt.NDArray[np.uint8],
    depth: Levels,
    offset: Levels,
    real: Floats,
    imaginary: Floats,
) -> None:
    for j in range(depth.shape[0]):
        for i in range(depth.shape[1]):
            value = tables[region_of_block[j, i], depth[j, i], offset[j, i]]
            real[j, i] = value.real
            imaginary[j, i] = value.imag


def neighbours_mixed(values: Floats, share: float) -> Floats:
    """Return blocks that lose ``share`` to each of their four neighbours and gain as much."""
    mixed = np.empty_like(values)
    _mix(values, np.float32(share), mixed)
    return mixed


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def _mix(values: Floats, share: np.float32, mixed: Floats) -> None:
    rows, columns = values.shape
    for j in range(rows):
        above, below = max(j - 1, 0), min(j + 1, rows - 1)
        left = np.float32(values[j, 0])
        for i in range(1, columns - 1):
            around = values[above, i] + values[below, i] + values[j, i - 1] + values[j, i + 1]
            own = values[j, i]
            mixed[j, i] = own + share * (around - np.float32(4) * own)
        for i in (0, columns - 1):
            left = values[j, max(i - 1, 0)]
            right = values[j, min(i + 1, columns - 1)]
            around = values[above, i] + values[below, i] + left + right
            own = values[j, i]
            mixed[j, i] = own + share * (around - np.float32(4) * own)
