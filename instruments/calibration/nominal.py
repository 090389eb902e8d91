"""Tables from what a bench file says of its instruments, for as long as nothing was measured.

Drivers that want nominal tables offer the properties named here in their settings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from instruments.bench_file.mirror_sections import MirrorsSection
from instruments.bench_file.placement import emitter_channels, tap_channels
from instruments.bench_file.schema import BenchFile
from instruments.bench_file.stage_sections import StageSection
from instruments.calibration.amplifier import AmplifierTable
from instruments.calibration.bench_tables import BenchTables
from instruments.calibration.encoder import EncoderTable
from instruments.calibration.field_encoder import FieldEncoder
from instruments.calibration.mirror_encoder import MirrorEncoderTable
from instruments.calibration.table import Values
from instruments.calibration.tap import TapTable
from instruments.calibration.weight_bank import WeightBankTable
from instruments.errors import BenchFileError
from instruments.opening import PreparedInstrument


def passive_full_scale(stage: StageSection) -> float:
    """Return the weight of a block that diffracts all its light, at an amplifier gain of one.

    Fan-out to M rows and fan-in of N columns in free space leave ``1 / sqrt(M N)`` of a field,
    and the optics pass the square root of their power transmission.
    """
    blocks = stage.blocks
    return math.sqrt(stage.transmission / (blocks.rows * blocks.columns))


def _setting(bench: BenchFile, instrument: PreparedInstrument, name: str) -> Any:
    value = getattr(instrument.request.settings, name, None)
    if value is None:
        raise BenchFileError(
            f"{bench.origin}: instruments.{instrument.request.name}.settings.{name}: missing; "
            "without a measured table it is needed for a nominal one"
        )
    return value


def encoder_table(bench: BenchFile, instrument: PreparedInstrument) -> FieldEncoder:
    """Return the nominal table of a modulator array or a mirror device."""
    mirrors = bench.mirrors.get(instrument.request.name)
    if mirrors is not None:
        return mirror_encoder_table(bench, instrument.request.name, mirrors)
    return EncoderTable.nominal(
        _setting(bench, instrument, "channels"),
        _setting(bench, instrument, "half_wave_voltage"),
        instrument=instrument.request.name,
        bench=bench.name,
        field_at_full=_setting(bench, instrument, "field_at_full"),
    )


def mirror_encoder_table(
    bench: BenchFile, name: str, mirrors: MirrorsSection
) -> MirrorEncoderTable:
    """Return the table of a mirror device as its section of the bench file designs it."""
    return MirrorEncoderTable.nominal(
        emitter_channels(bench, name),
        mirrors.blocks.height,
        mirrors.blocks.width,
        instrument=name,
        bench=bench.name,
        carrier_period=mirrors.carrier,
        field_at_full=mirrors.field_at_full,
    )


def tap_table(bench: BenchFile, instrument: PreparedInstrument) -> TapTable:
    """Return the nominal table of a bank of detectors, or of a camera's regions, in counts."""
    section = bench.taps.get(instrument.request.name)
    if section is not None and section.regions is not None and section.counts_per_field is not None:
        return TapTable.nominal(
            tap_channels(bench, instrument.request.name),
            section.counts_per_field,
            instrument=instrument.request.name,
            bench=bench.name,
        )
    return TapTable.nominal(
        _setting(bench, instrument, "channels"),
        _setting(bench, instrument, "volts_per_field"),
        instrument=instrument.request.name,
        bench=bench.name,
        saturation_volts=_setting(bench, instrument, "full_scale"),
    )


def amplifier_table(bench: BenchFile, instrument: PreparedInstrument) -> AmplifierTable:
    """Return the nominal table of an optical amplifier or an array of them."""
    return AmplifierTable.nominal(
        _setting(bench, instrument, "channels"),
        transparency_amperes=_setting(bench, instrument, "transparency_current"),
        scale_amperes=_setting(bench, instrument, "scale_current"),
        highest_gain_decibels=_setting(bench, instrument, "highest_gain"),
        highest_current_amperes=_setting(bench, instrument, "current_limit"),
        instrument=instrument.request.name,
        bench=bench.name,
    )


def radians_per_volt(bench: BenchFile, actuators: PreparedInstrument) -> Values:
    """Return by how much a volt nominally turns each reference phase, ``[channels]``."""
    channels = _setting(bench, actuators, "channels")
    return np.full(channels, math.pi / _setting(bench, actuators, "half_wave_voltage"))


def weight_bank_table(
    bench: BenchFile, stage: StageSection, panel: PreparedInstrument
) -> WeightBankTable:
    """Return the nominal table of a stage's weight panel; no steps if its bit depth is 0."""
    steps = _setting(bench, panel, "bit_depth")
    return WeightBankTable.nominal(
        stage.blocks.rows,
        stage.blocks.columns,
        _setting(bench, panel, "levels_per_wave") if steps else None,
        stage.blocks.period,
        passive_full_scale(stage),
        instrument=panel.request.name,
        bench=bench.name,
    )


def nominal_tables(bench: BenchFile, prepared: Mapping[str, PreparedInstrument]) -> BenchTables:
    """Return the tables that follow from the bench file alone."""
    tables = BenchTables()
    for name, stage in bench.stages.items():
        tables.weight_banks[name] = weight_bank_table(bench, stage, prepared[stage.weights])
        for modulators in (stage.inputs, stage.emitter, stage.injector):
            if modulators is not None:
                tables.encoders[modulators] = encoder_table(bench, prepared[modulators])
        if stage.amplifier is not None:
            tables.amplifiers[stage.amplifier] = amplifier_table(bench, prepared[stage.amplifier])
        for bank in stage.taps.present().values():
            tables.taps[bank] = tap_table(bench, prepared[bank])
    return tables
