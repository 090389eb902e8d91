r"""Mirror devices: the field of a block against how many of its mirrors are on.

Each block is swept alone, from none of its mirrors to its largest amplitude, with both signs where
there is a carrier. All blocks follow one curve, each with a scale of its own,

    signal = amplitude of the block * c(mirrors) + level,

so that curve and scales are found in turn from all blocks together. The scales are left to the
weight bank, as those of modulators are; the curve and what mirrors send on when they are off, seen
by shutting the arm, are the table's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instruments.calibration.mirror_encoder import MirrorEncoderTable
from protocols.calibration.channel_sweep import DEAD, Sweep, refused_channels, sweep_channels
from protocols.calibration.emitter_view import EmitterView
from protocols.calibration.fitting import EachFit
from protocols.calibration.results import Curve, ProtocolResult, listed_channels
from protocols.calibration.session import CalibrationSession

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NAME = "mirrors"

_MOST_LEVELS = 24
_ROUNDS = 8
_FEWEST = 4
_OFF_SHOTS = 128
_FEW = 1.0
"""Blocks' worth of light of all blocks together, where what they send on when off is looked at."""


@dataclass
class _SharedCurve:
    """Amplitudes and levels of all blocks (``fits``), their curve ``[k]`` and its sigmas."""

    fits: EachFit
    curve: Floats
    curve_sigmas: Floats


@dataclass
class _Off:
    """What all blocks send on when they are off, as a share of their amplitudes."""

    share: float = 0.0
    sigma: float = float("nan")


def measure(session: CalibrationSession, view: EmitterView) -> ProtocolResult:
    """Measure the mirrors that detectors see."""
    name = view.emitter
    old = session.tables.encoders[name]
    assert isinstance(old, MirrorEncoderTable)
    most = int(np.argmax(old.curve))
    evenly = np.rint(np.linspace(0, most, min(_MOST_LEVELS, most + 1)))
    # A few mirrors, too: all blocks together are looked at with no more on.
    counts = np.unique(np.concatenate([evenly, np.arange(min(_FEWEST, most) + 1)]))
    if old.is_signed:
        counts = np.concatenate([-counts[:0:-1], counts])
    shape = np.copysign(old.curve[np.abs(counts).astype(int)], counts)
    sweep = sweep_channels(session, view, counts, shape)
    found = _shared_curve(sweep, shape)
    sizes = np.unique(np.abs(counts))
    # Between the counts that were shown the curve follows its design, bent to meet them.
    bend = np.interp(np.arange(old.curve.size), sizes, found.curve - old.curve[sizes.astype(int)])
    curve = old.curve + bend
    curve[0] = 0.0
    curve /= curve.max()
    off = _Off() if old.is_signed else _left_when_off(session, view, curve)
    return _result(session, name, old, sweep, found, curve, off)


def _shared_curve(sweep: Sweep, shape: Floats) -> _SharedCurve:
    """Fit amplitudes and levels of all blocks to the curve, the curve to all blocks, and again."""
    counts, signal = sweep.drive, sweep.signal
    sizes, place = np.unique(np.abs(counts), return_inverse=True)
    signs = np.where(counts < 0, -1.0, 1.0)
    curve = np.zeros(sizes.size)
    curve[place] = np.abs(shape)
    weights = 1.0 / sweep.noise**2
    for _ in range(_ROUNDS):
        columns = np.stack([signs * curve[place], np.ones_like(counts)], axis=1)
        amplitudes, levels = np.linalg.lstsq(columns, signal, rcond=None)[0]
        precision = float((weights * amplitudes**2).sum())
        along = ((signal - levels) * (weights * amplitudes)).sum(axis=1) * signs / precision
        totals = np.bincount(place, along) / np.bincount(place)
        # No mirrors, no light: what is there all the same is in the level.
        totals -= totals[0]
        curve = totals / totals.max()
    columns = np.stack([signs * curve[place], np.ones_like(counts)], axis=1)
    amplitudes, levels = np.linalg.lstsq(columns, signal, rcond=None)[0]
    parameters = np.stack([amplitudes, levels], axis=1)
    residuals = (parameters @ columns.T - signal.T) / sweep.noise[:, np.newaxis]
    chi = np.square(residuals).sum(axis=1) / (counts.size - 2)
    spread = np.linalg.inv(columns.T @ columns)
    covariance = (sweep.noise**2 * np.maximum(chi, 1.0))[:, np.newaxis, np.newaxis] * spread
    settled = np.ones(amplitudes.size, np.bool_)
    repeats = np.bincount(place)
    return _SharedCurve(
        EachFit(parameters, covariance, residuals, chi, settled),
        curve,
        np.where(sizes > 0, 1.0 / np.sqrt(repeats * precision), 0.0),
    )


def _left_when_off(session: CalibrationSession, view: EmitterView, curve: Floats) -> _Off:
    """Return what mirrors send on when they are off, by shutting the arm.

    One number for all blocks, from detectors that each see all of them: a mirror that is off sends
    the same share of its light on wherever it is.
    """
    light, name, bank = session.light, view.emitter, view.bank
    if not light.can_close(view.arm):
        return _Off()
    usable = session.banks[bank].usable
    channels = session.tables.encoders[name].channels
    # A few mirrors of every block: all of them at once are more than detectors take.
    few = 1 + int(np.argmin(np.abs(curve[1 : _FEWEST + 1] - _FEW / channels)))
    on = np.full((_OFF_SHOTS, channels), few, np.float32)
    off = np.zeros_like(on)
    noise = session.noise_in_light(bank)[usable] / np.sqrt(_OFF_SHOTS)
    lit, left = (
        light.take({name: drive}, [bank])[bank].mean(axis=0, dtype=np.float64)[usable]
        for drive in (on, off)
    )
    light.open_arms("reference")
    dark = light.take({}, [bank], _OFF_SHOTS)[bank].mean(axis=0, dtype=np.float64)[usable]
    light.open_arms("reference", view.arm)
    whole = np.abs(lit) < session.range_volts(bank)
    swing, rest = (lit - left)[whole] / noise[whole], (left - dark)[whole] / noise[whole]
    power = float(swing @ swing)
    if power == 0.0:
        return _Off()
    amplitude = float(curve[few])
    return _Off(amplitude * float(swing @ rest) / power, amplitude * np.sqrt(2.0 / power))


def _result(
    session: CalibrationSession,
    name: str,
    old: MirrorEncoderTable,
    sweep: Sweep,
    found: _SharedCurve,
    curve: Floats,
    off: _Off,
) -> ProtocolResult:
    result = ProtocolResult(NAME, name)
    amplitudes, levels = found.fits.parameters.T
    size = np.abs(amplitudes)
    dead: Flags = size < DEAD * np.median(size)
    refused = refused_channels(result, sweep, found.fits, dead, "block")
    alive = ~dead & ~refused
    if not alive.any():
        result.refuse("no block moves the light")
        return result
    if dead.any():
        result.notes.append(f"dead, kept off: block {listed_channels(dead)}")
    nominal = float(np.median(np.abs(old.field_at_full)))
    sizes = np.unique(np.abs(sweep.drive))
    every = np.arange(old.curve.size)
    known = sizes.astype(int)
    sigmas = np.interp(every, sizes, found.curve_sigmas)
    middle = int(np.argmin(np.abs(found.curve - 0.5)))
    result.add(
        f"amplitude of {known[middle]} of {known[-1]} mirrors",
        float(found.curve[middle]),
        float(found.curve_sigmas[middle]),
    )
    deviation = found.curve - old.curve[known]
    result.add("largest deviation from the design", float(np.abs(deviation).max()))
    mean = np.mean(amplitudes[alive])
    relative = amplitudes[alive] / mean
    scatter = found.fits.sigmas[alive, 0] / np.abs(mean)
    result.add_spread("light on a block", relative, scatter)
    if not old.is_signed:
        result.add("field of mirrors that are off", off.share, off.sigma)
        if not np.isfinite(off.sigma):
            result.notes.append("no shutter: what mirrors send on when off is taken as nothing")
    table = MirrorEncoderTable(
        curve,
        np.where(alive, nominal, 0.0),
        np.where(alive, nominal * off.share, 0.0),
        old.carrier_period,
        provenance=session.provenance(name),
        covariance={
            "curve": np.square(sigmas),
            "offset": np.full(alive.size, np.nan_to_num((nominal * off.sigma) ** 2, nan=1.0)),
        },
    )
    result.tables.append((name, table))
    shown = int(np.argmax(alive))
    amplitude = np.copysign(curve[np.abs(sweep.drive).astype(int)], sweep.drive)
    result.curves.append(
        Curve(
            f"{name}, block {shown}",
            sweep.drive,
            sweep.signal[:, shown],
            amplitudes[shown] * amplitude + levels[shown],
            "mirrors on",
            "weighed detector signal (V)",
        )
    )
    return result
