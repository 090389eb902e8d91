"""What gain a bench needs for given weights, and whether its amplifiers have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from instruments.bench_file.schema import BenchFile
from instruments.calibration.amplifier import AmplifierTable
from instruments.calibration.weight_bank import WeightBankTable
from instruments.exposure_plan import tile_slices
from instruments.gain_ledger import LayerGain, layer_gain
from instruments.stage_hardware import field_gain_for


@dataclass(frozen=True, slots=True)
class PlannedGain:
    """One layer of the plan.

    Attributes
    ----------
    gain
        Its line of the ledger; the amplifier stands where the bench would set it.
    stage
        The stage that serves it.
    amplifier
        That stage's amplifier, if it has one.
    highest_decibels
        Most power gain the amplifier reaches within the file's limit of its current; 0 without
        one.
    """

    gain: LayerGain
    stage: str
    amplifier: str | None
    highest_decibels: float

    @property
    def suffices(self) -> bool:
        """Whether every weight can be held."""
        return self.gain.bank_decibels <= self.highest_decibels

    @property
    def missing_decibels(self) -> float:
        """How much the amplifier falls short; 0 where it suffices."""
        return max(0.0, self.gain.bank_decibels - self.highest_decibels)


def plan_gains(
    bench: BenchFile,
    weight_banks: Mapping[str, WeightBankTable],
    amplifiers: Mapping[str, AmplifierTable],
    weights: Sequence[npt.NDArray[Any]],
) -> list[PlannedGain]:
    """Return what each layer needs.

    Parameters
    ----------
    weight_banks, amplifiers
        Tables by stage and by instrument.
    weights
        One ``[outputs, inputs]`` a layer.
    """
    stages = bench.network.stages
    tiles = [
        [matrix[:, tile] for tile in tile_slices(matrix.shape[1], weight_banks[name].columns)]
        for name, matrix in zip(stages, weights, strict=True)
    ]
    required = [
        max(weight_banks[name].required_field_gain(tile) for tile in parts)
        for name, parts in zip(stages, tiles, strict=True)
    ]
    planned = []
    for index, (name, matrix) in enumerate(zip(stages, weights, strict=True)):
        amplifier = bench.stages[name].amplifier
        highest = 0.0
        field_gain = 1.0
        if amplifier is not None:
            highest = highest_decibels(bench, amplifier, amplifiers[amplifier])
            # One setting serves all layers of a stage.
            needed = max(
                gain for gain, stage in zip(required, stages, strict=True) if stage == name
            )
            field_gain = field_gain_for(needed, 10 ** (highest / 20))
        bank = weight_banks[name]
        clipped = sum(bank.encode(tile, field_gain).clipped for tile in tiles[index])
        line = layer_gain(
            str(index + 1),
            matrix,
            required_field_gain=required[index],
            amplifier_field_gain=field_gain,
            clipped=clipped,
            singular_values=True,
        )
        planned.append(PlannedGain(line, name, amplifier, highest))
    return planned


def highest_decibels(bench: BenchFile, amplifier: str, table: AmplifierTable) -> float:
    """Return the most power gain in dB that all channels reach within the file's current limit."""
    limit = bench.instruments[amplifier].limits.get("current_amperes")
    largest = float(table.current_amperes[-1])
    if limit is None or limit.high >= largest:
        return table.highest_decibels
    return float(table.gain(limit.high).min())
