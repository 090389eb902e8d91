"""Registration: whether every tap sees its own row of blocks, and in which phase its reference is.

Random blocks are lit. A tap whose readings follow another row's pattern, or inputs that light
another column's blocks, give the raster's shift or the exchanged fibres away. Where the bench has
an actuator for the reference phases, it is swept with all blocks lit: that gives the phase of
every tap and what a volt turns, and the actuator is left where the bank is in phase.

Where mirrors light the inputs, the same patterns tell where their image falls on the panel's
columns (``mirror_map``). Where cameras see neurons ``camera_registration`` finds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from instruments.calibration.reference_phase import ReferencePhaseTable
from protocols.calibration.fitting import Acceptance, Fit, fit
from protocols.calibration.mirror_map import find_mirror_map, report_mirror_map
from protocols.calibration.results import Curve, ProtocolResult, listed_channels
from protocols.calibration.session import CalibrationSession
from protocols.calibration.stage_drive import (
    StageDrive,
    lower_gain_at_rest,
    measuring_gain,
)

Floats = npt.NDArray[np.float64]

NAME = "registration"

LEVEL = 1.0
WEAK_LEVEL = 0.3
"""Field of lit inputs behind amplifiers that saturate."""

_STEPS = 9
_CODES = 3
_LEAST_SIGNS = 24
"""Signs by which rows, and columns, are told apart: few of them may be alike by chance."""

_ACCEPTANCE = Acceptance(largest_misfit=0.03)


def stage_level(session: CalibrationSession, stage: str) -> float:
    """Return the field at which the inputs of a stage are lit."""
    return LEVEL if session.section(stage).inputs is not None else WEAK_LEVEL


def calibrate_registration(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Find taps, columns and reference phases of a stage's forward ports."""
    light, section = session.light, session.section(stage)
    taps = section.taps
    level = stage_level(session, stage)
    light.open_arms("reference", "forward")
    banks = [bank for bank in (taps.z, taps.a) if bank is not None]
    hardware = session.hardware(stage)
    drive = StageDrive(session, stage, level)
    if taps.a is not None:
        light.bypass(True)
    hardware.set_field_gain(measuring_gain(session, stage, drive.level, 0.3, banks))
    result = ProtocolResult(NAME, stage)
    bright = np.float32(0.95 * hardware.bank.full_scale * hardware.field_gain)

    def matrices(weights: npt.NDArray[np.float32]) -> dict[str, Floats]:
        shown = hardware.encode(weights)
        light.show(stage, shown.depth, shown.offset)
        read = drive.expose(banks)
        return {bank: drive.matrix(read[bank]) for bank in banks}

    everything = np.full((hardware.outputs, hardware.inputs), bright, np.float32)
    shown = hardware.encode(everything)
    light.show(stage, shown.depth, shown.offset)
    lower_gain_at_rest(session, stage, banks)
    # What the panel shows stays, whatever the gain: so do the numbers it is asked for.
    bright = np.float32(0.95 * hardware.bank.full_scale * hardware.field_gain)
    everything[:] = bright
    sweeps = reference_sweeps(
        session,
        banks,
        lambda: matrices(everything),
        lambda bank: drive.noise(bank) * np.sqrt(drive.inputs),
    )
    align(session, result, sweeps)
    count = max(_CODES, -(-_LEAST_SIGNS // min(everything.shape)))
    drawn = session.generator.choice([-1.0, 1.0], (count, *everything.shape))
    codes = np.asarray(drawn, np.float64)
    seen = [matrices((bright * code).astype(np.float32)) for code in codes]
    # Light that falls on other columns hides which rows taps see.
    if _find_mirrors(session, stage, result, codes, seen, drive):
        for bank in banks:
            _check_places(session, result, bank, codes, np.stack([one[bank] for one in seen]))
    drive.close()
    light.open_arms("reference", "forward", "backward")
    return [result]


def _find_mirrors(
    session: CalibrationSession,
    stage: str,
    result: ProtocolResult,
    codes: Floats,
    seen: list[dict[str, Floats]],
    drive: StageDrive,
) -> bool:
    """Note where mirrors at the inputs are imaged to; return whether that is near enough."""
    name = session.section(stage).inputs
    section = session.light.file.mirrors.get(name or "")
    if name is None or section is None:
        return True
    bank, rows = session.forward_bank(stage), codes.shape[1]
    found = find_mirror_map(
        codes,
        np.stack([one[bank] for one in seen])[:, :rows],
        drive.noise(bank)[:rows],
        session.banks[bank].usable[:rows],
    )
    if found is None:
        result.notes.append(f"{name}: too few blocks are lit to tell where their image falls")
        return True
    near = report_mirror_map(result, name, found, section.blocks.width)
    if near:
        session.mirror_maps[stage] = found
    return near


def reference_sweeps(
    session: CalibrationSession,
    banks: list[str],
    matrices: Callable[[], dict[str, Floats]],
    noise: Callable[[str], Floats],
) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Sweep the actuators; return volts ``[k]``, signals ``[k, n]`` and noise ``[n]`` by bank."""
    actuator = session.light.reference_phase
    served = [bank for bank in banks if session.light.can_turn(bank)]
    if actuator is None or not served:
        return {}
    limit = actuator.limits()["volts"]
    steps = np.linspace(limit.low, limit.high, _STEPS)
    signals: dict[str, list[Floats]] = {bank: [] for bank in served}
    for volts in steps:
        session.light.turn_references(dict.fromkeys(served, float(volts)))
        for bank, matrix in matrices().items():
            if bank in signals:
                signals[bank].append(matrix.sum(axis=1))
    return {
        bank: (
            steps,
            np.stack(signals[bank]),
            noise(bank),
        )
        for bank in served
    }


def align(
    session: CalibrationSession,
    result: ProtocolResult,
    sweeps: dict[str, tuple[Floats, Floats, Floats]],
) -> None:
    """Fit the sweeps and leave every actuator where its bank is in phase."""
    if not sweeps:
        result.notes.append("no actuator of the reference phases: they stay as they are aligned")
        return
    for bank, (volts, signals, noise) in sweeps.items():
        usable = session.banks[bank].usable[: signals.shape[1]]
        found = _fit_phases(volts, signals[:, usable], noise[usable])
        slope, phases = float(found.parameters[0]), _phases(found)
        amplitudes = _amplitudes(found)
        reason = _ACCEPTANCE.reason_against(
            found, float(np.median(noise[usable]) / np.median(amplitudes))
        )
        if reason:
            result.refuse(f"{bank}, reference phase: {reason}")
            session.rest_volts[bank] = 0.0
            continue
        mean = float(np.angle((amplitudes * np.exp(1j * phases)).sum()))
        session.radians_per_volt[bank] = slope
        session.rest_volts[bank] = session.within_reach(bank, mean / slope)
        result.add(f"{bank}, turn of a volt", slope, float(found.sigmas[0]), "rad/V")
        result.add(f"{bank}, phase at 0 V", mean, unit="rad")
        spread = np.angle(np.exp(1j * (phases - mean)))
        result.add(f"{bank}, spread of phases", float(spread.std()), unit="rad")
        result.curves.append(
            Curve(
                f"{bank}, sum over taps",
                volts,
                (signals[:, usable] * np.sign(np.cos(spread))).sum(axis=1),
                (_model(found.parameters, volts) * np.sign(np.cos(spread))).sum(axis=1),
                "actuator of the reference phase (V)",
                "signal (V a unit of field)",
            )
        )
    store_rest(session, result)
    session.turn_to_rest()


def phases_of_taps(
    session: CalibrationSession,
    bank: str,
    sweep: tuple[Floats, Floats, Floats],
    light_radians: Floats,
    *,
    align: bool,
) -> tuple[Floats, Floats]:
    """Return the phases ``[n]`` of references against the network's real axis, and their errors.

    ``light_radians``, ``[n]``, is the phase of the light itself, which gratings are rarely free of.
    With ``align`` the actuator's rest position is moved so that their mean is 0.
    """
    volts, signals, noise = sweep
    usable = session.banks[bank].usable[: signals.shape[1]]
    found = _fit_phases(volts, signals[:, usable], noise[usable])
    slope = float(found.parameters[0])
    raw, amplitudes = _phases(found), _amplitudes(found)
    if align:
        behind = raw - light_radians[usable]
        mean = float(np.angle((amplitudes * np.exp(1j * behind)).sum()))
        session.radians_per_volt[bank] = slope
        session.rest_volts[bank] = session.within_reach(bank, mean / slope)
    rest = slope * session.rest_volts.get(bank, 0.0)
    phases, sigmas = np.zeros(signals.shape[1]), np.zeros(signals.shape[1])
    phases[usable] = np.angle(np.exp(1j * (light_radians[usable] + rest - raw)))
    sigmas[usable] = noise[usable] / (np.maximum(amplitudes, 1e-300) * np.sqrt(0.5 * volts.size))
    return phases, sigmas


def store_rest(session: CalibrationSession, result: ProtocolResult) -> None:
    """Add the table of the actuators to a result."""
    name = session.light.file.reference_phase
    actuator = session.light.reference_phase
    if name is None or actuator is None:
        return
    known = list(session.radians_per_volt.values())
    usual = float(np.median(known)) if known else 1.0
    rest, slopes = np.zeros(actuator.channels), np.full(actuator.channels, usual)
    for channel, bank in enumerate(session.light.banks()[: actuator.channels]):
        rest[channel] = session.rest_volts.get(bank, 0.0)
        slopes[channel] = session.radians_per_volt.get(bank, usual)
    table = ReferencePhaseTable(rest, slopes, provenance=session.provenance(name))
    result.tables.append((name, table))


def _fit_phases(volts: Floats, signals: Floats, noise: Floats) -> Fit:
    """Fit ``cos`` curves of one slope: ``in_phase cos(k V) + quadrature sin(k V)`` a tap.

    Only the slope is searched for; what is linear follows from it (G. H. Golub and V. Pereyra,
    SIAM J. Numer. Anal. 10, 413 (1973)).
    """
    span = float(np.ptp(volts)) or 1.0

    def linear(slope: float) -> tuple[Floats, Floats]:
        columns = np.stack([np.cos(slope * volts), np.sin(slope * volts)], axis=1)
        found = np.linalg.lstsq(columns, signals, rcond=None)[0]
        left = (columns @ found - signals) / noise
        return np.asarray(found, np.float64), np.asarray(left.ravel(), np.float64)

    # From half a turn over the range to three.
    slopes = np.linspace(0.5, 3.0, 101) * 2.0 * np.pi / span
    slope = float(slopes[int(np.argmin([np.square(linear(one)[1]).sum() for one in slopes]))])
    found = fit(lambda p: linear(float(p[0]))[1], [slope])
    in_phase_and_quadrature = linear(float(found.parameters[0]))[0].ravel()
    return replace(found, parameters=np.concatenate([found.parameters, in_phase_and_quadrature]))


def _model(p: Floats, volts: Floats) -> Floats:
    count = (p.size - 1) // 2
    angle = p[0] * volts[:, np.newaxis]
    model: Floats = p[1 : count + 1] * np.cos(angle) + p[count + 1 :] * np.sin(angle)
    return model


def _phases(found: Fit) -> Floats:
    count = (found.parameters.size - 1) // 2
    phases: Floats = np.arctan2(found.parameters[count + 1 :], found.parameters[1 : count + 1])
    return phases


def _amplitudes(found: Fit) -> Floats:
    count = (found.parameters.size - 1) // 2
    return np.hypot(found.parameters[1 : count + 1], found.parameters[count + 1 :])


def _check_places(
    session: CalibrationSession,
    result: ProtocolResult,
    bank: str,
    codes: Floats,
    seen: Floats,
) -> None:
    """Compare what taps see ``[codes, taps, n]`` with what each row of blocks shows."""
    rows = codes.shape[1]
    usable = session.banks[bank].usable[:rows]
    signals = seen[:, :rows]
    lit = np.abs(signals).max(axis=(0, 1)) > 0.02 * np.median(np.abs(signals))
    shown = codes[:, :, lit].transpose(1, 0, 2).reshape(rows, -1)
    read = signals[:, :, lit].transpose(1, 0, 2).reshape(rows, -1)
    norms = np.linalg.norm(read, axis=1, keepdims=True)
    match = np.abs(shown @ (read / np.maximum(norms, 1e-300)).T) / np.sqrt(shown.shape[1])
    best = match.argmax(axis=0)
    wrong = usable & (best != np.arange(rows)) & (match.max(axis=0) > 0.5)
    unclear = usable & (match.max(axis=0) <= 0.5)
    if wrong.any():
        seen_rows = ", ".join(
            f"tap {tap} sees row {best[tap]}" for tap in np.flatnonzero(wrong)[:6]
        )
        result.refuse(
            f"{bank}: {seen_rows}; move the raster (blocks.origin_row) or exchange the channels"
        )
    if unclear.any():
        result.notes.append(
            f"{bank}: sees no row's pattern: channel {listed_channels(unclear)}; taken as dead"
        )
        session.banks[bank].usable[:rows] &= ~unclear
    columns = _misplaced_columns(codes, signals, usable & ~unclear, lit)
    if columns.any():
        result.refuse(
            f"{bank}: inputs light other columns than their own: input {listed_channels(columns)}; "
            "move the raster (blocks.origin_column) or exchange the channels"
        )
    result.add(f"{bank}, rows found", float((usable & ~wrong & ~unclear).sum()))


def _misplaced_columns(
    codes: Floats, signals: Floats, usable: npt.NDArray[np.bool_], lit: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    shown = codes[:, usable].reshape(-1, codes.shape[2])
    read = signals[:, usable].reshape(-1, codes.shape[2])
    norms = np.linalg.norm(read, axis=0)
    match = np.abs(shown.T @ (read / np.maximum(norms, 1e-300))) / np.sqrt(shown.shape[0])
    best = match.argmax(axis=0)
    wrong = lit & (best != np.arange(codes.shape[2])) & (match.max(axis=0) > 0.5)
    return np.asarray(wrong, np.bool_)
