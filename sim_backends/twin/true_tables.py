"""Tables and matrices read off a twin's hidden truth: for tests and reports, never for training.

They say how good measured tables could become, and what the optics really do to light.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instruments.calibration.amplifier import AmplifierTable
from instruments.calibration.encoder import EncoderTable
from instruments.calibration.mirror_encoder import MirrorEncoderTable
from instruments.calibration.table import Provenance
from instruments.calibration.tap import TapTable
from instruments.calibration.weight_bank import WeightBankTable
from sim_backends.twin.twin import Twin

_KNOTS = 200


def true_encoder(twin: Twin, instrument: str, bench: str) -> EncoderTable:
    """Return the transfer curves a modulator array really has now."""
    truth = twin.modulators[instrument]
    count = len(truth.half_wave_volts)
    full = np.full(count, float(truth.field_at_full))
    return EncoderTable(
        truth.half_wave_volts,
        truth.bias_radians + truth.drift_radians,
        full,
        full * truth.leakage,
        provenance=Provenance(instrument, bench, "truth"),
    )


def true_mirror_encoder(
    twin: Twin, instrument: str, nominal: MirrorEncoderTable
) -> MirrorEncoderTable:
    """Return what blocks of mirrors really send on in phase; their curve is that of the design."""
    truth = twin.mirrors[instrument]
    in_phase = truth.block_fields.real * twin.layout.mirrors[instrument].largest_share
    return nominal.rescaled(
        in_phase * truth.contrast,
        truth.block_fields.real * truth.left_when_off,
        provenance=Provenance(instrument, nominal.provenance.bench, "truth"),
    )


def true_taps(twin: Twin, instrument: str, bench: str) -> TapTable:
    """Return the response a bank of detectors really has now."""
    truth = twin.detectors[instrument]
    phase = truth.phase_radians + truth.neuron_phase
    return TapTable(
        truth.gain * np.cos(phase),
        truth.offset_volts,
        phase,
        truth.layout.full_scale_volts,
        provenance=Provenance(instrument, bench, "truth"),
    )


def true_amplifier(
    twin: Twin, instrument: str, bench: str, highest_current_amperes: float
) -> AmplifierTable:
    """Return the unsaturated gain of an amplifier; its spread is in the weight bank's table."""
    truth = twin.amplifiers[instrument]
    currents = np.linspace(0, highest_current_amperes, _KNOTS)
    decibels = 10 * np.log10(truth.small_signal_gain(currents))
    return AmplifierTable(
        currents,
        np.tile(decibels, (len(truth.spread), 1)),
        provenance=Provenance(instrument, bench, "truth"),
    )


def true_weight_bank(twin: Twin, index: int, bench: str) -> WeightBankTable:
    """Return what the blocks of a stage really do, for weak light."""
    stage = twin.stages[index]
    column = stage.column_gains * np.cos(stage.column_turns)
    row = stage.row_gains / stage.layout.full_scale
    if stage.amplifier is not None:
        if stage.amplifies_neurons:
            column = column * stage.amplifier.spread
        else:
            row = row * float(stage.amplifier.spread[0])
    quantised = twin.imperfections.panels.quantised
    return WeightBankTable(
        row,
        column,
        stage.layout.full_scale,
        stage.panel.period,
        stage.panel.phase_radians if quantised else None,
        stage.panel.region_of_block if quantised else None,
        twin.imperfections.panels.cross_talk,
        provenance=Provenance(stage.layout.panel, bench, "truth"),
    )


def optical_weights(twin: Twin, index: int) -> npt.NDArray[np.float64]:
    """Return the real part of the matrix ``[outputs, inputs]`` weak light meets in a stage now."""
    stage = twin.stages[index]
    mask = stage.settled_mask[: stage.layout.outputs].astype(np.float64)
    if stage.amplifier is not None:
        gain = np.sqrt(np.asarray(stage.amplifier.gain, np.float64))
        mask = mask * (gain * stage.amplifier.spread)
    return mask
