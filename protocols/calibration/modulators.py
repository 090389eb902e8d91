r"""Modulators: transfer curve of every channel, its null, and the field that never goes out.

Each channel is swept alone while the others stand still: ``A sin(pi V / (2 V_pi) + b) + C``. What
is left of a channel at null is told apart from all the others by the signs of random patterns on
the weight panel: shot by shot those say how much of each channel every detector sees, and the
level with all channels at null is their sum, weighted by what is left of each. Modulators that
look into their detectors one to one need no patterns, only their shutter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.calibration.encoder import EncoderTable
from instruments.calibration_light import Arm
from instruments.stage_hardware import WeightsShown
from protocols.calibration.fitting import Acceptance, EachFit, fit_each
from protocols.calibration.results import Curve, ProtocolResult, listed_channels
from protocols.calibration.session import CalibrationSession
from protocols.calibration.stage_drive import lower_gain_at_rest, measuring_gain

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NAME = "modulators"

_LEVELS = 21
_PATTERNS = 8
_REST_SHOTS = 64
DEAD = 0.02
"""A channel whose swing is below this share of the median is dead."""

_NOISE_ALONE = 8.0
"""A swing below so many standard deviations may be noise alone."""

MOST_BAD = 0.05
"""Share of channels that may be worked round; with more of them bad the fit is refused."""

_ACCEPTANCE = Acceptance()


@dataclass
class Sweep:
    """Curves of every channel: its drive ``[k]``, signal ``[k, n]`` and its noise ``[n]``."""

    drive: Floats
    signal: Floats
    noise: Floats


def calibrate_source(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the modulators at the inputs of a stage, seen through its weights."""
    light = session.light
    name = session.section(stage).inputs
    if name is None:
        return []
    light.rest_volts[name] = np.zeros_like(light.rest_volts[name])
    bank, deep, flat = show_all_bright(session, stage)
    sweep = _sweep(session, name, bank)
    fits = _fit_curves(session, name, sweep)
    null = _nulls(fits)
    light.rest_volts[name] = null.astype(np.float32)
    low, high = light.volts_range(name)
    swing = np.minimum(np.minimum(high - null, null - low), 0.9 * fits.parameters[:, 1])
    left, left_sigma = _left_at_null(session, stage, name, bank, null, swing, fits)
    # Biases drift: the last look at the curves counts.
    light.show(stage, deep, flat)
    sweep = _sweep(session, name, bank)
    fits = _fit_curves(session, name, sweep)
    light.bypass(False)
    light.open_arms("reference", "forward", "backward")
    return [_result(session, name, sweep, fits, left, left_sigma)]


def show_all_bright(
    session: CalibrationSession, stage: str
) -> tuple[str, npt.NDArray[Any], npt.NDArray[Any]]:
    """Let the forward taps see all inputs of a stage, through blocks that diffract everything.

    Returns the bank that sees them, and the depths and offsets shown.
    """
    light, bank = session.light, session.forward_bank(stage)
    light.bypass(bank == session.section(stage).taps.a)
    light.open_arms("reference", "forward")
    hardware = session.hardware(stage)
    # Amplifiers that saturate would bend the curves: a third of the field they could take.
    margin = 1.0 if hardware.amplifies_source else 3.0
    hardware.set_field_gain(measuring_gain(session, stage, margin, 0.35 * margin))
    shape = hardware.geometry.shape
    if hardware.bank.levels is not None:
        deep = np.full(shape, hardware.levels_per_wave, np.uint16)
        flat = np.zeros(shape, np.uint16)
    else:
        deep = np.full(shape, 1.0, np.float32)
        flat = np.zeros(shape, np.float32)
    light.show(stage, deep, flat)
    lower_gain_at_rest(session, stage, [bank])
    return bank, deep, flat


def calibrate_direct(
    session: CalibrationSession, name: str, bank: str, *, backward: bool
) -> list[ProtocolResult]:
    """Measure modulators of which each looks into one detector: an injector, an emitter."""
    light = session.light
    arm = show_nothing_else(session, backward=backward)
    light.rest_volts[name] = np.zeros_like(light.rest_volts[name])
    sweep = _sweep(session, name, bank, one_to_one=True)
    fits = _fit_curves(session, name, sweep)
    null = _nulls(fits)
    light.rest_volts[name] = null.astype(np.float32)
    left, left_sigma = np.zeros(len(fits.parameters)), np.full(len(fits.parameters), np.nan)
    if light.can_close(arm):
        count = len(fits.parameters)
        lit = light.take({}, [bank], _REST_SHOTS)[bank][:, :count].mean(axis=0, dtype=float)
        light.open_arms("reference")
        dark = light.take({}, [bank], _REST_SHOTS)[bank][:, :count].mean(axis=0, dtype=float)
        amplitudes = fits.parameters[:, 0]
        safe = np.where(amplitudes == 0.0, 1.0, amplitudes)
        left = np.where(amplitudes == 0.0, 0.0, (lit - dark) / safe)
        noise = session.noise_in_light(bank)[:count]
        left_sigma = noise * np.sqrt(2.0 / _REST_SHOTS) / np.abs(safe)
    light.bypass(False)
    light.open_arms("reference", "forward", "backward")
    return [_result(session, name, sweep, fits, left, left_sigma)]


def show_nothing_else(session: CalibrationSession, *, backward: bool) -> Arm:
    """Darken all panels and open one arm, for emitters that look into detectors one to one."""
    light = session.light
    light.bypass(True)
    arm: Arm = "backward" if backward else "forward"
    for other in light.stages:
        light.darken(other)
    light.open_arms("reference", arm)
    return arm


def calibrate_emitter(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the modulators that re-emit sums in front of a stage's absorber."""
    section = session.section(stage)
    bank = section.taps.z or section.taps.a
    if section.emitter is None or bank is None:
        return []
    return calibrate_direct(session, section.emitter, bank, backward=False)


def calibrate_injector(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the modulators that inject errors behind a stage."""
    section = session.section(stage)
    name = section.injector
    if name is None:
        return []
    if section.taps.delta is not None:
        return calibrate_direct(session, name, section.taps.delta, backward=True)
    light = session.light
    seen = show_injector(session, stage, name)
    if seen is None:
        result = ProtocolResult(NAME, name)
        result.notes.append("no backward taps see it: nominal")
        return [result]
    bank, shown = seen
    light.rest_volts[name] = np.zeros_like(light.rest_volts[name])
    sweep = _sweep(session, name, bank)
    fits = _fit_curves(session, name, sweep)
    null = _nulls(fits)
    light.rest_volts[name] = null.astype(np.float32)
    low, high = light.volts_range(name)
    swing = np.minimum(np.minimum(high - null, null - low), 0.9 * fits.parameters[:, 1])
    left, left_sigma = _left_at_null(session, stage, name, bank, null, swing, fits, arm="backward")
    light.show(stage, shown.depth, shown.offset)
    sweep = _sweep(session, name, bank)
    fits = _fit_curves(session, name, sweep)
    light.bypass(False)
    light.open_arms("reference", "forward", "backward")
    return [_result(session, name, sweep, fits, left, left_sigma)]


def show_injector(
    session: CalibrationSession, stage: str, injector: str
) -> tuple[str, WeightsShown] | None:
    """Let backward taps see a stage's injector through bright weights.

    Returns the bank that sees it and what the panel shows, or nothing if no bank does.
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
    light.show(stage, shown.depth, shown.offset)
    return bank, shown


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


def _sweep(session: CalibrationSession, name: str, bank: str, *, one_to_one: bool = False) -> Sweep:
    """Sweep the volts of every channel alone."""
    encoder = session.tables.encoders[name]
    assert isinstance(encoder, EncoderTable)
    levels = np.linspace(*session.light.volts_range(name), _LEVELS)
    shape = np.sin(0.5 * np.pi * levels / encoder.half_wave_volts.mean())
    return sweep_channels(session, name, bank, levels, shape, one_to_one=one_to_one)


def sweep_channels(
    session: CalibrationSession,
    name: str,
    bank: str,
    levels: Floats,
    shape: Floats,
    *,
    one_to_one: bool = False,
) -> Sweep:
    """Sweep every channel of an emitter alone, the others at rest.

    Parameters
    ----------
    levels, shape
        ``[k]`` what a channel is driven with, and about what light that gives, by which the
        detectors are weighed: by how much each sees of the channel.
    one_to_one
        Whether each channel looks into one detector of its own.
    """
    light = session.light
    rest = light.rest_volts[name]
    count, steps = rest.size, levels.size
    drive = np.tile(rest, (steps * count, 1))
    for channel in range(count):
        drive[channel * steps : (channel + 1) * steps, channel] = levels
    read = light.take({name: drive}, [bank])[bank].astype(np.float64)
    state = session.banks[bank]
    now = session.noise_in_light(bank)
    # [channel, level, detector], relative to the mean over levels.
    cube = read.reshape(count, steps, -1)
    if one_to_one:
        signal = np.stack([cube[channel, :, channel] for channel in range(count)], axis=1)
        return Sweep(levels, signal, now[:count])
    cube = cube[:, :, state.usable]
    centred = cube - cube.mean(axis=1, keepdims=True)
    noise = now[state.usable]
    weights = np.einsum("k,ckd->cd", shape - shape.mean(), centred) / noise**2
    norms = np.abs(weights * noise).sum(axis=1)
    weights /= np.maximum(norms, 1e-300)[:, np.newaxis]
    signal = np.einsum("cd,ckd->kc", weights, cube - state.offset_volts[state.usable])
    return Sweep(levels, signal, np.sqrt((weights**2 * noise**2).sum(axis=1)))


def _fit_curves(session: CalibrationSession, name: str, sweep: Sweep) -> EachFit:
    """Fit amplitude, half-wave voltage, bias and level of every channel."""
    encoder = session.tables.encoders[name]
    assert isinstance(encoder, EncoderTable)
    half_wave = float(np.median(encoder.half_wave_volts))
    best: EachFit | None = None
    # The half-wave voltage may be far from the data sheet's: start from several.
    for factor in (1.0, 0.8, 1.25):
        found = _fit_from(sweep, factor * half_wave)
        if best is None:
            best = found
            continue
        better = found.reduced_chi_square < 0.9 * best.reduced_chi_square
        best = EachFit(
            np.where(better[:, np.newaxis], found.parameters, best.parameters),
            np.where(better[:, np.newaxis, np.newaxis], found.covariance, best.covariance),
            np.where(better[:, np.newaxis], found.residuals, best.residuals),
            np.where(better, found.reduced_chi_square, best.reduced_chi_square),
            np.where(better, found.converged, best.converged),
        )
    assert best is not None
    return best


def _fit_from(sweep: Sweep, half_wave: float) -> EachFit:
    volts, signal = sweep.drive, sweep.signal.T
    turn = 0.5 * np.pi * volts / half_wave
    columns = np.stack([np.sin(turn), np.cos(turn), np.ones_like(volts)], axis=1)
    sine, cosine, level = np.linalg.lstsq(columns, sweep.signal, rcond=None)[0]
    # The branch through null on which a rising voltage raises a positive field.
    sign = np.where(sine >= 0.0, 1.0, -1.0)
    size = np.maximum(np.hypot(sine, cosine), 1e-12)
    bias = np.arctan2(sign * cosine, sign * sine)
    start = np.stack([sign * size, np.full_like(size, half_wave), bias, level], axis=1)
    noise = sweep.noise[:, np.newaxis]

    def model(p: Floats) -> tuple[Floats, Floats]:
        amplitude, own = p[:, :1], np.clip(p[:, 1:2], 0.2 * half_wave, 5.0 * half_wave)
        angle = 0.5 * np.pi * volts / own + p[:, 2:3]
        sine, cosine = np.sin(angle), np.cos(angle)
        slope = -amplitude * cosine * 0.5 * np.pi * volts / own**2
        ones = np.ones_like(angle)
        jacobian = np.stack([sine, slope, amplitude * cosine, ones], axis=2)
        residuals = amplitude * sine + p[:, 3:4] - signal
        return residuals / noise, jacobian / noise[..., np.newaxis]

    return fit_each(model, start)


def _nulls(fits: EachFit) -> Floats:
    """Return the volts ``[n]`` at which the sine is 0."""
    nulls: Floats = -2.0 / np.pi * fits.parameters[:, 1] * _wrapped(fits.parameters[:, 2])
    return nulls


def _left_at_null(
    session: CalibrationSession,
    stage: str,
    name: str,
    bank: str,
    null: Floats,
    swing: Floats,
    fits: EachFit,
    arm: Arm = "forward",
) -> tuple[Floats, Floats]:
    """Return what is left of each channel at null, in units of its amplitude, and its error.

    Biases that drifted since the null was found show in the same shots: swings to either side
    are no longer alike.
    """
    light = session.light
    hardware = session.hardware(stage)
    state = session.banks[bank]
    usable = state.usable
    own_noise = session.noise_in_light(bank)[usable]
    count = null.size
    half_wave = fits.parameters[:, 1]
    sines = np.sin(0.5 * np.pi * swing / half_wave)
    cosines = np.cos(0.5 * np.pi * swing / half_wave)
    drive = np.tile(null, (2 * count, 1))
    drive[np.arange(count), np.arange(count)] += swing
    drive[count + np.arange(count), np.arange(count)] -= swing
    rest = np.tile(null, (_REST_SHOTS, 1))
    volts = np.concatenate([rest, drive]).astype(np.float32)
    rows, levels = [], []
    patterns = max(_PATTERNS, int(np.ceil(3 * count / max(1, int(usable.sum())))))
    for _ in range(patterns):
        signs = session.generator.choice([-1.0, 1.0], hardware.geometry.shape)
        bright = 0.9 * hardware.bank.full_scale * hardware.field_gain
        shown = hardware.encode((bright * signs).astype(np.float32))
        light.show(stage, shown.depth, shown.offset)
        read = light.take({name: volts}, [bank])[bank].astype(np.float64)[:, usable]
        level = read[:_REST_SHOTS].mean(axis=0)
        above, below = read[_REST_SHOTS : _REST_SHOTS + count], read[_REST_SHOTS + count :]
        seen = (above - below) / (2.0 * sines[:, np.newaxis])
        lopsided = 0.5 * (above + below) - level
        drifted = (lopsided * seen).sum(axis=1) / np.maximum((seen**2).sum(axis=1), 1e-300)
        drifted /= cosines - 1.0
        levels.append(level - drifted @ seen)
        rows.append(seen.T)
    responses, level = np.concatenate(rows), np.concatenate(levels)
    if light.can_close(arm):
        light.open_arms("reference")
        dark = light.take({}, [bank], _REST_SHOTS)[bank].mean(axis=0, dtype=float)[usable]
        light.open_arms("reference", arm)
        level = level - np.tile(dark, patterns)
        columns = responses
    else:
        # Without a shutter the detectors' own levels are found along with it.
        own = np.tile(np.eye(int(usable.sum())), (patterns, 1))
        columns = np.concatenate([responses, own], axis=1)
    noise = np.tile(own_noise, patterns) * np.sqrt(2.0 / _REST_SHOTS)
    weighted = columns / noise[:, np.newaxis]
    left = np.linalg.lstsq(weighted, level / noise, rcond=1e-8)[0][:count]
    spread = (level - columns[:, :count] @ left) / noise if columns.shape[1] == count else None
    chi = 1.0 if spread is None else max(1.0, float(np.mean(spread**2)))
    variance = np.diag(np.linalg.pinv(weighted.T @ weighted))[:count] * chi
    # What the correction for drift adds, pattern by pattern.
    power = (responses / np.tile(own_noise, patterns)[:, np.newaxis]) ** 2
    variance = variance + 0.5 / np.maximum(power.sum(axis=0), 1e-300) / (1.0 - cosines) ** 2
    return np.asarray(left, np.float64), np.sqrt(np.clip(variance, 0.0, None))


def _result(
    session: CalibrationSession,
    name: str,
    sweep: Sweep,
    fits: EachFit,
    left: Floats,
    left_sigma: Floats,
) -> ProtocolResult:
    result = ProtocolResult(NAME, name)
    old = session.tables.encoders[name]
    # What is left was told apart from a null that is known no better than this.
    left_sigma = np.hypot(left_sigma, fits.sigmas[:, 2])
    values = fits.parameters
    sigmas = fits.sigmas
    # A channel counts as dead by its swing, which a sine fitted to noise does not have.
    size = sweep.signal.max(axis=0) - sweep.signal.min(axis=0)
    dead = size < DEAD * np.median(size)
    refused: Flags = np.zeros(len(fits.parameters), np.bool_)
    worst = ""
    for channel in range(len(fits.parameters)):
        one = fits.one(channel)
        if dead[channel]:
            continue
        share = float(sweep.noise[channel] / abs(values[channel, 0]))
        reason = _ACCEPTANCE.reason_against(one, share)
        if reason:
            refused[channel] = True
            worst = worst or f"channel {channel}: {reason}"
    if refused.sum() > MOST_BAD * len(refused):
        result.refuse(f"{refused.sum()} of {len(refused)} channels do not fit, {worst}")
    elif refused.any():
        result.notes.append(f"does not fit and is not used: {listed_channels(refused)}, {worst}")
    alive = ~dead & ~refused
    nominal = float(np.median(np.abs(old.field_at_full)))
    half_wave = np.where(alive, values[:, 1], np.median(values[alive, 1]) if alive.any() else 1.0)
    bias = np.where(alive, _wrapped(values[:, 2]), 0.0)
    full = np.where(alive, nominal, 0.0)
    offset = np.where(alive, nominal * left, 0.0)
    if dead.any():
        result.notes.append(f"dead, kept at null: channel {listed_channels(dead)}")
    result.add_spread("half-wave voltage", half_wave[alive], sigmas[alive, 1], "V")
    result.add_spread("bias", bias[alive], sigmas[alive, 2], "rad")
    result.add_spread("field left at null", offset[alive], nominal * left_sigma[alive])
    usual = float(np.median(np.abs(left[alive]))) if alive.any() else 0.0
    result.add("extinction", -20.0 * np.log10(max(usual, 1e-6)), unit="dB")
    covariance = {
        "half_wave_volts": np.square(sigmas[:, 1]),
        "bias_radians": np.square(sigmas[:, 2]),
        "offset": np.nan_to_num(np.square(nominal * left_sigma), nan=1.0),
    }
    if alive.any():
        result.tables.append(
            (
                name,
                EncoderTable(
                    half_wave,
                    bias,
                    full,
                    offset,
                    provenance=session.provenance(name),
                    covariance=covariance,
                ),
            )
        )
        shown = int(np.argmax(alive))
        angle = 0.5 * np.pi * sweep.drive / values[shown, 1] + values[shown, 2]
        fitted = values[shown, 0] * np.sin(angle) + values[shown, 3]
        result.curves.append(
            Curve(
                f"{name}, channel {shown}",
                sweep.drive,
                sweep.signal[:, shown],
                fitted,
                "modulator voltage (V)",
                "weighed detector signal (V)",
            )
        )
    elif (size < _NOISE_ALONE * sweep.noise).all():
        result.refuse("no channel moves the light")
    return result


def _wrapped(radians: Floats) -> Floats:
    wrapped: Floats = (radians + np.pi) % (2.0 * np.pi) - np.pi
    return wrapped
