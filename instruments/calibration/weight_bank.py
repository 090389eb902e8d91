"""From weights to the blocks of grating on a liquid-crystal panel, and back.

A block in row ``j`` and column ``i`` holds the weight

    ``full_scale * field gain * row_gains[j] * column_gains[i] * Re c``

with ``c`` the block's first-order coefficient (``first_order``), after each block has given the
share ``cross_talk`` of it to each of its four neighbours. Rows are outputs, columns inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from instruments.calibration import first_order, weight_blocks
from instruments.calibration.table import CalibrationTable, Provenance, Values
from instruments.errors import NetworkError

Weights = npt.NDArray[np.float32]

_MOST_LEVELS = 2**15
_MOST_REGIONS = 2**16
_LARGEST_CROSS_TALK = 0.1


class WeightsShown(NamedTuple):
    """What a matrix becomes on the panel.

    ``depth`` and ``offset``, ``[rows, columns]``, are uint16 grey levels for a ``BlockPattern``,
    or float32 waves of a panel without steps; ``clipped`` weights were larger than the bank holds
    and stand at its limit. ``largest`` is the size of the largest coefficient asked for, 1 at most.
    """

    depth: npt.NDArray[Any]
    offset: npt.NDArray[Any]
    clipped: int
    largest: float


class WeightBankTable(CalibrationTable):
    """Look-up table and scales of the blocks of a weight bank.

    Parameters
    ----------
    row_gains, column_gains
        ``[rows]`` and ``[columns]`` field factors of the outputs and inputs, either sign, around
        1. 0 marks a dead row or column, whose blocks are left dark.
    full_scale
        Weight of a block of coefficient 1 where all gains are 1; above 0.
    period
        Pixels a period of the grating, at least 2.
    phase_radians
        ``[regions, levels]`` phase of each grey level, level by level over all the levels of a
        wave; ``None`` for a panel without steps, which exists only in simulation.
    region_of_block
        ``[rows, columns]`` region each block lies in; ``None`` where there is one.
    cross_talk
        Share of its field a block gives to each of its four neighbours, up to 0.1; made up for in
        encoding.
    provenance, covariance
        See ``CalibrationTable``.

    Raises
    ------
    CalibrationError
        If the arrays do not fit each other, hold infinities, or a region cannot show both signs.
    """

    kind = "weight bank"
    required = frozenset({"row_gains", "column_gains", "full_scale", "period"})
    optional = frozenset({"phase_radians", "region_of_block", "cross_talk"})

    def __init__(
        self,
        row_gains: npt.ArrayLike,
        column_gains: npt.ArrayLike,
        full_scale: float,
        period: int,
        phase_radians: npt.ArrayLike | None = None,
        region_of_block: npt.ArrayLike | None = None,
        cross_talk: float = 0.0,
        *,
        provenance: Provenance,
        covariance: Mapping[str, npt.ArrayLike] | None = None,
    ) -> None:
        self.provenance = provenance
        shape = np.size(np.asarray(row_gains)), np.size(np.asarray(column_gains))
        self.row_gains: Values = self.finite("row_gains", row_gains, shape[:1])
        self.column_gains: Values = self.finite("column_gains", column_gains, shape[1:])
        self.full_scale = float(self.finite("full_scale", full_scale, ()))
        self.period = int(period)
        if self.full_scale <= 0.0 or self.period < 2:
            raise self.wrong(
                f"full scale {self.full_scale:g} with a period of {self.period} pixels; it needs "
                "more than 0 and at least 2"
            )
        values: dict[str, npt.NDArray[Any]] = {
            "row_gains": self.row_gains,
            "column_gains": self.column_gains,
            "full_scale": np.array(self.full_scale),
            "period": np.array(self.period),
        }
        self.phase_radians: Values | None = None
        region = np.zeros(shape, np.int64)
        if phase_radians is not None:
            phases = np.atleast_2d(np.asarray(phase_radians, np.float64))
            self.phase_radians = self.finite("phase_radians", phases, phases.shape)
            values["phase_radians"] = phases
        if region_of_block is not None:
            region = self._checked_regions(np.asarray(region_of_block), shape)
            values["region_of_block"] = region
        self.region_of_block = region
        self.cross_talk = float(self.finite("cross_talk", cross_talk, ()))
        if not 0.0 <= self.cross_talk <= _LARGEST_CROSS_TALK:
            raise self.wrong(
                f"cross-talk of {self.cross_talk:g} to each neighbour; it takes 0 to "
                f"{_LARGEST_CROSS_TALK}"
            )
        if self.cross_talk:
            values["cross_talk"] = np.array(self.cross_talk)
        super().__init__(values, provenance, covariance)

        self._inverse_rows = _inverse(self.row_gains)
        self._inverse_columns = _inverse(self.column_gains)
        if self.phase_radians is None:
            self._words = np.zeros(0, np.uint32)
            self._reach = np.ones((1, 2))
            self._polynomial = first_order.distance_polynomial(self.period)
        else:
            self._words, self._reach = self._look_up_words(self.phase_radians)
        # The smallest type: it is gone through with every matrix.
        self._region_of_block = region.astype(np.min_scalar_type(int(region.max(initial=0))))
        self._largest = self._largest_weights()
        self._held = self._held_by_words()

    @classmethod
    def nominal(
        cls,
        rows: int,
        columns: int,
        levels: int | None,
        period: int,
        full_scale: float,
        *,
        instrument: str,
        bench: str,
        stroke_radians: float = 2.0 * np.pi,
    ) -> Self:
        """Return the table of a panel whose phase rises evenly over ``levels`` grey levels.

        ``levels`` is those of a whole wave, or ``None`` for a panel without steps.
        """
        return cls(
            np.ones(rows),
            np.ones(columns),
            full_scale,
            period,
            None if levels is None else first_order.even_phases(levels, stroke_radians),
            provenance=Provenance(instrument, bench),
        )

    @property
    def rows(self) -> int:
        """Rows of blocks: outputs."""
        return self.row_gains.size

    @property
    def columns(self) -> int:
        """Columns of blocks: inputs."""
        return self.column_gains.size

    @property
    def levels(self) -> int | None:
        """Grey levels of a whole wave; ``None`` for a panel without steps."""
        return None if self.phase_radians is None else self.phase_radians.shape[1]

    def encode(
        self,
        weights: npt.NDArray[np.floating],
        amplifier_field_gain: float = 1.0,
    ) -> WeightsShown:
        """Return the blocks whose weights are nearest, in arrays that cannot be written.

        Parameters
        ----------
        weights
            ``[outputs, inputs]`` in the network's units. A matrix smaller than the bank stands in
            its first rows and columns, the other blocks stay dark.
        amplifier_field_gain
            Factor on the field which the amplifier provides, above 0.

        Raises
        ------
        NetworkError
            If the matrix is larger than the bank or holds something that is no number.
        """
        matrix = self._fitting(weights)
        kind = np.float32 if self.phase_radians is None else np.uint16
        shape = self._region_of_block.shape
        depth, offset = np.empty(shape, kind), np.empty(shape, kind)
        scale = np.float32(1.0 / (self.full_scale * self._gain(amplifier_field_gain)))
        scaled_rows = self._inverse_rows * scale
        asked = self._without_cross_talk(matrix)
        if self.phase_radians is None:
            clipped, largest = weight_blocks.encode_waves(
                asked, scaled_rows, self._inverse_columns, self._polynomial, depth, offset
            )
        else:
            clipped, largest = weight_blocks.encode_levels(
                asked,
                scaled_rows,
                self._inverse_columns,
                self._region_of_block,
                self._words,
                depth,
                offset,
            )
        if clipped and not np.isfinite(matrix).all():
            j, i = np.argwhere(~np.isfinite(matrix))[0]
            raise NetworkError(
                f"{self.instrument}: weight [{j}, {i}] is {matrix[j, i]}; weights have to be "
                "finite numbers. Nothing was sent"
            )
        # Panels keep them without a copy.
        depth.setflags(write=False)
        offset.setflags(write=False)
        return WeightsShown(depth, offset, clipped, largest)

    def held(self, weights: npt.NDArray[np.floating], amplifier_field_gain: float = 1.0) -> Weights:
        """Return the weights ``[outputs, inputs]`` that blocks hold once ``weights`` are encoded.

        Rounded, clipped and mixed with their neighbours: as decoding what ``encode`` returns, at
        a fraction of the work.
        """
        matrix = self._fitting(weights)
        scale = self.full_scale * self._gain(amplifier_field_gain)
        scaled_rows = self._inverse_rows * np.float32(1.0 / scale)
        asked = self._without_cross_talk(matrix)
        if self.phase_radians is None:
            rows, columns = asked.shape
            asked = asked * scaled_rows[:rows, np.newaxis] * self._inverse_columns[:columns]
            held = np.clip(asked, -1.0, 1.0)
        else:
            held = weight_blocks.held_values(
                asked, scaled_rows, self._inverse_columns, self._region_of_block, self._held
            )
        outputs, inputs = matrix.shape
        held = self._mixed(held)[:outputs, :inputs]
        held *= (scale * self.row_gains[:outputs, np.newaxis]).astype(np.float32)
        held *= self.column_gains[:inputs].astype(np.float32)
        return held

    def decode(
        self,
        depth: npt.NDArray[Any],
        offset: npt.NDArray[Any],
        amplifier_field_gain: float = 1.0,
    ) -> Weights:
        """Return the weights ``[rows, columns]`` that blocks hold: what is actually shown."""
        weights = self.coefficient_weights(depth, offset, amplifier_field_gain).real
        return (np.outer(self.row_gains, self.column_gains) * weights).astype(np.float32)

    def coefficient_weights(
        self,
        depth: npt.NDArray[Any],
        offset: npt.NDArray[Any],
        amplifier_field_gain: float = 1.0,
    ) -> npt.NDArray[np.complex128]:
        """Return what blocks hold, quadrature included, were the gains of rows and columns 1."""
        scale = self.full_scale * self._gain(amplifier_field_gain)
        coefficients = self.coefficients(depth, offset)
        if self.cross_talk:
            for part in (coefficients.real, coefficients.imag):
                part[...] = self._mixed(part.astype(np.float32))
        return scale * coefficients

    def _mixed(self, coefficients: Weights) -> Weights:
        """Return what becomes of coefficients ``[rows, columns]`` among their neighbours."""
        if not self.cross_talk:
            return coefficients
        spread = np.empty_like(coefficients)
        weight_blocks.spread_to_neighbours(coefficients, np.float32(self.cross_talk), spread)
        return spread

    def coefficients(
        self, depth: npt.NDArray[Any], offset: npt.NDArray[Any]
    ) -> npt.NDArray[np.complex128]:
        """Return the first-order coefficients ``[rows, columns]`` of blocks, each by itself."""
        shape = (self.rows, self.columns)
        if depth.shape != shape or offset.shape != shape:
            raise NetworkError(
                f"{self.instrument}: blocks of shapes {list(depth.shape)} and "
                f"{list(offset.shape)} given; the bank has {list(shape)}"
            )
        if self.phase_radians is None:
            ramp = depth.astype(np.float64) - 1.0
            turn = np.exp(1j * np.pi * (2.0 * offset.astype(np.float64) + ramp))
            smooth = turn * first_order.staircase(-ramp, self.period)
            return np.asarray(smooth, np.complex128)
        return first_order.coefficients(
            depth, offset, self.phase_radians, self.region_of_block, self.period
        )

    def largest_weights(self, amplifier_field_gain: float = 1.0) -> Weights:
        """Return the largest weight ``[rows, columns]`` each block holds with either sign."""
        both = np.minimum(self._largest[0], self._largest[1])
        largest: Values = both * self._gain(amplifier_field_gain)
        return largest.astype(np.float32)

    def required_field_gain(self, weights: npt.NDArray[np.floating]) -> float:
        """Return the smallest field gain of the amplifier at which no weight is clipped.

        Blocks of dead rows and columns hold nothing at any gain and are left out. 0 for a matrix
        of zeros.
        """
        matrix = self._without_cross_talk(self._fitting(weights))
        gain = weight_blocks.required_gain(
            matrix, self._inverse_largest, self._row_bounds, self._column_bounds
        )
        return float(gain)

    def _fitting(self, weights: npt.NDArray[np.floating]) -> Weights:
        matrix = np.ascontiguousarray(weights, np.float32)
        rows, columns = self._region_of_block.shape
        if matrix.ndim != 2 or matrix.shape[0] > rows or matrix.shape[1] > columns:
            raise NetworkError(
                f"{self.instrument}: weights of shape {list(matrix.shape)} given; the bank has "
                f"{rows} rows (outputs) and {columns} columns (inputs) of blocks"
            )
        return matrix

    def _without_cross_talk(self, matrix: Weights) -> Weights:
        """Return the weights which, after neighbours have mixed, come out as ``matrix``."""
        if not self.cross_talk:
            return matrix
        # Blocks mix over the whole bank, also into those that stay dark.
        outputs, inputs = matrix.shape
        coefficients = np.zeros((self.rows, self.columns), np.float32)
        coefficients[:outputs, :inputs] = matrix
        coefficients *= self._inverse_rows[:, np.newaxis] * self._inverse_columns
        gathered = weight_blocks.gathered_from_neighbours(coefficients, self.cross_talk)
        gathered *= np.outer(self.row_gains, self.column_gains).astype(np.float32)
        return gathered

    def _gain(self, amplifier_field_gain: float) -> float:
        if not 0.0 < amplifier_field_gain < np.inf:
            raise NetworkError(
                f"{self.instrument}: field gain of {amplifier_field_gain:g} in front of the weight "
                "bank; it has to be a finite number above 0"
            )
        return float(amplifier_field_gain)

    def _checked_regions(
        self, given: npt.NDArray[Any], shape: tuple[int, int]
    ) -> npt.NDArray[np.int64]:
        regions = 1 if self.phase_radians is None else len(self.phase_radians)
        if regions > _MOST_REGIONS:
            raise self.wrong(f"phases of {regions} regions; it takes {_MOST_REGIONS} at most")
        if given.shape != shape or given.dtype.kind not in "iu":
            raise self.wrong(
                f"region_of_block has shape {list(given.shape)}, type {given.dtype}; it takes "
                f"{list(shape)} integers"
            )
        if given.size and not 0 <= given.min() <= given.max() < regions:
            raise self.wrong(
                f"blocks in regions {given.min()} to {given.max()}, phases of {regions} regions"
            )
        return given.astype(np.int64)

    def _look_up_words(self, phase_radians: Values) -> tuple[npt.NDArray[np.uint32], Values]:
        """Return words by amplitude, ``2 steps + 3`` a region, and reaches ``[regions, 2]``."""
        regions, levels = phase_radians.shape
        if not 2 <= levels <= _MOST_LEVELS:
            raise self.wrong(f"{levels} grey levels a wave; it takes 2 to {_MOST_LEVELS}")
        amplitudes = np.arange(-weight_blocks.STEPS, weight_blocks.STEPS + 1) / weight_blocks.STEPS
        # A step of rounding beyond the reach is not yet clipped.
        slack = (0.5 + 1e-9) / weight_blocks.STEPS
        lists = np.empty((regions, 2 * weight_blocks.STEPS + 3), np.uint32)
        reach = np.empty((regions, 2))
        for region, phases in enumerate(phase_radians):
            found = first_order.nearest_gratings(phases, self.period, weight_blocks.STEPS)
            reach[region] = found.highest, -found.lowest
            if reach[region].min() < weight_blocks.ROUNDING:
                raise self.wrong(f"region {region} gives no first order of either sign")
            offset = found.offset.astype(np.uint32) << np.uint32(weight_blocks.OFFSET_SHIFT)
            clipped = (amplitudes > found.highest + slack) | (amplitudes < found.lowest - slack)
            flag = clipped.astype(np.uint32) << np.uint32(weight_blocks.CLIPPED_SHIFT)
            words = found.depth.astype(np.uint32) | offset | flag
            # One more at each end, for everything beyond 1.
            lists[region] = np.pad(words, 1, mode="edge")
            lists[region, [0, -1]] |= np.uint32(1 << weight_blocks.CLIPPED_SHIFT)
        return lists.reshape(-1), reach

    def _largest_weights(self) -> Values:
        """Return the largest weights ``[2, rows, columns]`` above and below 0 at gain 1."""
        gains = self.full_scale * np.outer(self.row_gains, self.column_gains)
        reach = self._reach[self.region_of_block]
        flipped = gains < 0.0
        above = np.where(flipped, reach[..., 1], reach[..., 0]) * np.abs(gains)
        below = np.where(flipped, reach[..., 0], reach[..., 1]) * np.abs(gains)
        largest = np.stack([above, below])
        inverse = np.zeros_like(largest)
        np.divide(1.0, largest, out=inverse, where=largest > 0.0)
        self._inverse_largest = inverse.astype(np.float32)
        # Bounds of a row times those of a column: tight, because gains are such products.
        self._column_bounds = np.abs(self._inverse_columns)
        of_rows = np.zeros_like(self._inverse_largest)
        alive = self._column_bounds > 0.0
        np.divide(self._inverse_largest, self._column_bounds, out=of_rows, where=alive)
        # A little more, because they are rounded.
        self._row_bounds = of_rows.max(axis=(0, 2)) * np.float32(1 + 1e-6)
        return largest

    def _held_by_words(self) -> Weights:
        """Return the real part of the coefficient of each word."""
        if self.phase_radians is None:
            return np.zeros(0, np.float32)
        words = self._words.reshape(len(self.phase_radians), -1)
        depth, offset = weight_blocks.depth_and_offset(words)
        region = np.indices(words.shape)[0]
        found = first_order.coefficients(depth, offset, self.phase_radians, region, self.period)
        return found.real.astype(np.float32).reshape(-1)


def _inverse(gains: Values) -> Weights:
    inverse = np.zeros_like(gains)
    np.divide(1.0, gains, out=inverse, where=gains != 0.0)
    return inverse.astype(np.float32)
