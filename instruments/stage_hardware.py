"""The instruments and tables of one stage of a bench, and what is done with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from instruments.calibration.amplifier import AmplifierTable
from instruments.calibration.field_encoder import FieldEncoder
from instruments.calibration.weight_bank import WeightBankTable, WeightsShown
from instruments.errors import NetworkError
from instruments.exposure import Stepping
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.optical_amplifier import OpticalAmplifier
from instruments.interfaces.spatial_light_modulator import BlockPattern, SpatialLightModulator
from instruments.network import Array

Port = Literal["z", "a", "delta", "rho"]

GAIN_HEADROOM = 1.25
"""An amplifier is set so far above what the weights need, so that it need not follow every step."""

BRIGHT_SHARE = 0.8
"""What bright shots show, as a share of the largest field all channels of an emitter reach."""

LARGEST_WASTE = 2.5
"""Gain is lowered once it exceeds what is needed by this factor: unused range costs resolution."""


def field_gain_for(needed: float, highest: float) -> float:
    """Return the field gain an amplifier is set to: what is needed with head-room, at least 1."""
    return min(max(GAIN_HEADROOM * needed, 1.0), highest)


class Driven(Stepping, Protocol):
    """Modulators, or mirrors driven like them: one number a channel and shot."""

    @property
    def channels(self) -> int:
        """How many channels there are."""
        ...

    def load(self, volts: npt.NDArray[np.float32], /) -> None:
        """Load ``[shots, channels]`` in the device's own units."""
        ...


@dataclass
class Emitter:
    """A modulator array or a mirror device with its table: numbers in, light out.

    Attributes
    ----------
    marks
        Levels of the shots behind the samples (``instruments.shot_marks``); empty: none.
    shots_per_sample
        How often every sample is shown, shot after shot.
    drive_within
        Lowest and highest drive the device takes, in its own units.
    """

    modulators: Driven
    table: FieldEncoder
    marks: tuple[float, ...] = ()
    shots_per_sample: int = 1
    drive_within: tuple[float, float] = (-inf, inf)
    _volts: Array = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    _dark: Array = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    _loaded: Array = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    _drive_of_marks: Array | None = None
    _reach: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None

    def reach(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the lowest and highest field ``[n]`` that table and device allow."""
        if self._reach is None:
            self._reach = self.table.fields_within(*self.drive_within)
        return self._reach

    def load(self, fields: Array) -> None:
        """Load fields ``[B, n]`` in saturation fields, a row for every shot."""
        shown = len(fields) * self.shots_per_sample
        shape = (shown + len(self.marks), self.table.channels)
        if self._volts.shape != shape:
            self._volts = np.empty(shape, np.float32)
            self._mark(self._volts[shown:])
        if self.shots_per_sample == 1:
            self.table.encode(fields, self._volts[:shown])
        else:
            once = self.table.encode(fields)
            self._volts[:shown] = np.repeat(once, self.shots_per_sample, axis=0)
        self._loaded = self._volts
        self.modulators.load(self._volts)

    def adopt(self, table: FieldEncoder) -> None:
        """Use another table from now on."""
        self.table = table
        self._dark = np.zeros((0, 0), np.float32)
        self._volts = np.zeros((0, 0), np.float32)
        self._drive_of_marks = None
        self._reach = None

    def load_dark(self, shots: int) -> None:
        """Load ``shots`` samples without light."""
        shown = shots * self.shots_per_sample
        if len(self._dark) != shown + len(self.marks):
            self._dark = np.repeat(
                self.table.dark_drive[np.newaxis], shown + len(self.marks), axis=0
            )
            self._mark(self._dark[shown:])
        self._loaded = self._dark
        self.modulators.load(self._dark)

    def load_steady(self, shots: int) -> None:
        """Load the first mark ``shots`` times; ``load_again`` brings back what was loaded."""
        self.modulators.load(np.repeat(self._marks()[:1], shots, axis=0))

    def load_again(self) -> None:
        """Load once more what ``load`` or ``load_dark`` loaded last."""
        self.modulators.load(self._loaded)

    def _mark(self, volts: Array) -> None:
        if self.marks:
            volts[:] = self._marks()

    def _marks(self) -> Array:
        """Return the drive ``[shots, n]`` of the marks."""
        if self._drive_of_marks is None:
            self._drive_of_marks = self.table.encode(self._levels(np.array(self.marks)))
        return self._drive_of_marks

    def _levels(self, marks: npt.NDArray[np.float64]) -> Array:
        """Return the fields ``[shots, n]`` of marks: near the largest or the lowest there are."""
        table = self.table
        # Light of one sign everywhere may cancel: rows of trained weights sum to little.
        signs = np.random.default_rng(table.channels).choice([-1.0, 1.0], table.channels)
        lowest, highest = self.reach()
        high, low = highest.min(), lowest.max()
        fields: Array = np.where(np.outer(marks, signs) > 0, high, low).astype(np.float32)
        return np.float32(BRIGHT_SHARE) * fields

    def patterned(self, signs: npt.NDArray[np.float64]) -> Array:
        """Return bright fields ``[B, n]`` that follow signs.

        Where fields have no sign, those of negative ones stay dark: turned over, a pattern then
        makes half the difference.
        """
        lowest, highest = self.reach()
        if self.table.is_signed:
            fields = BRIGHT_SHARE * min(highest.min(), -lowest.max()) * signs
        else:
            fields = 0.5 * BRIGHT_SHARE * highest.min() * (1.0 + signs)
        return np.asarray(fields, np.float32)


@dataclass
class StageHardware:
    """One stage: source, amplifier, weight panel, absorber, taps.

    Attributes
    ----------
    field_gain
        Amplifier field gain the weights are encoded for.
    reemission_scale
        Stored activations pass the weights smaller by this, where that makes no difference but
        to the range of the modulators.
    """

    name: str
    panel: SpatialLightModulator
    bank: WeightBankTable
    geometry: BlockGeometry
    period: int
    levels_per_wave: int
    has_absorber: bool
    source: Emitter | None = None
    emitter: Emitter | None = None
    injector: Emitter | None = None
    amplifier: OpticalAmplifier | None = None
    amplifier_table: AmplifierTable | None = None
    taps: Mapping[Port, str] = field(default_factory=dict)
    field_gain: float = 1.0
    reemission_scale: float = 1.0

    @property
    def outputs(self) -> int:
        """Rows of blocks."""
        return self.geometry.block_rows

    @property
    def inputs(self) -> int:
        """Columns of blocks."""
        return self.geometry.block_columns

    @property
    def amplifies_source(self) -> bool:
        """Whether the amplifier sits in front of the modulators, off the backward path."""
        return self.amplifier is not None and self.amplifier.channels == 1

    @property
    def highest_field_gain(self) -> float:
        """Field gain that all channels of the amplifier reach; 1 without one."""
        if self.amplifier is None or self.amplifier_table is None:
            return 1.0
        return float(10 ** (np.min(self.amplifier_table.highest_decibels) / 20))

    def suits(self, shown: Sequence[WeightsShown]) -> bool:
        """Whether the amplifier may stay as it is: nothing is clipped, and little gain wasted.

        No block holds a coefficient above 1, so the largest one says how much of it is used.
        """
        if self.amplifier is None or self.amplifier_table is None:
            return True
        largest = max(one.largest for one in shown)
        wasted = self.field_gain > 1.0 and LARGEST_WASTE * largest < 1.0
        return not wasted and not any(one.clipped for one in shown)

    def range_changed(self, matrices: Sequence[Array]) -> bool:
        """Set the amplifier so that all ``matrices`` fit; return whether it had to move."""
        if self.amplifier is None or self.amplifier_table is None:
            return False
        needed = max(map(self.bank.required_field_gain, matrices))
        if needed <= self.field_gain <= LARGEST_WASTE * needed:
            return False
        table = self.amplifier_table
        highest = 10 ** (float(np.min(table.highest_decibels)) / 20)
        wanted = float(field_gain_for(needed, highest))
        if wanted == self.field_gain:
            return False
        self.set_field_gain(wanted)
        return True

    def set_field_gain(self, field_gain: float) -> None:
        """Bring the amplifier to a field gain."""
        if self.amplifier is None or self.amplifier_table is None:
            return
        self.amplifier.set_currents_amperes(self.amplifier_table.current_for_field_gain(field_gain))
        self.field_gain = field_gain

    def encode(self, matrix: Array) -> WeightsShown:
        """Return the grey levels of a matrix ``[outputs, inputs]``, or of a smaller one.

        A smaller matrix takes the first rows and columns; the other blocks stay dark.
        """
        if matrix.shape[0] > self.outputs or matrix.shape[1] > self.inputs:
            raise NetworkError(
                f"stage {self.name}: a matrix of {list(matrix.shape)} does not fit "
                f"{self.outputs} x {self.inputs} blocks"
            )
        return self.bank.encode(matrix, self.field_gain)

    def start_showing(self, weights: WeightsShown) -> None:
        """Hand grey levels to the panel; it needs its time to stand still."""
        self.panel.show_blocks(
            BlockPattern(
                weights.depth,
                weights.offset,
                self.geometry,
                self.period,
                levels_per_wave=self.levels_per_wave,
            )
        )

    def show(self, weights: WeightsShown, timeout_seconds: float) -> None:
        """Show grey levels and wait until the panel stands still."""
        self.start_showing(weights)
        self.panel.wait_until_settled(timeout_seconds)
