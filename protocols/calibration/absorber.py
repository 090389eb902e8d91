r"""Saturable absorber: optical depth and saturation field of every neuron, and which model fits.

The same levels of light are sent through twice: with the medium clear, which gives the ratio of
the taps without it (windows and losses would pass for optical depth otherwise), and on
resonance. Eq. 4 of arXiv:1912.12256 and the propagated two-level medium are both fitted,
``V_a = r V_z t(V_z / s; alpha)``, and the evidence decides. The voltage ``s`` at saturation makes
field 1 the saturation field. Where neither fits, both are refused and the measured curve, made
monotone, stands for itself.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from instruments.calibration.absorber import MODELS, AbsorberTable, Model
from instruments.calibration.weight_bank import WeightBankTable
from protocols.calibration.fitting import Acceptance, EachFit
from protocols.calibration.medium_readings import MediumReadings, take_medium_readings
from protocols.calibration.results import Curve, ProtocolResult
from protocols.calibration.session import CalibrationSession
from protocols.calibration.transmission import TRANSMISSIONS

Floats = npt.NDArray[np.float64]

NAME = "absorber"

_KNOTS = 25
_ACCEPTANCE = Acceptance(largest_misfit=0.005)
_LARGEST_DISAGREEMENT = 0.03
_DEEP = 0.05
"""Relative uncertainty of an optical depth beyond which only a bound is known."""

_SHALLOW = 0.5
"""Transmission of weak light above which a medium is not deep, however badly it is known."""

_FARTHEST = 10.0
"""Factor by which saturation can lie elsewhere than the data sheet has it."""


def calibrate_absorber(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the medium behind a stage and make field 1 its saturation field."""
    taps = session.section(stage).taps
    result = ProtocolResult(NAME, stage)
    if taps.z is None or taps.a is None or not session.light.can_bypass:
        result.notes.append(
            "it takes taps z and a and a bypass to measure the medium; nominal scales stay"
        )
        return [result]
    readings, fits = take_medium_readings(session, stage, taps.z, taps.a)
    usable = readings.usable
    chosen = chosen_model(fits, usable)
    others = [name for name in fits if name != chosen]
    found = fits[chosen]
    reason = _too_deep(result, readings, chosen, found)
    if reason:
        result.refuse(reason)
        return [result]
    share = float(
        np.median(readings.noise_behind[usable]) / np.abs(readings.behind[:, usable]).max()
    )
    reason = _misfit(found, share, usable)
    if not reason and np.median(found.reduced_chi_square[usable]) > _ACCEPTANCE.largest_chi_square:
        halves = [readings.fitted(chosen, "weak"), readings.fitted(chosen, "strong")]
        found, reason = _with_disagreement(found, halves, usable)
    for name, one in fits.items():
        chi = float(np.median(one.reduced_chi_square[usable]))
        result.add(f"reduced chi-square, {name}", chi)
    if reason:
        result.refuse(f"{chosen} fits best: {reason}")
        for name in others:
            result.refuse(f"{name}: worse")
        _store_empirical(session, result, stage, taps.z, readings, found)
        return [result]
    found = readings.with_wander(chosen, found)
    _store(session, result, stage, taps.z, taps.a, chosen, found, readings)
    return [result]


def _too_deep(
    result: ProtocolResult, readings: MediumReadings, model: Model, found: EachFit
) -> str:
    """Return why only a bound of the optical depth is known, if so; the result takes the bound."""
    usable = readings.usable
    depths, sigmas = found.parameters[usable, 0], found.sigmas[usable, 0]
    relative = float(np.median(sigmas / np.maximum(np.abs(depths), 1e-9)))
    strayed = np.median(np.abs(np.log(np.abs(found.parameters[:, 1] / readings.scale))[usable]))
    if readings.depth < 0.0 or (relative < _DEEP and strayed < np.log(_FARTHEST)):
        return ""
    weak = np.abs(readings.front) < np.median(np.abs(readings.front), axis=0)
    passed, clear = (
        np.linalg.norm((one * weak)[:, usable], axis=0)
        for one in (readings.behind, readings.clear_behind)
    )
    if np.median(passed / clear) > _SHALLOW:
        # Light enough comes through: whatever is wrong, it is not that too little did.
        return ""
    bound = min(_least_depth(readings, one, found.parameters[:, 2]) for one in TRANSMISSIONS)
    result.add("optical depth, at least", bound)
    return (
        f"too deep for this light: {model} would be known to {relative:.0%} only, the optical "
        f"depth is above {bound:.3g}"
    )


def _least_depth(readings: MediumReadings, model: Model, ratios: Floats) -> float:
    """Return the optical depth down to which more light would have come through than did.

    More by two standard deviations than was read, or than nothing at all, were field 1 what the
    data sheet says.
    """
    usable = readings.usable
    noise = np.hypot(readings.noise_behind, ratios * readings.noise_front)[usable]
    read = np.linalg.norm(readings.behind[:, usable] / noise, axis=0)
    bright = ratios[usable] * readings.front[:, usable] / noise
    fields = readings.front[:, usable] / readings.scale[usable]
    least = 0.0
    for bound in np.geomspace(0.1, 1e4, 200):
        passed = TRANSMISSIONS[model](fields, np.full(1, bound))
        if np.median(np.linalg.norm(bright * passed, axis=0) - read) < 2.0:
            break
        least = float(bound)
    return least


def _with_disagreement(
    found: EachFit, halves: list[EachFit], usable: npt.NDArray[np.bool_]
) -> tuple[EachFit, str]:
    """Enlarge uncertainties by how far weak and strong light disagree; refuse if that is far.

    A model that is wrong fits each range with numbers of its own.
    """
    apart = halves[1].parameters - halves[0].parameters
    covariance = found.covariance + apart[:, :, np.newaxis] * apart[:, np.newaxis, :]
    relative = float(np.median(np.abs(apart[usable, :2] / found.parameters[usable, :2])))
    enlarged = replace(found, covariance=covariance)
    if relative > _LARGEST_DISAGREEMENT:
        return enlarged, f"weak and strong light disagree by {relative:.0%} on depth and saturation"
    return enlarged, ""


def chosen_model(fits: dict[Model, EachFit], usable: npt.NDArray[np.bool_]) -> Model:
    """Return the model that leaves least; both have as many parameters."""
    left = {name: float(one.reduced_chi_square[usable].sum()) for name, one in fits.items()}
    return min(left, key=lambda name: left[name])


def _misfit(found: EachFit, share: float, usable: npt.NDArray[np.bool_]) -> str:
    """Return why a model is not believed, judged by the neuron in the middle."""
    places = np.flatnonzero(usable)
    order = places[np.argsort(found.reduced_chi_square[places])]
    return _ACCEPTANCE.reason_against(found.one(int(order[len(order) // 2])), share)


def _store(
    session: CalibrationSession,
    result: ProtocolResult,
    stage: str,
    z: str,
    a: str,
    chosen: Model,
    found: EachFit,
    readings: MediumReadings,
) -> None:
    usable, front, behind = readings.usable, readings.front, readings.behind
    depths, scales, ratios = found.parameters.T
    sigmas = found.sigmas
    # A mean over a random walk is off its end by a third of the variance gathered meanwhile.
    wander_z, wander_a = (
        session.wander(bank, scales.size, readings.seconds / 3.0) for bank in (z, a)
    )
    sigmas[:, 1] = np.hypot(sigmas[:, 1], scales * wander_z)
    sigmas[:, 2] = np.hypot(sigmas[:, 2], ratios * np.hypot(wander_z, wander_a))
    result.notes.append(f"model: {chosen}")
    result.add_spread("optical depth", depths[usable], sigmas[usable, 0])
    result.add_spread("reading at saturation", scales[usable], sigmas[usable, 1], "V")
    old_z, old_a = session.tables.taps[z], session.tables.taps[a]
    response_z, response_a = old_z.volts_per_field.copy(), old_a.volts_per_field.copy()
    sign = np.where(response_z[: scales.size] < 0.0, -1.0, 1.0)
    # A neuron that could not be fitted takes the average change of its neighbours' scale.
    change = np.where(usable, scales / np.maximum(np.abs(response_z[: scales.size]), 1e-300), 1.0)
    change = np.where(usable, change, np.mean(change[usable]))
    response_z[: scales.size] = sign * change * np.abs(response_z[: scales.size])
    response_a[: scales.size] = np.where(
        usable, ratios * response_z[: scales.size], response_a[: scales.size] * change
    )
    variance_z = np.zeros(response_z.size)
    variance_z[: scales.size] = np.square(sigmas[:, 1])
    variance_ratio = np.zeros(response_a.size)
    variance_ratio[: scales.size] = np.square(sigmas[:, 2])
    table_z = session.tap_table(
        z,
        volts_per_field=response_z,
        covariance={**old_z.covariance, "volts_per_field": variance_z},
    )
    table_a = session.tap_table(
        a,
        volts_per_field=response_a,
        covariance={**old_a.covariance, "ratio_to_z": variance_ratio},
    )
    result.tables += [(z, table_z), (a, table_a)]
    if session.forward_bank(stage) == z:
        result.tables.append((stage, _rescaled(session, stage, change)))
    fields = np.linspace(0.0, float(np.abs(front / scales)[:, usable].max()), _KNOTS)
    curves = TRANSMISSIONS[chosen](fields[np.newaxis, :], depths[:, np.newaxis])
    curves[~usable] = curves[usable].mean(axis=0)
    depth_variance = np.where(usable, np.square(sigmas[:, 0]), 0.0)
    result.tables.append(
        (
            stage,
            AbsorberTable(
                fields,
                curves,
                MODELS.index(chosen),
                np.where(usable, depths, depths[usable].mean()),
                provenance=session.provenance(stage),
                covariance={"optical_depth": depth_variance},
            ),
        )
    )
    shown = int(np.argmax(usable))
    order = np.argsort(front[:, shown])
    x = front[order, shown]
    fitted = (
        ratios[shown] * x * TRANSMISSIONS[chosen](x / scales[shown], np.full_like(x, depths[shown]))
    )
    result.curves.append(
        Curve(
            f"{stage}, neuron {shown}",
            x / scales[shown],
            behind[order, shown],
            fitted,
            "field in front (saturation fields)",
            "behind (V)",
        )
    )


def _rescaled(session: CalibrationSession, stage: str, change: Floats) -> WeightBankTable:
    """Return the stage's weights in saturation fields, now that taps read them."""
    old = session.tables.weight_banks[stage]
    rows = old.row_gains / change[: old.rows]
    alive = rows != 0.0
    scale = float(np.abs(rows[alive]).mean())
    covariance = dict(old.covariance)
    if "row_gains" in covariance:
        covariance["row_gains"] = covariance["row_gains"] / (change[: old.rows] * scale) ** 2
    return WeightBankTable(
        rows / scale,
        old.column_gains,
        old.full_scale * scale,
        old.period,
        old.phase_radians,
        old.region_of_block if old.phase_radians is not None else None,
        old.cross_talk,
        provenance=session.provenance(old.instrument),
        covariance=covariance,
    )


def _store_empirical(
    session: CalibrationSession,
    result: ProtocolResult,
    stage: str,
    z: str,
    readings: MediumReadings,
    found: EachFit,
) -> None:
    """Keep a monotone curve, the same for all neurons, against the field as known so far."""
    usable, front, behind = readings.usable, readings.front, readings.behind
    scale = np.abs(session.tables.taps[z].volts_per_field[: front.shape[1]])
    fields = np.abs(front / scale)[:, usable].ravel()
    passed = (behind / (found.parameters[:, 2] * front))[:, usable].ravel()
    order = np.argsort(fields)
    fields, passed = fields[order], passed[order]
    weights = np.maximum(fields, 1e-9) ** 2
    absorber = session.light.file.absorber
    rising = absorber is None or absorber.kind == "absorber"
    level = isotonic_regression(passed, weights=weights, increasing=rising).x
    knots = np.linspace(0.0, float(fields.max()), _KNOTS)
    curve = np.interp(knots, fields, np.asarray(level, np.float64))
    table = AbsorberTable(
        knots, curve, MODELS.index("empirical"), [0.0], provenance=session.provenance(stage)
    )
    result.notes.append("the measured curve is kept in place of a model")
    result.fallbacks.append((stage, table))
    result.curves.append(
        Curve(
            f"{stage}, all neurons",
            knots,
            curve,
            None,
            "field in front (saturation fields)",
            "field transmission",
        )
    )
