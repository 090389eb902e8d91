"""Taps: the phase of every detector's reference, and how banks of one stage compare.

The reference is stepped with everything lit: each tap's phase, and its gain times visibility.
With the absorber clear the light in front of and behind it is the same, which gives the ratio of
their taps with its sign; the relative signs within a bank so follow from differences of light.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from protocols.calibration.bleaching import bleaching_level, even_steps
from protocols.calibration.fitting import Acceptance, Fit, fit_each
from protocols.calibration.injection import Injection, backward_banks
from protocols.calibration.registration import (
    align,
    phases_of_taps,
    reference_sweeps,
    stage_level,
    store_rest,
)
from protocols.calibration.results import Curve, ProtocolResult, listed_channels
from protocols.calibration.session import CalibrationSession
from protocols.calibration.stage_drive import StageDrive, measuring_gain

Floats = npt.NDArray[np.float64]

NAME = "taps"

_LEVELS = 16
_REPEATS = 16
_ACCEPTANCE = Acceptance(largest_misfit=0.01)


def calibrate_forward_taps(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the phases of a stage's forward taps, and what ``a`` reads of ``z``."""
    light, taps = session.light, session.section(stage).taps
    result = ProtocolResult(NAME, stage)
    light.open_arms("reference", "forward")
    hardware = session.hardware(stage)
    drive = StageDrive(session, stage, stage_level(session, stage))
    light.bypass(taps.a is not None or session.section(stage).inputs is None)
    banks = [bank for bank in (taps.z, taps.a) if bank is not None]
    hardware.set_field_gain(measuring_gain(session, stage, drive.level, 0.3, banks))
    bright = 0.95 * np.asarray(hardware.bank.largest_weights(hardware.field_gain))
    shown = hardware.encode(bright.astype(np.float32))
    light.show(stage, shown.depth, shown.offset)
    sweeps = reference_sweeps(
        session,
        banks,
        lambda: {bank: drive.matrix(volts) for bank, volts in drive.expose(banks).items()},
        lambda bank: drive.noise(bank) * np.sqrt(drive.inputs),
    )
    session.turn_to_rest()
    # The bank that weights are measured with keeps the rest position they were measured at.
    kept = session.forward_bank(stage)
    gratings = hardware.bank.coefficient_weights(shown.depth, shown.offset)
    column_light = hardware.bank.column_gains * session.column_light(stage)
    light_radians = np.angle((gratings * column_light).sum(axis=1))
    phases = {
        bank: phases_of_taps(session, bank, sweep, light_radians, align=bank != kept)
        for bank, sweep in sweeps.items()
    }
    session.turn_to_rest()
    for bank, (radians, sigmas) in phases.items():
        usable = session.banks[bank].usable[: radians.size]
        own = np.zeros(session.tables.taps[bank].channels)
        own[: radians.size] = radians
        result.add_spread(f"{bank}, phase", radians[usable], sigmas[usable], "rad")
        turned = usable & (np.abs(radians) > 1.0)
        if turned.any():
            result.notes.append(
                f"{bank}: far out of phase, weak or reversed: {listed_channels(turned)}"
            )
        result.tables.append((bank, session.tap_table(bank, phase_radians=own)))
        session.adopt(bank, result.tables[-1][1])
        session.tap_phases[bank] = own
    drive.close()
    store_rest(session, result)
    if taps.z is not None and taps.a is not None:
        _compare(session, stage, taps.z, taps.a, result)
    light.open_arms("reference", "forward", "backward")
    return [result]


def common_levels(
    session: CalibrationSession,
    stage: str,
    highest: float,
    levels: int,
    *,
    resonant: bool = False,
) -> tuple[Floats, StageDrive, Floats]:
    """Show weights that make all of a stage's sums alike.

    Returns the inputs ``[2 levels, n]`` for them, what lights these, and the phase ``[outputs]``
    that gratings give the sums.

    The sums go up to ``highest`` fields and down to as much below 0. Signs and sizes of the
    weights vary, and the inputs' signs with them, so that what single gratings leave in quadrature
    does not add up. ``resonant`` light is strong enough to pass the media in front where they are
    not clear, and its levels are even behind them.
    """
    hardware = session.hardware(stage)
    usable = hardware.bank.column_gains != 0.0
    generator = session.generator
    signs: Floats = generator.choice(np.array([-1.0, 1.0]), hardware.inputs)
    level = stage_level(session, stage)
    if resonant:
        level = max(level, bleaching_level(session, stage))
    drive = StageDrive(session, stage, level, signs[np.newaxis])
    sizes = generator.uniform(0.5, 1.0, (hardware.outputs, hardware.inputs)) * usable
    sizes *= highest / (drive.level * sizes.sum(axis=1, keepdims=True))
    weights = (signs * sizes).astype(np.float32)
    limit = np.inf
    if hardware.amplifier_table is not None:
        limit = 10 ** (float(np.min(hardware.amplifier_table.highest_decibels)) / 20)
    gain = max(1.0, min(limit, 1.05 * hardware.bank.required_field_gain(weights)))
    hardware.set_field_gain(gain)
    shown = hardware.encode(weights)
    session.light.show(stage, shown.depth, shown.offset)
    steps = (np.arange(levels) + 1) / levels
    if resonant:
        steps = even_steps(session, stage, drive.level, levels)
    levels_of_light = drive.level * np.concatenate([steps, -steps])
    gratings = hardware.bank.coefficient_weights(shown.depth, shown.offset)
    column_light = hardware.bank.column_gains * session.column_light(stage)
    phases = np.angle((gratings * column_light * signs).sum(axis=1))
    return levels_of_light[:, np.newaxis] * signs, drive, phases


def unsaturated(session: CalibrationSession, bank: str, volts: Floats) -> npt.NDArray[np.bool_]:
    """Return which readings, offsets subtracted, are clear of the edge of a bank's range."""
    return np.asarray(np.abs(volts) < 0.97 * session.range_volts(bank), np.bool_)


def highest_field(session: CalibrationSession, bank: str, share: float = 0.9) -> float:
    """Return the largest field whose reading stays within a share of a bank's range."""
    response = np.abs(session.tables.taps[bank].volts_per_field)
    usable = session.banks[bank].usable
    return share * session.range_volts(bank) / float(response[usable].max())


def _compare(
    session: CalibrationSession, stage: str, z: str, a: str, result: ProtocolResult
) -> None:
    """Fit ``a`` readings against ``z`` readings in a clear medium, tap by tap."""
    if not session.light.can_bypass:
        result.notes.append("the absorber cannot be bypassed: taps behind it stay as they were")
        return
    # The taps behind are known from the data sheet only so far.
    highest = min(highest_field(session, z, 0.75), highest_field(session, a, 0.75))
    inputs, drive, turns = common_levels(session, stage, highest, _LEVELS)
    session.light.bypass(True)
    read = drive.expose_fields(inputs, [z, a], _REPEATS)[1]
    drive.close()
    outputs = session.hardware(stage).outputs
    x, y = (
        (read[bank][:, :outputs] - session.banks[bank].offset_volts[:outputs])
        * session.along_light(bank, turns)
        for bank in (z, a)
    )
    usable = session.banks[z].usable[:outputs] & session.banks[a].usable[:outputs]
    noise_x, noise_y = (
        session.banks[bank].noise_volts[:outputs] / np.sqrt(_REPEATS) for bank in (z, a)
    )
    whole = unsaturated(session, z, x) & unsaturated(session, a, y)
    slope = (x * y * whole).sum(axis=0) / np.maximum((x * x * whole).sum(axis=0), 1e-300)
    start = np.stack([slope, np.zeros(outputs)], axis=1)
    noise = np.hypot(noise_y, slope * noise_x)[:, np.newaxis]
    weights = whole.T / noise

    def model(p: Floats) -> tuple[Floats, Floats]:
        residuals = (p[:, :1] * x.T + p[:, 1:] - y.T) * weights
        return residuals, np.stack([x.T * weights, weights], axis=2)

    found = fit_each(model, start)
    slopes = found.parameters[:, 0]
    wander = np.hypot(session.wander(z, outputs), session.wander(a, outputs))
    sigmas = np.hypot(found.sigmas[:, 0], slopes * wander)
    reasons = {}
    for channel in np.flatnonzero(usable).tolist():
        one: Fit = found.one(channel)
        reason = _ACCEPTANCE.reason_against(one, float(noise[channel, 0] / np.abs(y).max()))
        if reason:
            reasons[channel] = reason
    if len(reasons) > 0.05 * usable.sum():
        channel, reason = next(iter(reasons.items()))
        result.refuse(f"{a}: {len(reasons)} channels do not fit; channel {channel}: {reason}")
    for channel, reason in reasons.items():
        result.notes.append(f"{a}, channel {channel} is not used: {reason}")
        usable[channel] = session.banks[a].usable[channel] = False
    dead = usable & (np.abs(slopes) < 0.02 * np.median(np.abs(slopes[usable])))
    if dead.any():
        result.notes.append(f"{a}: sees no light: channel {listed_channels(dead)}")
        session.banks[a].usable[:outputs] &= ~dead
    nominal = session.tables.taps[z].volts_per_field
    response = session.tables.taps[a].volts_per_field.copy()
    # A dead tap in front says nothing of the one behind: that keeps what it had.
    response[:outputs] = np.where(usable, slopes * nominal[:outputs], response[:outputs])
    negative = usable & (slopes < 0.0)
    if negative.any():
        result.notes.append(f"{a}: sign against {z} reversed: channel {listed_channels(negative)}")
    result.add_spread(f"{a} / {z}", slopes[usable], sigmas[usable])
    variances = np.zeros(response.size)
    variances[:outputs] = np.where(usable, sigmas**2, 0.0)
    old = dict(session.tables.taps[a].covariance)
    table = session.tap_table(
        a, volts_per_field=response, covariance={**old, "ratio_to_z": variances}
    )
    result.tables = [(bank, one) for bank, one in result.tables if bank != a]
    result.tables.append((a, table))
    shown = int(np.argmax(usable))
    result.curves.append(
        Curve(
            f"{a} against {z}, tap {shown}",
            x[:, shown],
            y[:, shown],
            slopes[shown] * x[:, shown] + found.parameters[shown, 1],
            "in front (V)",
            "behind, medium clear (V)",
        )
    )


def calibrate_backward_taps(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Step the references of the backward taps with the injectors lit, and leave them in phase."""
    section = session.section(stage)
    name = section.injector
    if name is None:
        return []
    banks = backward_banks(session, stage)
    direct = [section.taps.delta] if section.taps.delta is not None else []
    result = ProtocolResult(NAME, f"{stage}, backward")
    if not banks and not direct:
        result.notes.append("no backward taps")
        return [result]
    injection = Injection(session, stage, name)
    injection.random_frame(banks, even=True)

    def responses() -> dict[str, Floats]:
        read = injection.expose([*banks, *direct])
        return {
            bank: np.diag(one)[:, np.newaxis] if bank in direct else one
            for bank, one in read.items()
        }

    sweeps = reference_sweeps(
        session,
        [*banks, *direct],
        responses,
        lambda bank: (
            injection.noise(bank) * (1.0 if bank in direct else np.sqrt(injection.alive.sum()))
        ),
    )
    align(session, result, sweeps)
    injection.close()
    return [result]


def background(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure how much of the pump is reflected into the backward taps of a stage."""
    light, taps = session.light, session.section(stage).taps
    bank = taps.delta
    result = ProtocolResult(NAME, f"{stage}, background")
    if bank is None or taps.z is None:
        return []
    highest = highest_field(session, taps.z)
    inputs, drive, _ = common_levels(session, stage, highest, 4, resonant=True)
    light.bypass(False)
    light.open_arms("reference", "forward")
    read = drive.expose_fields(inputs, [taps.z, bank], 64)[1]
    drive.close()
    light.open_arms("reference", "forward", "backward")
    outputs = session.hardware(stage).outputs
    field = session.tables.taps[taps.z].read(read[taps.z]).fields[:, :outputs].astype(float)
    seen = session.tables.taps[bank].read(read[bank]).fields[:, :outputs].astype(float)
    slopes = (field * seen).sum(axis=0) / np.maximum((field**2).sum(axis=0), 1e-300)
    usable = session.banks[bank].usable[:outputs] & session.banks[taps.z].usable[:outputs]
    share = float(np.sqrt(np.mean(slopes[usable] ** 2)))
    result.add("pump seen by backward taps, rms share", share)
    return [result]
