"""Detectors: dark level, noise, what the reference adds; which channels are dead or stuck."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from protocols.calibration.results import ProtocolResult, listed_channels
from protocols.calibration.session import BankState, CalibrationSession

Floats = npt.NDArray[np.float64]

NAME = "detectors"

SHOTS = 512
_UNBALANCED = 6.0
"""Standard deviations by which the reference may move a level for no reason."""


def calibrate_detectors(session: CalibrationSession) -> list[ProtocolResult]:
    """Measure every bank in the dark, without and with its reference.

    The noise with the reference is what every later fit weighs readings with. A balanced
    detector whose level moves when the reference is let in is not balanced.
    """
    light = session.light
    banks = light.banks()
    light.open_arms()
    dark = light.take({}, banks, SHOTS)
    light.open_arms("reference")
    lit = light.take({}, banks, SHOTS)
    light.open_arms("reference", "forward", "backward")
    results = []
    for bank in banks:
        result = ProtocolResult(NAME, bank)
        reach = session.range_volts(bank)
        without, readings = dark[bank].astype(np.float64), lit[bank].astype(np.float64)
        offset = readings.mean(axis=0)
        noise = readings.std(axis=0, ddof=1)
        electronic = without.std(axis=0, ddof=1)
        stuck = np.abs(readings).min(axis=0) >= reach
        # Where every other channel is noisy, one that is not is not alive.
        silent = (noise == 0.0) & (np.median(noise) > 0.0) & ~stuck
        usable = ~(stuck | silent)
        typical = float(np.median(noise[usable])) if usable.any() else 0.0
        floor = max(typical, 1e-6 * reach)
        session.banks[bank] = BankState(offset, np.where(noise > 0.0, noise, floor), usable)
        per_shot = noise / np.sqrt(SHOTS)
        result.add_spread("level without light", offset[usable], per_shot[usable], "V")
        result.add("noise of a shot", typical, typical / np.sqrt(2.0 * SHOTS * usable.sum()), "V")
        result.add("noise without reference", float(np.median(electronic[usable])), unit="V")
        _report_shot_noise(result, noise[usable], electronic[usable])
        step = offset - without.mean(axis=0)
        scatter = np.sqrt(noise**2 + electronic**2) / np.sqrt(SHOTS)
        result.add_spread("level added by the reference", step[usable], scatter[usable], "V")
        unbalanced = usable & (np.abs(step) > np.maximum(_UNBALANCED * scatter, 0.01 * reach))
        if unbalanced.any():
            result.notes.append(
                f"not balanced, the reference alone moves them: {listed_channels(unbalanced)}"
            )
        result.add("stated range", reach, unit="V")
        if stuck.any():
            result.notes.append(f"stuck at the edge of the range: channel {listed_channels(stuck)}")
        if silent.any():
            result.notes.append(f"dead, without even noise: channel {listed_channels(silent)}")
        if not light.can_close("forward") and not light.can_close("backward"):
            result.notes.append("no shutters: the dark level is that of modulators at null")
        if not usable.any():
            result.refuse("no channel is alive")
        table = session.tap_table(bank, covariance={"offset_volts": np.square(per_shot)})
        result.tables.append((bank, table))
        results.append(result)
    return results


def _report_shot_noise(result: ProtocolResult, noise: Floats, electronic: Floats) -> None:
    """Note what the reference adds to the noise, and how far it stands above the electronics."""
    if not noise.size:
        return
    added = noise**2 - electronic**2
    scatter = np.sqrt(2.0 / SHOTS * (noise**4 + electronic**4))
    variance = float(added.mean())
    sigma = float(np.sqrt(np.square(scatter).sum()) / scatter.size)
    result.add("shot noise of the reference, variance", variance, sigma, "V^2")
    floor = float(np.mean(electronic**2))
    if variance > 3.0 * sigma and floor > 0.0:
        result.add(
            "shot noise above the electronics'", 10.0 * np.log10(variance / floor), unit="dB"
        )
