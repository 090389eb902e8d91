"""Detectors in light: noise against power, the level at which they saturate.

All sums of a stage are brought to the same levels, from far below 0 to a little beyond what the
detectors are said to take, the medium clear. The variance of a balanced detector grows with the
power of the signal, ``v = v_0 + k P`` (shot noise of a signal that is not small beside the
reference); ``v_0`` less the noise without the reference is the reference's own shot noise.
Readings that no longer vary, at the largest level there is, are at the edge of the range.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from protocols.calibration.detectors import NAME
from protocols.calibration.fitting import fit
from protocols.calibration.results import Curve, ProtocolResult, listed_channels
from protocols.calibration.session import CalibrationSession
from protocols.calibration.taps import common_levels, highest_field

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_LEVELS = 10
_REPEATS = 192
_BEYOND = 1.15
"""Share of the stated range that the strongest light would take."""

_STANDS_STILL = 0.3
"""Share of the usual noise below which readings are taken to be at the edge."""

_EARLY = 0.98
_MOST_EARLY = 0.05
"""Share of channels that may end before the stated range and only be named."""


@dataclass(frozen=True)
class LitReadings:
    """Means and variances ``[levels, n]`` of a bank, in V and V^2, offsets subtracted."""

    means: Floats
    variances: Floats


def calibrate_noise(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure how the noise of a stage's forward taps grows with light, and where they end."""
    taps = session.section(stage).taps
    banks = [bank for bank in (taps.z, taps.a) if bank is not None]
    if taps.a is not None and not session.light.can_bypass:
        banks.remove(taps.a)
    return [_of_bank(session, stage, bank) for bank in banks]


def _of_bank(session: CalibrationSession, stage: str, bank: str) -> ProtocolResult:
    result = ProtocolResult(NAME, f"{bank}, in light")
    readings = _take(session, stage, bank)
    count = readings.means.shape[1]
    state = session.banks[bank]
    usable = state.usable[:count]
    floor = np.square(state.noise_volts[:count])
    at_edge = readings.variances < _STANDS_STILL**2 * floor
    # One level that happens to be quiet is no edge: the strongest light has to be there too.
    at_edge &= np.abs(readings.means) > 0.9 * np.abs(readings.means).max(axis=0)
    _report_noise(session, result, bank, readings, usable, ~at_edge)
    _report_edge(session, result, bank, readings, usable, at_edge)
    return result


def _take(session: CalibrationSession, stage: str, bank: str) -> LitReadings:
    light = session.light
    light.open_arms("reference", "forward")
    highest = highest_field(session, bank, _BEYOND)
    inputs, drive, _ = common_levels(session, stage, highest, _LEVELS)
    light.bypass(session.section(stage).taps.z != bank or session.section(stage).inputs is None)
    count = len(inputs)
    outputs = session.hardware(stage).outputs
    every = np.repeat(inputs, _REPEATS, axis=0)
    volts = light.take(drive.volts(every), [bank])[bank][:, :outputs].astype(np.float64)
    drive.close()
    light.open_arms("reference", "forward", "backward")
    cube = volts.reshape(count, _REPEATS, outputs)
    # Neighbouring shots: what drifts between them is not noise.
    variances = 0.5 * np.mean(np.diff(cube, axis=1) ** 2, axis=1)
    return LitReadings(cube.mean(axis=1) - session.banks[bank].offset_volts[:outputs], variances)


def _report_noise(
    session: CalibrationSession,
    result: ProtocolResult,
    bank: str,
    readings: LitReadings,
    usable: Flags,
    free: Flags,
) -> None:
    """Fit the variance against power, that of every channel in units of its noise in weak light.

    Which channels are within their range differs from level to level, and so does their gain:
    only so do the others not pass for noise that grows.
    """
    count = readings.means.shape[1]
    response = session.tables.taps[bank].volts_per_field[:count]
    alive = usable & (response != 0.0)
    safe = np.where(alive, response, 1.0)
    floors = np.square(session.banks[bank].noise_volts[:count])
    weak = float(np.median((floors / safe**2)[alive]))
    counted = free & alive
    numbers = counted.sum(axis=1)
    lit = numbers > 0.5 * alive.sum()
    if lit.sum() < 4:
        result.notes.append("too few levels within the range")
        return
    power, relative = (
        (one * counted)[lit].sum(axis=1) / numbers[lit]
        for one in (np.square(readings.means / safe), readings.variances / floors)
    )
    # Differences of neighbours share a shot each: 1.5 times the variance of independent ones.
    sigma = relative * np.sqrt(3.0 / ((_REPEATS - 1) * numbers[lit]))
    found = fit(
        lambda p: np.asarray((p[0] + p[1] * power - relative) / sigma, np.float64),
        [1.0, 0.0],
        scale=[1.0, 1.0 / max(float(power.max()), 1e-12)],
    )
    floor, slope = weak * found.parameters
    slope_sigma = weak * float(found.sigmas[1])
    variance = weak * relative
    result.add("noise of a shot, weak light", np.sqrt(max(floor, 0.0)), unit="field")
    result.add("noise power a unit of light", slope, slope_sigma, "field^2")
    if slope < -4.0 * slope_sigma:
        result.notes.append("noise falls with light: readings are bent before they saturate")
    order = np.argsort(power)
    result.curves.append(
        Curve(
            f"{bank}, noise against power",
            power[order],
            variance[order],
            (floor + slope * power)[order],
            "power (saturation powers)",
            "variance of a shot (field^2)",
        )
    )


def _report_edge(
    session: CalibrationSession,
    result: ProtocolResult,
    bank: str,
    readings: LitReadings,
    usable: Flags,
    at_edge: Flags,
) -> None:
    """Compare the level at which readings stand still with the stated one."""
    stated = session.range_volts(bank)
    offsets = session.banks[bank].offset_volts[: usable.size]
    reached = at_edge.any(axis=0) & usable
    if not reached.any():
        result.add("largest reading", float(np.abs(readings.means[:, usable]).max()), unit="V")
        result.notes.append("no channel reached the edge of its range: the stated one stands")
        return
    edges = np.where(at_edge, np.abs(readings.means + offsets), 0.0).max(axis=0)
    # A mean of readings of which some still fall short of the edge.
    short = _STANDS_STILL * session.banks[bank].noise_volts[: usable.size]
    result.add_spread("saturation", edges[reached], short[reached], "V")
    early = reached & (edges < _EARLY * stated)
    if not early.any():
        return
    reason = (
        f"readings end at {float(edges[early].min()):.3g} V, the bench file says {stated:.3g} V: "
        f"channel {listed_channels(early)}"
    )
    if early.sum() > _MOST_EARLY * usable.sum():
        result.refuse(f"{reason}; correct the range in its settings, all readings rest on it")
    else:
        result.notes.append(reason)
