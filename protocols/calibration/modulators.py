r"""Modulators: transfer curve of every channel, its null, and the field that never goes out.

Each channel is swept alone while the others stand still: ``A sin(pi V / (2 V_pi) + b) + C``. What
is left of a channel at null is told apart from all the others by the signs of random patterns on
the weight panel: shot by shot those say how much of each channel every detector sees, and the
level with all channels at null is their sum, weighted by what is left of each. Modulators that
look into their detectors one to one need no patterns, only their shutter.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instruments.calibration.encoder import EncoderTable
from protocols.calibration.channel_sweep import DEAD, Sweep, refused_channels, sweep_channels
from protocols.calibration.emitter_view import BrightWeights, EmitterView
from protocols.calibration.fitting import EachFit, fit_each
from protocols.calibration.results import Curve, ProtocolResult, listed_channels
from protocols.calibration.session import CalibrationSession

Floats = npt.NDArray[np.float64]

NAME = "modulators"

_LEVELS = 21
_PATTERNS = 8
_REST_SHOTS = 64
_NOISE_ALONE = 8.0
"""A swing below so many standard deviations may be noise alone."""


def measure(session: CalibrationSession, view: EmitterView) -> ProtocolResult:
    """Measure the modulators that detectors see."""
    name = view.emitter
    sweep = _sweep(session, view)
    fits = _fit_curves(session, name, sweep)
    null = _nulls(fits)
    session.light.rest_volts[name] = null.astype(np.float32)
    if view.weights is None:
        left, left_sigma = _left_by_shutter(session, view, fits)
    else:
        left, left_sigma = _left_by_patterns(session, view, view.weights, null, fits)
        # Biases drift: the last look at the curves counts.
        view.weights.show(session.light)
        sweep = _sweep(session, view)
        fits = _fit_curves(session, name, sweep)
    return _result(session, name, sweep, fits, left, left_sigma)


def _sweep(session: CalibrationSession, view: EmitterView) -> Sweep:
    """Sweep the volts of every channel alone."""
    encoder = session.tables.encoders[view.emitter]
    assert isinstance(encoder, EncoderTable)
    levels = np.linspace(*session.light.volts_range(view.emitter), _LEVELS)
    shape = np.sin(0.5 * np.pi * levels / encoder.half_wave_volts.mean())
    return sweep_channels(session, view, levels, shape)


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


def _left_by_shutter(
    session: CalibrationSession, view: EmitterView, fits: EachFit
) -> tuple[Floats, Floats]:
    """Return what is left of each channel at null, in units of its amplitude, and its error.

    Where each looks into a detector of its own, and there is a shutter.
    """
    light, bank = session.light, view.bank
    count = len(fits.parameters)
    if not light.can_close(view.arm):
        return np.zeros(count), np.full(count, np.nan)
    lit = light.take({}, [bank], _REST_SHOTS)[bank][:, :count].mean(axis=0, dtype=float)
    light.open_arms("reference")
    dark = light.take({}, [bank], _REST_SHOTS)[bank][:, :count].mean(axis=0, dtype=float)
    amplitudes = fits.parameters[:, 0]
    safe = np.where(amplitudes == 0.0, 1.0, amplitudes)
    left = np.where(amplitudes == 0.0, 0.0, (lit - dark) / safe)
    noise = session.noise_in_light(bank)[:count]
    return left, noise * np.sqrt(2.0 / _REST_SHOTS) / np.abs(safe)


def _left_by_patterns(
    session: CalibrationSession,
    view: EmitterView,
    weights: BrightWeights,
    null: Floats,
    fits: EachFit,
) -> tuple[Floats, Floats]:
    """Return what is left of each channel at null, in units of its amplitude, and its error.

    Biases that drifted since the null was found show in the same shots: swings to either side
    are no longer alike.
    """
    light, bank = session.light, view.bank
    hardware = session.hardware(weights.stage)
    usable = session.banks[bank].usable
    own_noise = session.noise_in_light(bank)[usable]
    count = null.size
    half_wave = fits.parameters[:, 1]
    low, high = light.volts_range(view.emitter)
    swing = np.minimum(np.minimum(high - null, null - low), 0.9 * half_wave)
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
        light.show(weights.stage, shown.depth, shown.offset)
        read = light.take({view.emitter: volts}, [bank])[bank].astype(np.float64)[:, usable]
        level = read[:_REST_SHOTS].mean(axis=0)
        above, below = read[_REST_SHOTS : _REST_SHOTS + count], read[_REST_SHOTS + count :]
        seen = (above - below) / (2.0 * sines[:, np.newaxis])
        lopsided = 0.5 * (above + below) - level
        drifted = (lopsided * seen).sum(axis=1) / np.maximum((seen**2).sum(axis=1), 1e-300)
        drifted /= cosines - 1.0
        levels.append(level - drifted @ seen)
        rows.append(seen.T)
    responses, level = np.concatenate(rows), np.concatenate(levels)
    if light.can_close(view.arm):
        light.open_arms("reference")
        dark = light.take({}, [bank], _REST_SHOTS)[bank].mean(axis=0, dtype=float)[usable]
        light.open_arms("reference", view.arm)
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
    refused = refused_channels(result, sweep, fits, dead)
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
