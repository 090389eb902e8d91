"""Liquid-crystal panel: the phase of every grey level, region by region, and the cross-talk.

Frames of random gratings are shown, every input is lit by itself, and every tap reads what one
block made of it. The curves are fitted to all of that at once (``panel_model``); amplitude and
phase of the first order are then compared with them, depth by depth.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instruments.calibration.weight_bank import WeightBankTable
from protocols.calibration.fitting import Acceptance, Fit
from protocols.calibration.panel_model import PanelModel, PanelReadings, fit_panel
from protocols.calibration.phase_walk import phase_walk
from protocols.calibration.registration import stage_level, store_rest
from protocols.calibration.results import Curve, ProtocolResult
from protocols.calibration.session import CalibrationSession
from protocols.calibration.settling import settling_seconds
from protocols.calibration.slit_centre import UNIT as SLIT_UNIT
from protocols.calibration.slit_centre import slit_centre, wavefront
from protocols.calibration.stage_drive import StageDrive, measuring_gain

Floats = npt.NDArray[np.float64]

NAME = "spatial light modulator"

_OFFSET_STEPS = 32
_DEPTHS = (0.25, 0.4, 0.6, 0.8, 1.0)
_MIDDLE = 1
"""Which of them gives about half the amplitude, where wrong curves show most."""

_READINGS = 10_000
_FEWEST_FRAMES, _MOST_FRAMES = 8, 48
_MORE_THAN_NOISE = 1.25
_LARGEST_AT_HALF = 0.01
_LOCAL = 3.0
"""A phase that is wrong at a few levels is so much larger than what it leaves of a reading."""

_LARGEST_WAVEFRONT = 0.3
"""Radians by which a mirror block may be out of phase: its weights are then 5 % short."""

_ACCEPTANCE = Acceptance(largest_misfit=0.01)


def calibrate_panel(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the panel of a stage."""
    result = ProtocolResult(NAME, stage)
    hardware = session.hardware(stage)
    levels = hardware.bank.levels
    if levels is None:
        result.notes.append("a panel without steps: there are no grey levels to measure")
        return [result]
    result.add("settling time", settling_seconds(session, stage), unit="s")
    readings = _take(session, stage, levels)
    found, model, doubt = fit_panel(readings, levels, hardware.period)
    noise = 1.0 / np.median(readings.weights[readings.weights > 0.0])
    gains = found.parameters[model.gains]
    reason = _ACCEPTANCE.reason_against(found, float(noise / np.median(np.abs(gains))))
    result.refuse(reason)
    misfit = 0.0
    if found.reduced_chi_square > _MORE_THAN_NOISE:
        # What is left is a wrong curve, the same in every reading: no average makes it smaller.
        share = float(noise / np.median(np.abs(gains)))
        misfit = _LOCAL * share * float(np.sqrt(found.reduced_chi_square - 1.0))
    session.phase_misfit[stage] = misfit
    _report(session, stage, result, readings, found, model, np.hypot(doubt, misfit))
    return [result]


def _take(session: CalibrationSession, stage: str, levels: int) -> PanelReadings:
    """Show random gratings and read every block."""
    light, generator = session.light, session.generator
    hardware = session.hardware(stage)
    bank = session.forward_bank(stage)
    light.open_arms("reference", "forward")
    drive = StageDrive(session, stage, stage_level(session, stage))
    hardware.set_field_gain(measuring_gain(session, stage, drive.level, 0.35))
    shape = hardware.geometry.shape
    wanted = -(-_READINGS // (shape[0] * shape[1]))
    frames = int(np.clip(wanted, _FEWEST_FRAMES, _MOST_FRAMES))
    depths, offsets = np.meshgrid(
        np.rint(np.array(_DEPTHS) * levels).astype(np.int64),
        np.arange(_OFFSET_STEPS) * levels // _OFFSET_STEPS,
        indexing="ij",
    )
    depth, offset = depths.ravel(), offsets.ravel()
    setting = generator.integers(0, depth.size, (frames, *shape))
    slope = session.radians_per_volt.get(bank)
    turned = np.zeros(frames)
    volts = []
    for frame in range(frames):
        if slope is not None:
            turned[frame] = _turn_for(session, bank, slope, frame)
        shown = setting[frame]
        light.show(stage, depth[shown].astype(np.uint16), offset[shown].astype(np.uint16))
        volts.append(drive.expose([bank])[bank])
    session.turn_to_rest()
    matrices = np.stack([drive.matrix(one) for one in volts])[:, : shape[0]]
    light.open_arms("reference", "forward", "backward")
    usable = session.banks[bank].usable[: shape[0]]
    noise = drive.noise(bank)[: shape[0]]
    size = np.sqrt(np.mean(matrices**2, axis=0))
    usual = np.median(size[usable])
    lit = np.median(size[usable], axis=0) > 0.02 * usual
    weights = np.where(usable[:, np.newaxis] & lit, 1.0 / noise[:, np.newaxis], 0.0)
    drive.close()
    return PanelReadings(
        setting, depth, offset, matrices, weights, turned, drive.quadrature, drive.input_turns
    )


def _turn_for(session: CalibrationSession, bank: str, slope: float, frame: int) -> float:
    """Turn the reference for a frame: at rest, and a third of a turn to either side of it."""
    rest = session.rest_volts.get(bank, 0.0)
    volts = session.within_reach(bank, rest + (frame % 3) * 2.0 * np.pi / 3.0 / slope)
    session.light.turn_references({bank: volts})
    return slope * (volts - rest)


def _report(
    session: CalibrationSession,
    stage: str,
    result: ProtocolResult,
    readings: PanelReadings,
    found: Fit,
    model: PanelModel,
    doubt: Floats,
) -> None:
    old = session.tables.weight_banks[stage]
    bank = session.forward_bank(stage)
    p = found.parameters
    phases = model.phases(p)
    regions, terms = model.regions, model.shape_terms
    block = found.covariance[model.curves, model.curves].reshape(regions, terms, regions, terms)
    own = np.stack([block[r, :, r] for r in range(regions)])
    variances = np.einsum("tl,rtu,ul->rl", model.basis, own, model.basis) + doubt**2
    share = float(np.clip(p[model.share][0], 0.0, 0.1))
    share_sigma = float(found.sigmas[model.share][0])
    flat = p[model.column_phases]
    session.column_phases[stage] = flat
    result.add("reduced chi-square", found.reduced_chi_square)
    result.add("regions", regions)
    result.add("stroke, mean of regions", float(phases[:, -1].mean()), unit="rad")
    result.add("largest one-sigma of the phase", float(np.sqrt(variances.max())), unit="rad")
    result.add("share of a neighbour", share, share_sigma)
    result.add("flatness over columns, rms", float(flat.std()), unit="rad")
    _note_slit(session, stage, result, readings, found, model)
    if found.outliers:
        bad = np.zeros(model.readings.setting.shape, np.bool_)
        bad[:, model.alive] = np.abs(found.residuals).reshape(len(bad), -1) > 6.0
        often = bad.mean(axis=0) > 0.5
        if often.any():
            places = "; ".join(str(place) for place in np.argwhere(often)[:6].tolist())
            result.notes.append(f"blocks that do not follow (dead pixels?): {places}")
    rows = np.where(session.banks[bank].usable[: old.rows], old.row_gains, old.row_gains.mean())
    table = WeightBankTable(
        rows,
        old.column_gains,
        old.full_scale,
        old.period,
        phases,
        model.region,
        share,
        provenance=session.provenance(old.instrument),
        covariance={
            "phase_radians": variances,
            "phase_parameters": own,
            "cross_talk": share_sigma**2,
        },
    )
    result.tables.append((stage, table))
    _align_to_rest(session, bank, found, model)
    store_rest(session, result)
    _report_depths(result, stage, found, model)
    grey = np.arange(model.levels, dtype=np.float64)
    for region in range(regions):
        result.curves.append(
            Curve(
                f"{stage}, region {region}: what is not straight",
                grey,
                phases[region] - 2.0 * np.pi * grey / model.levels,
                None,
                "grey level",
                "phase beyond a straight wave (rad)",
            )
        )
    residuals = np.zeros(readings.setting.shape)
    residuals[:, model.alive] = found.residuals.reshape(len(readings.setting), -1)
    # On a panel of few blocks some gratings may never have been drawn.
    shown = np.unique(readings.setting)
    result.curves.append(
        Curve(
            f"{stage}, residuals by setting",
            shown.astype(np.float64),
            np.array([residuals[readings.setting == s].mean() for s in shown]),
            np.zeros(shown.size),
            "grating",
            "mean residual (standard deviations)",
        )
    )


def _note_slit(
    session: CalibrationSession,
    stage: str,
    result: ProtocolResult,
    readings: PanelReadings,
    found: Fit,
    model: PanelModel,
) -> None:
    """Note where the slit is: a slope over the columns' phases that their inputs do not have."""
    lag = found.parameters[model.column_phases]
    if readings.input_turns is not None:
        lag = lag + readings.input_turns
    covariance = found.covariance[model.column_phases, model.column_phases]
    lit = np.asarray(model.alive.any(axis=0), np.bool_)
    centre = slit_centre(lag, covariance, lit)
    if centre is not None:
        session.slit_centres[stage] = centre
        result.add("slit centre", centre.decentring, centre.sigma, SLIT_UNIT)
        mirrors = session.section(stage).inputs
        if mirrors in session.light.file.mirrors:
            _report_wavefront(result, f"{mirrors}", *wavefront(lag, covariance, lit, centre))


def _report_wavefront(result: ProtocolResult, mirrors: str, ahead: Floats, sigmas: Floats) -> None:
    """Add the phases of mirror blocks ``[n]``; the weights of a block shrink by their cosine."""
    spread = float(np.std(ahead))
    sigma = float(np.sqrt(np.mean(np.square(ahead * sigmas)) / ahead.size) / max(spread, 1e-12))
    result.add(f"{mirrors}, wavefront over blocks, rms", spread, sigma, "rad")
    if np.abs(ahead).max() > _LARGEST_WAVEFRONT:
        block = int(np.argmax(np.abs(ahead)))
        result.notes.append(
            f"{mirrors}: the light of block {block} is {ahead[block]:+.2f} rad beside the others; "
            "correct the wavefront of the device"
        )
    result.curves.append(
        Curve(
            f"{mirrors}, wavefront",
            np.arange(ahead.size, dtype=np.float64),
            ahead,
            None,
            "block",
            "phase beside the mean (rad)",
        )
    )


def _report_depths(result: ProtocolResult, stage: str, found: Fit, model: PanelModel) -> None:
    """Compare amplitude and phase of the first order, depth by depth, with the fitted curves.

    The factor that fits the readings of one depth best to what the curves make of them is 1 in
    amplitude and 0 in phase, if the curves are right. Half the amplitude is the place to look:
    a stroke that is 5 % off changes it by 5 %, a bright block by 0.4 %.
    """
    readings, p = model.readings, found.parameters
    seen, quadrature = model.predicted(p), model.in_quadrature(p)
    own, _ = model.coefficients(p)
    depths = readings.depth.reshape(len(_DEPTHS), -1)
    factors, sigmas = [], []
    for place in range(len(_DEPTHS)):
        chosen = (readings.setting // depths.shape[1] == place) & model.alive
        weights = np.broadcast_to(readings.weights, chosen.shape)[chosen]
        # A light turned by a small angle reads as it was, less its quadrature times the angle.
        columns = np.stack([seen[chosen], quadrature[chosen]], axis=1) * weights[:, np.newaxis]
        target = readings.matrices[chosen] * weights
        normal = columns.T @ columns
        in_phase, turned = np.linalg.solve(normal, columns.T @ target)
        factors.append(complex(in_phase, turned))
        spread = max(1.0, found.reduced_chi_square)
        sigmas.append(np.sqrt(np.diag(np.linalg.inv(normal)) * spread))
    factor, sigma = np.array(factors), np.array(sigmas)
    by_depth = own.reshape(model.regions, len(_DEPTHS), -1)
    fitted = np.abs(by_depth).mean(axis=(0, 2))
    phases = np.angle((by_depth * by_depth[:, -1:].conj()).mean(axis=(0, 2)))
    amplitude, doubt = float(np.abs(factor[_MIDDLE])), float(sigma[_MIDDLE, 0])
    result.add("amplitude at half scale, beside the fit", amplitude, doubt)
    result.add("phase at half scale, beside the fit", np.angle(factor[_MIDDLE]), doubt, "rad")
    off = abs(factor[_MIDDLE] - 1.0)
    if off > max(_LARGEST_AT_HALF, 4.0 * doubt):
        result.refuse(f"a grating of about half the amplitude is off the fit by {off:.1%}")
    waves = depths[:, 0] / model.levels
    for title, measured, curve, label in (
        ("amplitude", np.abs(factor) * fitted, fitted, "amplitude of the first order"),
        (
            "phase",
            phases + np.angle(factor) - np.angle(factor[-1]),
            phases,
            "phase beside a whole wave (rad)",
        ),
    ):
        result.curves.append(
            Curve(
                f"{stage}, {title} of the first order",
                waves,
                measured,
                curve,
                "grating depth (waves by the data sheet)",
                label,
            )
        )


def _align_to_rest(session: CalibrationSession, bank: str, found: Fit, model: PanelModel) -> None:
    """Move the actuator to where the bank is in phase with the curves; note how it wanders."""
    p = found.parameters
    turned = model.readings.turned
    wandered = np.angle(np.exp(1j * (p[model.frame_phases] - turned)))
    slope = session.radians_per_volt.get(bank)
    if wandered.size > 3:
        excess, variance = phase_walk(wandered, turned, found.sigmas[model.frame_phases])
        session.phase_wander[bank] = variance / _frame_seconds(session, bank, model)
        if slope is not None:
            # Frames tell better than the sweep how far a volt turns the reference.
            slope = session.radians_per_volt[bank] = slope * (1.0 + excess)
            wandered = wandered - excess * turned
    phases = np.angle(np.exp(1j * p[model.row_phases]))
    own = float(np.angle(np.exp(1j * phases[model.alive.any(axis=1)]).mean()))
    session.tap_phases[bank] = np.angle(np.exp(1j * (phases - own)))
    own += float(np.angle(np.exp(1j * wandered).mean()))
    if slope is None:
        session.tap_phases[bank] = phases
        return
    rest = session.rest_volts.get(bank, 0.0)
    session.rest_volts[bank] = session.within_reach(bank, rest - own / slope)
    session.turn_to_rest()


def _frame_seconds(session: CalibrationSession, bank: str, model: PanelModel) -> float:
    """Return about how long a frame took: half a refresh, the settling, and its shots."""
    panel = session.hardware(session.stage_of(bank)).panel
    shots = 2 * model.columns * session.light.file.exposure.shot_period
    seconds: float = 0.5 * panel.refresh_seconds + panel.settling_seconds + shots
    return seconds
