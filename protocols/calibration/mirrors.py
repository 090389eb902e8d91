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
from instruments.calibration_light import Arm
from protocols.calibration.fitting import Acceptance, Fit
from protocols.calibration.modulators import (
    DEAD,
    MOST_BAD,
    Sweep,
    show_all_bright,
    show_injector,
    show_nothing_else,
    sweep_channels,
)
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
_ACCEPTANCE = Acceptance()


@dataclass
class _SharedCurve:
    """Amplitudes ``[n]``, levels ``[n]``, curve ``[k]`` and their standard deviations."""

    amplitudes: Floats
    levels: Floats
    curve: Floats
    amplitude_sigmas: Floats
    curve_sigmas: Floats
    residuals: Floats
    reduced_chi_square: Floats


@dataclass
class _Off:
    """What all blocks send on when they are off, as a share of their amplitudes."""

    share: float = 0.0
    sigma: float = float("nan")


def calibrate_source(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the mirrors at the inputs of a stage, seen through its weights."""
    light = session.light
    name = session.section(stage).inputs
    if name is None:
        return []
    light.rest_volts[name] = np.zeros_like(light.rest_volts[name])
    bank, _, _ = show_all_bright(session, stage)
    results = [_measured(session, name, bank, "forward")]
    light.bypass(False)
    light.open_arms("reference", "forward", "backward")
    return results


def calibrate_emitter(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the mirrors that re-emit sums in front of a stage's absorber."""
    section = session.section(stage)
    bank = section.taps.z or section.taps.a
    if section.emitter is None or bank is None:
        return []
    return _direct(session, section.emitter, bank, backward=False)


def calibrate_injector(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the mirrors that inject errors behind a stage."""
    section = session.section(stage)
    name = section.injector
    if name is None:
        return []
    if section.taps.delta is not None:
        return _direct(session, name, section.taps.delta, backward=True)
    light = session.light
    seen = show_injector(session, stage, name)
    if seen is None:
        result = ProtocolResult(NAME, name)
        result.notes.append("no backward taps see it: nominal")
        return [result]
    light.rest_volts[name] = np.zeros_like(light.rest_volts[name])
    results = [_measured(session, name, seen[0], "backward")]
    light.bypass(False)
    light.open_arms("reference", "forward", "backward")
    return results


def _direct(
    session: CalibrationSession, name: str, bank: str, *, backward: bool
) -> list[ProtocolResult]:
    """Measure mirrors whose blocks look into one detector each."""
    light = session.light
    arm = show_nothing_else(session, backward=backward)
    light.rest_volts[name] = np.zeros_like(light.rest_volts[name])
    results = [_measured(session, name, bank, arm, one_to_one=True)]
    light.bypass(False)
    light.open_arms("reference", "forward", "backward")
    return results


def _measured(
    session: CalibrationSession, name: str, bank: str, arm: Arm, *, one_to_one: bool = False
) -> ProtocolResult:
    old = session.tables.encoders[name]
    assert isinstance(old, MirrorEncoderTable)
    most = int(np.argmax(old.curve))
    evenly = np.rint(np.linspace(0, most, min(_MOST_LEVELS, most + 1)))
    # A few mirrors, too: all blocks together are looked at with no more on.
    counts = np.unique(np.concatenate([evenly, np.arange(min(_FEWEST, most) + 1)]))
    if old.is_signed:
        counts = np.concatenate([-counts[:0:-1], counts])
    shape = np.copysign(old.curve[np.abs(counts).astype(int)], counts)
    sweep = sweep_channels(session, name, bank, counts, shape, one_to_one=one_to_one)
    found = _shared_curve(sweep, shape)
    sizes = np.unique(np.abs(counts))
    # Between the counts that were shown the curve follows its design, bent to meet them.
    bend = np.interp(np.arange(old.curve.size), sizes, found.curve - old.curve[sizes.astype(int)])
    curve = old.curve + bend
    curve[0] = 0.0
    curve /= curve.max()
    off = _Off() if old.is_signed else _left_when_off(session, name, bank, arm, curve)
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
    residuals = (columns @ np.stack([amplitudes, levels]) - signal) / sweep.noise
    freedom = counts.size - 2
    chi = np.square(residuals).sum(axis=0) / freedom
    spread = np.linalg.inv(columns.T @ columns)[0, 0]
    repeats = np.bincount(place)
    return _SharedCurve(
        amplitudes,
        levels,
        curve,
        sweep.noise * np.sqrt(spread * np.maximum(chi, 1.0)),
        np.where(sizes > 0, 1.0 / np.sqrt(repeats * precision), 0.0),
        residuals,
        chi,
    )


def _left_when_off(
    session: CalibrationSession, name: str, bank: str, arm: Arm, curve: Floats
) -> _Off:
    """Return what mirrors send on when they are off, by shutting the arm.

    One number for all blocks, from detectors that each see all of them: a mirror that is off sends
    the same share of its light on wherever it is.
    """
    light = session.light
    if not light.can_close(arm):
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
    light.open_arms("reference", arm)
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
    size = np.abs(found.amplitudes)
    dead: Flags = size < DEAD * np.median(size)
    refused, worst = _refused(sweep, found, dead)
    if refused.sum() > MOST_BAD * refused.size:
        result.refuse(f"{refused.sum()} of {refused.size} blocks do not fit, {worst}")
    elif refused.any():
        result.notes.append(f"does not fit and is not used: {listed_channels(refused)}, {worst}")
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
    relative = found.amplitudes[alive] / np.mean(found.amplitudes[alive])
    scatter = found.amplitude_sigmas[alive] / np.abs(np.mean(found.amplitudes[alive]))
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
            found.amplitudes[shown] * amplitude + found.levels[shown],
            "mirrors on",
            "weighed detector signal (V)",
        )
    )
    return result


def _refused(sweep: Sweep, found: _SharedCurve, dead: Flags) -> tuple[Flags, str]:
    """Return which blocks do not follow the curve, and why the first of them does not."""
    refused: Flags = np.zeros(dead.size, np.bool_)
    worst = ""
    for block in np.flatnonzero(~dead).tolist():
        one = Fit(
            np.array([found.amplitudes[block]]),
            np.array([[found.amplitude_sigmas[block] ** 2]]),
            found.residuals[:, block],
            float(found.reduced_chi_square[block]),
            True,
        )
        share = float(sweep.noise[block] / abs(found.amplitudes[block]))
        reason = _ACCEPTANCE.reason_against(one, share)
        if reason:
            refused[block] = True
            worst = worst or f"block {block}: {reason}"
    return refused, worst
