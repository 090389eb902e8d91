"""How an emitter is seen when it is calibrated: by which detectors, on which arm, through what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.calibration_light import Arm, CalibrationLight
from protocols.calibration.session import CalibrationSession
from protocols.calibration.stage_drive import lower_gain_at_rest, measuring_gain


@dataclass(frozen=True)
class BrightWeights:
    """Weights that send light on everywhere: depths and offsets ``[rows, columns]`` of a stage."""

    stage: str
    depth: npt.NDArray[Any]
    offset: npt.NDArray[Any]

    def show(self, light: CalibrationLight) -> None:
        """Show them on the stage's panel."""
        light.show(self.stage, self.depth, self.offset)


@dataclass(frozen=True)
class EmitterView:
    """What sees an emitter.

    Attributes
    ----------
    emitter
        Its name.
    bank
        The detectors.
    arm
        The light it modulates.
    weights
        What stands between: bright weights, or nothing where each channel looks into one detector
        of its own.
    """

    emitter: str
    bank: str
    arm: Arm
    weights: BrightWeights | None


def see_source(session: CalibrationSession, stage: str, source: str) -> EmitterView:
    """Let the forward taps see all inputs of a stage, through blocks that diffract everything."""
    light = session.light
    _drive_with_nothing(light, source)
    bank = session.forward_bank(stage)
    light.bypass(bank == session.section(stage).taps.a)
    light.open_arms("reference", "forward")
    hardware = session.hardware(stage)
    # Amplifiers that saturate would bend the curves: a third of the field they could take.
    margin = 1.0 if hardware.amplifies_source else 3.0
    hardware.set_field_gain(measuring_gain(session, stage, margin, 0.35 * margin))
    deep: npt.NDArray[Any]
    shape = hardware.geometry.shape
    if hardware.bank.levels is not None:
        deep = np.full(shape, hardware.levels_per_wave, np.uint16)
    else:
        deep = np.full(shape, 1.0, np.float32)
    weights = BrightWeights(stage, deep, np.zeros_like(deep))
    weights.show(light)
    lower_gain_at_rest(session, stage, [bank])
    return EmitterView(source, bank, "forward", weights)


def see_one_to_one(session: CalibrationSession, emitter: str, bank: str, arm: Arm) -> EmitterView:
    """Darken all panels and open one arm: each channel of the emitter looks into one detector."""
    light = session.light
    light.bypass(True)
    for stage in light.stages:
        light.darken(stage)
    light.open_arms("reference", arm)
    _drive_with_nothing(light, emitter)
    return EmitterView(emitter, bank, arm, None)


def see_injector(session: CalibrationSession, stage: str, injector: str) -> EmitterView | None:
    """Let backward taps see a stage's injector through bright weights.

    Returns nothing if no bank sees it.
    """
    light = session.light
    names = list(light.stages)
    before = names[names.index(stage) - 1] if names.index(stage) else None
    taps = session.section(stage).taps
    bank = taps.rho or (None if before is None else session.section(before).taps.delta)
    if bank is None:
        return None
    light.bypass(True)
    light.open_arms("reference", "backward")
    hardware = session.hardware(stage)
    hardware.set_field_gain(backward_gain(session, stage, injector, bank))
    bright = hardware.bank.full_scale * hardware.field_gain
    shown = hardware.encode(np.full((hardware.outputs, hardware.inputs), bright, np.float32))
    weights = BrightWeights(stage, shown.depth, shown.offset)
    weights.show(light)
    _drive_with_nothing(light, injector)
    return EmitterView(injector, bank, "backward", weights)


def backward_gain(session: CalibrationSession, stage: str, injector: str, bank: str) -> float:
    """Return the field gain at which a bright block takes a third of the backward taps' range."""
    hardware = session.hardware(stage)
    if hardware.amplifier_table is None or hardware.amplifies_source:
        return 1.0
    table = session.tables.taps[bank]
    response = float(np.median(np.abs(table.volts_per_field[session.banks[bank].usable])))
    field = float(np.median(session.light.reach(injector)[1]))
    wanted = 0.3 * session.range_volts(bank) / (response * field * hardware.bank.full_scale)
    highest = 10 ** (float(np.min(hardware.amplifier_table.highest_decibels)) / 20)
    return max(1.0, min(wanted, highest))


def _drive_with_nothing(light: CalibrationLight, emitter: str) -> None:
    """Let an emitter rest at a drive of 0: where its light is least is yet to be found."""
    light.rest_volts[emitter] = np.zeros_like(light.rest_volts[emitter])
