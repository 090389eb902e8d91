"""What a probe sees of the medium, against what the pump sees itself, level by level.

In a local medium without gratings they are the same, as far as beams overlap (``beam_overlap``).
A probe that comes through the medium of the stage behind meets that resonant as well: what is left
of it, the backward taps there tell.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from protocols.calibration.absorber import NAME
from protocols.calibration.beam_overlap import fit_overlap, report_overlap, transmission_and_slope
from protocols.calibration.injection import Injection
from protocols.calibration.results import Curve, ProtocolResult
from protocols.calibration.session import CalibrationSession
from protocols.calibration.taps import common_levels, highest_field

Floats = npt.NDArray[np.float64]

_LEVELS = 6
_REPEATS = 24
_REPEATS_THROUGH = 96
"""Where another medium has taken most of the probe."""

_TOLD = 0.01
"""Uncertainty of the transmission at a level up to which levels are compared one by one."""


def compare_probe(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Compare the two at some levels of the pump."""
    taps = session.section(stage).taps
    injection = _injection_to(session, stage)
    if taps.z is None or taps.a is None or taps.delta is None or injection is None:
        return []
    result = ProtocolResult(NAME, f"{stage}, probe")
    if not session.light.can_bypass:
        result.notes.append("the absorber cannot be bypassed")
        return [result]
    through = medium_behind(session, stage)
    arrival = None if through is None else session.section(through).taps.delta
    if through is not None and arrival is None:
        result.notes.append(
            f"the probe comes through the medium of stage '{through}', and no taps delta there "
            "tell what is left of it: not compared"
        )
        return [result]
    light, banks = session.light, [taps.z, taps.a, taps.delta]
    asked = banks if arrival is None else [*banks, arrival]
    highest = 0.8 * min(highest_field(session, taps.z), highest_field(session, taps.a))
    shown = injection.show_bright(except_for=stage, brighter=through is not None)
    repeats = _REPEATS if through is None else _REPEATS_THROUGH
    inputs, drive, _ = common_levels(session, stage, highest, _LEVELS, resonant=True)
    count = len(inputs)
    probes = injection.both_signs(count)
    drives = drive.volts(np.tile(inputs, (2, 1))) | probes
    light.open_arms("reference", "forward", "backward")
    seen = {}
    for transparent in (True, False):
        light.bypass(transparent)
        total = {bank: np.zeros((2 * count, session.tables.taps[bank].channels)) for bank in asked}
        for _ in range(repeats):
            for bank, volts in light.take(drives, asked).items():
                total[bank] += volts / repeats
        seen[transparent] = total
    drive.close()
    injection.close()
    clear, absorbed = seen[True], seen[False]
    outputs = session.hardware(stage).outputs
    alive = np.logical_and.reduce([session.banks[bank].usable[:outputs] for bank in banks])
    usable = np.flatnonzero(alive)
    front, behind, back = banks

    def probe(one: dict[str, Floats]) -> Floats:
        volts = one[back][:, usable]
        difference: Floats = volts[:count] - volts[count:]
        return difference

    def pump_at(one: dict[str, Floats], bank: str) -> Floats:
        volts = 0.5 * (one[bank][:count, usable] + one[bank][count:, usable])
        return np.asarray(volts - session.banks[bank].offset_volts[usable], np.float64)

    def pump(one: dict[str, Floats]) -> Floats:
        ratio: Floats = pump_at(one, behind) / pump_at(one, front)
        return ratio

    of_pump = pump(absorbed) / pump(clear)
    left, left_sigma = np.ones_like(of_pump), np.zeros_like(of_pump)
    if through is not None and arrival is not None:
        onto = shown[through][:, usable]
        left, left_sigma = _left_of_probe(session, arrival, onto, absorbed, clear, repeats)
    of_probe = probe(absorbed) / probe(clear) / left
    noise = session.banks[back].noise_volts[usable] / np.sqrt(0.5 * repeats)
    sigma = np.hypot(noise / np.abs(probe(clear)), of_pump * left_sigma) / np.abs(left)
    weights = 1.0 / sigma**2
    difference = float(((of_probe - of_pump) * weights).sum() / weights.sum())
    result.add("probe minus pump transmission", difference, float(1.0 / np.sqrt(weights.sum())))
    # Where the medium behind leaves next to nothing of the probe, a level tells nothing.
    told = 1.0 / np.sqrt(weights.sum(axis=1)) < _TOLD
    apart = _by_level(of_probe - of_pump, weights)[told]
    result.add("largest difference at a level", float(apart.max(initial=0.0)))
    table = session.tables.absorbers.get(stage)
    if table is not None and usable.size:
        fields = np.zeros((count, outputs))
        volts_per_field = session.tables.taps[front].volts_per_field[usable]
        fields[:, usable] = pump_at(absorbed, front) / volts_per_field
        slopes = transmission_and_slope(table, fields)[1]
        dark, dark_slopes = transmission_and_slope(table, np.zeros((1, outputs)))
        # The pump's own transmission is as noisy as four readings of it.
        noises = [
            session.banks[bank].noise_volts[usable] / np.sqrt(2.0 * repeats) / np.abs(volts)
            for bank in (front, behind)
            for volts in (pump_at(absorbed, bank), pump_at(clear, bank))
        ]
        of_ratio = np.abs(of_pump) * np.sqrt(sum(np.square(one) for one in noises))
        found = fit_overlap(
            of_probe,
            of_pump,
            slopes[:, usable],
            dark[0, usable],
            dark_slopes[0, usable],
            np.hypot(sigma, of_ratio),
        )
        seconds = 2 * count * repeats * light.file.exposure.shot_period
        wander = [session.wander(bank, outputs, seconds, with_misfit=False) for bank in banks]
        common = np.sqrt(np.sum(np.square(wander), axis=0))[usable]
        report_overlap(result, found, usable, float(np.median(common)))
    x = np.abs(inputs[:, 0]) / np.abs(inputs[:, 0]).max() * highest
    result.curves.append(
        Curve(
            f"{stage}, probe and pump (line)",
            x,
            (of_probe * weights).sum(axis=1) / weights.sum(axis=1),
            (of_pump * weights).sum(axis=1) / weights.sum(axis=1),
            "field in front (saturation fields)",
            "field transmission",
        )
    )
    return [result]


def _by_level(values: Floats, weights: Floats) -> Floats:
    means = (values * weights).sum(axis=1) / weights.sum(axis=1)
    return np.asarray(np.abs(means), np.float64)


def medium_behind(session: CalibrationSession, stage: str) -> str | None:
    """Return the stage behind if the probe of a stage comes through its medium."""
    names = list(session.light.stages)
    place = names.index(stage) + 1
    if session.section(stage).injector is not None or place == len(names):
        return None
    return names[place] if session.section(names[place]).absorber else None


def _left_of_probe(
    session: CalibrationSession,
    bank: str,
    onto: Floats,
    absorbed: dict[str, Floats],
    clear: dict[str, Floats],
    repeats: int,
) -> tuple[Floats, Floats]:
    """Return what the medium behind leaves of probes, and its uncertainty, ``[count, n]``.

    ``bank`` reads what comes out of that medium, of which the weights ``onto``, ``[m, n]``, make
    the probes.
    """
    rows, count = len(onto), len(clear[bank]) // 2
    response = session.tables.taps[bank].volts_per_field[:rows]
    alive = session.banks[bank].usable[:rows] & (response != 0.0)
    weights = onto[alive] / response[alive, np.newaxis]

    def arriving(one: dict[str, Floats]) -> Floats:
        volts = one[bank][:, :rows][:, alive]
        fields: Floats = (volts[:count] - volts[count:]) @ weights
        return fields

    noise = session.banks[bank].noise_volts[:rows][alive] / np.sqrt(0.5 * repeats)
    whole = arriving(clear)
    sigma = np.sqrt(np.square(noise) @ np.square(weights)) / np.abs(whole)
    return arriving(absorbed) / whole, sigma


def _injection_to(session: CalibrationSession, stage: str) -> Injection | None:
    """Return the injection whose light reaches a stage's medium from behind."""
    names = list(session.light.stages)
    for name in names[names.index(stage) :]:
        injector = session.section(name).injector
        if injector is not None:
            return Injection(session, name, injector)
    return None
