"""Detectors: dark level, noise, what the reference adds; which channels are dead or stuck."""

from __future__ import annotations

import numpy as np

from protocols.calibration.results import ProtocolResult, listed_channels
from protocols.calibration.session import BankState, CalibrationSession

NAME = "detectors"

SHOTS = 512


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
        without, readings = dark[bank].astype(np.float64), lit[bank].astype(np.float64)
        offset = readings.mean(axis=0)
        noise = readings.std(axis=0, ddof=1)
        electronic = without.std(axis=0, ddof=1)
        stuck = np.abs(readings).min(axis=0) >= session.range_volts(bank)
        # Where every other channel is noisy, one that is not is not alive.
        silent = (noise == 0.0) & (np.median(noise) > 0.0) & ~stuck
        usable = ~(stuck | silent)
        typical = float(np.median(noise[usable])) if usable.any() else 0.0
        floor = max(typical, 1e-6 * session.range_volts(bank))
        session.banks[bank] = BankState(offset, np.where(noise > 0.0, noise, floor), usable)
        per_shot = noise / np.sqrt(SHOTS)
        result.add_spread("level without light", offset[usable], per_shot[usable], "V")
        result.add("noise of a shot", typical, typical / np.sqrt(2.0 * SHOTS * usable.sum()), "V")
        result.add("noise without reference", float(np.median(electronic[usable])), unit="V")
        step = offset - without.mean(axis=0)
        scatter = np.sqrt(noise**2 + electronic**2) / np.sqrt(SHOTS)
        result.add_spread("level added by the reference", step[usable], scatter[usable], "V")
        result.add("saturation", session.range_volts(bank), unit="V")
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
