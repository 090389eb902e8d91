r"""Saturable absorber: optical depth and saturation field of every neuron, and which model fits.

The same levels of light are sent through twice: with the medium clear, which gives the ratio of
the taps without it (windows and losses would pass for optical depth otherwise), and on
resonance. Eq. 4 of arXiv:1912.12256 and the propagated two-level medium are both fitted,
``V_a = r V_z t(V_z / s; alpha)``, and the evidence decides. The voltage ``s`` at saturation makes
field 1 the saturation field. Where neither fits, both are refused and the measured curve, made
monotone, stands for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from scipy.special import wrightomega

from instruments.calibration.absorber import MODELS, AbsorberTable, Model
from instruments.calibration.weight_bank import WeightBankTable
from protocols.calibration.fitting import Acceptance, EachFit, fit_each
from protocols.calibration.injection import Injection
from protocols.calibration.results import Curve, ProtocolResult
from protocols.calibration.session import CalibrationSession
from protocols.calibration.taps import common_levels, highest_field, unsaturated

Floats = npt.NDArray[np.float64]
Transmission = Callable[[Floats, Floats], Floats]

NAME = "absorber"

_LEVELS = 32
_PROBE_LEVELS = 6
_REPEATS = 24
_KNOTS = 25
_ACCEPTANCE = Acceptance(largest_misfit=0.005)
_STEP = 1e-5
_LARGEST_DISAGREEMENT = 0.03
_DEEP = 0.1
"""Relative uncertainty of an optical depth beyond which only a bound is known."""


def transmission_eq4(field: Floats, depth: Floats) -> Floats:
    """Return ``exp(-(alpha/2) / (1 + E^2))``, broadcast."""
    passed: Floats = np.exp(-0.5 * depth / (1.0 + field**2))
    return passed


def transmission_propagated(field: Floats, depth: Floats) -> Floats:
    """Return ``sqrt(I_out / I)`` with ``I_out = omega(ln I + I - alpha)``, broadcast."""
    power = np.maximum(field**2, 1e-12)
    behind = np.asarray(wrightomega(np.log(power) + power - depth), np.float64)
    passed: Floats = np.sqrt(np.maximum(behind, 1e-300) / power)
    return passed


_MODELS: dict[Model, Transmission] = {
    "eq4": transmission_eq4,
    "propagated": transmission_propagated,
}


def calibrate_absorber(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the medium behind a stage and make field 1 its saturation field."""
    taps = session.section(stage).taps
    result = ProtocolResult(NAME, stage)
    if taps.z is None or taps.a is None or not session.light.can_bypass:
        result.notes.append(
            "it takes taps z and a and a bypass to measure the medium; nominal scales stay"
        )
        return [result]
    front, behind, clear_front, clear_behind = _take(session, stage, taps.z, taps.a)
    outputs = session.hardware(stage).outputs
    usable = session.banks[taps.z].usable[:outputs] & session.banks[taps.a].usable[:outputs]
    fits = fit_models(
        session, stage, taps.z, taps.a, front, behind, clear_front, clear_behind, usable
    )
    chosen = _chosen(fits, usable)
    others = [name for name in fits if name != chosen]
    found = fits[chosen]
    share = _noise_share(session, taps.a, behind, usable)
    reason = _misfit(found, share, usable)
    if not reason and np.median(found.reduced_chi_square[usable]) > _ACCEPTANCE.largest_chi_square:
        halves = [
            fit_models(
                session,
                stage,
                taps.z,
                taps.a,
                front,
                behind,
                clear_front,
                clear_behind,
                usable,
                part,
            )[chosen]
            for part in ("weak", "strong")
        ]
        found, reason = _with_disagreement(found, halves, usable)
    for name, one in fits.items():
        chi = float(np.median(one.reduced_chi_square[usable]))
        result.add(f"reduced chi-square, {name}", chi)
    if reason:
        result.refuse(f"{chosen} fits best: {reason}")
        for name in others:
            result.refuse(f"{name}: worse")
        _store_empirical(session, result, stage, taps.z, front, behind, found, usable)
        return [result]
    _store(session, result, stage, taps.z, taps.a, chosen, found, usable, front, behind)
    return [result]


def _take(
    session: CalibrationSession, stage: str, z: str, a: str
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return volts ``[levels, n]`` in front and behind, on resonance and with the medium clear."""
    light = session.light
    light.open_arms("reference", "forward")
    outputs = session.hardware(stage).outputs
    offsets = [session.banks[bank].offset_volts[:outputs] for bank in (z, a)]
    highest = min(highest_field(session, z), highest_field(session, a))
    inputs, drive, turns = common_levels(session, stage, highest, _LEVELS)
    along = [session.along_light(bank, turns) for bank in (z, a)]
    volts = []
    for transparent in (True, False):
        light.bypass(transparent)
        read = drive.expose_fields(inputs, [z, a], _REPEATS)[1]
        volts += [
            (read[bank][:, :outputs] - offset) * factor
            for bank, offset, factor in zip((z, a), offsets, along, strict=True)
        ]
    drive.close()
    light.open_arms("reference", "forward", "backward")
    clear_front, clear_behind, front, behind = volts
    return front, behind, clear_front, clear_behind


def fit_models(
    session: CalibrationSession,
    stage: str,
    z: str,
    a: str,
    front: Floats,
    behind: Floats,
    clear_front: Floats,
    clear_behind: Floats,
    usable: npt.NDArray[np.bool_],
    part: Literal["all", "weak", "strong"] = "all",
) -> dict[Model, EachFit]:
    """Fit both models neuron by neuron: optical depth, saturation voltage, ratio of the taps.

    With ``part`` only the weaker or the stronger two thirds of the light are looked at.
    """
    outputs = front.shape[1]
    noise_z, noise_a = (
        session.banks[bank].noise_volts[:outputs] / np.sqrt(_REPEATS) for bank in (z, a)
    )
    absorber = session.light.file.absorber
    depth = absorber.optical_depth if absorber is not None else 1.0
    if absorber is not None and absorber.kind == "gain":
        depth = -depth
    whole = unsaturated(session, z, clear_front) & unsaturated(session, a, clear_behind)
    ratio = (clear_front * clear_behind * whole).sum(axis=0) / np.maximum(
        (clear_front**2 * whole).sum(axis=0), 1e-300
    )
    scale = np.abs(session.tables.taps[z].volts_per_field[:outputs])
    scale = np.where(usable & (scale > 0.0), scale, np.median(scale[usable]))
    return {
        name: fit_transmission(
            transmission,
            front,
            behind,
            clear_front,
            clear_behind,
            np.stack([np.full(outputs, depth), scale, ratio], axis=1),
            noise_z,
            noise_a,
            unsaturated(session, z, front) & unsaturated(session, a, behind) & _part(front, part),
            whole,
        )
        for name, transmission in _MODELS.items()
    }


def fit_transmission(
    transmission: Transmission,
    front: Floats,
    behind: Floats,
    clear_front: Floats,
    clear_behind: Floats,
    start: Floats,
    noise_front: Floats,
    noise_behind: Floats,
    whole: npt.NDArray[np.bool_] | None = None,
    clear_whole: npt.NDArray[np.bool_] | None = None,
) -> EachFit:
    """Fit ``behind = r front t(front / s; alpha)`` and ``clear_behind = r clear_front``.

    Parameters
    ----------
    transmission
        Field transmission for fields and optical depths.
    front, behind, clear_front, clear_behind
        ``[k, n]`` readings.
    start
        ``[n, 3]`` optical depth, saturation reading and ratio to begin with.
    noise_front, noise_behind
        ``[n]``; that in front counts by the slope it is passed on with.
    whole, clear_whole
        ``[k, n]`` which readings are not saturated; all by default.
    """
    x, y, u, v = front.T, behind.T, clear_front.T, clear_behind.T
    counts = np.ones_like(x) if whole is None else whole.T.astype(np.float64)
    clear_counts = np.ones_like(u) if clear_whole is None else clear_whole.T.astype(np.float64)

    def curve(p: Floats) -> Floats:
        passed: Floats = p[:, 2:3] * x * transmission(x / p[:, 1:2], p[:, 0:1])
        return passed

    def slopes(p: Floats) -> Floats:
        step = 1e-3 * np.abs(p[:, 1:2])
        above = p[:, 2:3] * (x + step) * transmission((x + step) / p[:, 1:2], p[:, 0:1])
        slope: Floats = (above - curve(p)) / step
        return slope

    found = None
    current = start
    for _ in range(2):
        passed_on = slopes(current) * noise_front[:, np.newaxis]
        weight = counts / np.hypot(noise_behind[:, np.newaxis], passed_on)
        clear = clear_counts / np.hypot(noise_behind, current[:, 2] * noise_front)[:, np.newaxis]

        def model(p: Floats, w: Floats = weight, c: Floats = clear) -> tuple[Floats, Floats]:
            p = np.stack([np.clip(p[:, 0], -60.0, 60.0), np.abs(p[:, 1]) + 1e-12, p[:, 2]], axis=1)
            residuals = np.concatenate([(curve(p) - y) * w, (p[:, 2:3] * u - v) * c], axis=1)
            columns = []
            for place in range(3):
                step = _STEP * np.maximum(np.abs(p[:, place]), 1e-6)
                moved = p.copy()
                moved[:, place] += step
                change = (curve(moved) - curve(p)) / step[:, np.newaxis]
                own = u if place == 2 else np.zeros_like(u)
                columns.append(np.concatenate([change * w, own * c], axis=1))
            return residuals, np.stack(columns, axis=2)

        found = fit_each(model, current)
        current = np.stack(
            [found.parameters[:, 0], np.abs(found.parameters[:, 1]), found.parameters[:, 2]], axis=1
        )
    assert found is not None
    return EachFit(
        current, found.covariance, found.residuals, found.reduced_chi_square, found.converged
    )


def _part(front: Floats, part: Literal["all", "weak", "strong"]) -> npt.NDArray[np.bool_]:
    sizes = np.abs(front)
    if part == "weak":
        return np.asarray(sizes <= np.quantile(sizes, 2 / 3, axis=0), np.bool_)
    if part == "strong":
        return np.asarray(sizes >= np.quantile(sizes, 1 / 3, axis=0), np.bool_)
    return np.ones(sizes.shape, np.bool_)


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


def _chosen(fits: dict[Model, EachFit], usable: npt.NDArray[np.bool_]) -> Model:
    """Return the model that leaves least; both have as many parameters."""
    left = {name: float(one.reduced_chi_square[usable].sum()) for name, one in fits.items()}
    return min(left, key=lambda name: left[name])


def _noise_share(
    session: CalibrationSession, a: str, behind: Floats, usable: npt.NDArray[np.bool_]
) -> float:
    noise = session.banks[a].noise_volts[: behind.shape[1]][usable] / np.sqrt(_REPEATS)
    return float(np.median(noise) / np.abs(behind[:, usable]).max())


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
    usable: npt.NDArray[np.bool_],
    front: Floats,
    behind: Floats,
) -> None:
    depths, scales, ratios = found.parameters.T
    sigmas = found.sigmas
    wander_z, wander_a = (session.wander(bank, scales.size) for bank in (z, a))
    sigmas[:, 1] = np.hypot(sigmas[:, 1], scales * wander_z)
    sigmas[:, 2] = np.hypot(sigmas[:, 2], ratios * np.hypot(wander_z, wander_a))
    result.notes.append(f"model: {chosen}")
    result.add_spread("optical depth", depths[usable], sigmas[usable, 0])
    result.add_spread("reading at saturation", scales[usable], sigmas[usable, 1], "V")
    relative = np.median(sigmas[usable, 0] / np.maximum(np.abs(depths[usable]), 1e-9))
    if relative > _DEEP:
        bound = float(np.median(depths[usable] - 2.0 * sigmas[usable, 0]))
        result.notes.append(f"too deep to measure: optical depth above {bound:.1f}")
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
    curves = _MODELS[chosen](fields[np.newaxis, :], depths[:, np.newaxis])
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
    fitted = ratios[shown] * x * _MODELS[chosen](x / scales[shown], np.full_like(x, depths[shown]))
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
    front: Floats,
    behind: Floats,
    found: EachFit,
    usable: npt.NDArray[np.bool_],
) -> None:
    """Keep a monotone curve, the same for all neurons, against the field as known so far."""
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


def compare_probe(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Compare what a probe sees of the medium with what the pump itself sees, level by level.

    In a local medium without gratings they are the same.
    """
    taps = session.section(stage).taps
    injection = _injection_to(session, stage)
    if taps.z is None or taps.a is None or taps.delta is None or injection is None:
        return []
    result = ProtocolResult(NAME, f"{stage}, probe")
    if not session.light.can_bypass:
        result.notes.append("the absorber cannot be bypassed")
        return [result]
    light, banks = session.light, [taps.z, taps.a, taps.delta]
    highest = 0.8 * min(highest_field(session, taps.z), highest_field(session, taps.a))
    injection.show_bright(except_for=stage)
    inputs, drive, _ = common_levels(session, stage, highest, _PROBE_LEVELS)
    count = len(inputs)
    probes = injection.both_signs(count)
    drives = drive.volts(np.tile(inputs, (2, 1))) | probes
    light.open_arms("reference", "forward", "backward")
    seen = {}
    for transparent in (True, False):
        light.bypass(transparent)
        total = {bank: np.zeros((2 * count, session.tables.taps[bank].channels)) for bank in banks}
        for _ in range(_REPEATS):
            for bank, volts in light.take(drives, banks).items():
                total[bank] += volts / _REPEATS
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

    def pump(one: dict[str, Floats]) -> Floats:
        parts = []
        for bank in (front, behind):
            volts = 0.5 * (one[bank][:count, usable] + one[bank][count:, usable])
            parts.append(volts - session.banks[bank].offset_volts[usable])
        ratio: Floats = parts[1] / parts[0]
        return ratio

    of_probe = probe(absorbed) / probe(clear)
    of_pump = pump(absorbed) / pump(clear)
    noise = session.banks[back].noise_volts[usable] / np.sqrt(0.5 * _REPEATS)
    sigma = noise / np.abs(probe(clear))
    weights = 1.0 / sigma**2
    difference = float(((of_probe - of_pump) * weights).sum() / weights.sum())
    result.add("probe minus pump transmission", difference, float(1.0 / np.sqrt(weights.sum())))
    result.add("largest difference at a level", float(_by_level(of_probe - of_pump, weights).max()))
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


def _injection_to(session: CalibrationSession, stage: str) -> Injection | None:
    """Return the injection whose light reaches a stage's medium from behind."""
    names = list(session.light.stages)
    for name in names[names.index(stage) :]:
        injector = session.section(name).injector
        if injector is not None:
            return Injection(session, name, injector)
    return None


def scan_oven(
    session: CalibrationSession, stage: str, celsius: Sequence[float]
) -> list[ProtocolResult]:
    """Measure optical depth against the cell's temperature; the oven returns to where it was."""
    oven = session.light.oven
    taps = session.section(stage).taps
    result = ProtocolResult(NAME, f"{stage}, oven")
    if oven is None or taps.z is None or taps.a is None:
        result.notes.append("no oven, or no taps on both sides of the medium")
        return [result]
    before = oven.target_celsius()
    timeout = session.light.file.exposure.timeout
    depths, sigmas = [], []
    try:
        for temperature in celsius:
            oven.set_temperature_celsius(temperature)
            oven.wait_until_settled(timeout)
            outputs = session.hardware(stage).outputs
            usable = session.banks[taps.z].usable[:outputs] & session.banks[taps.a].usable[:outputs]
            volts = _take(session, stage, taps.z, taps.a)
            fits = fit_models(session, stage, taps.z, taps.a, *volts, usable)
            found = fits[_chosen(fits, usable)]
            depths.append(float(found.parameters[usable, 0].mean()))
            sigmas.append(float(found.sigmas[usable, 0].mean() / np.sqrt(usable.sum())))
            result.add(f"optical depth at {temperature:g} degC", depths[-1], sigmas[-1])
    finally:
        oven.set_temperature_celsius(before)
        oven.wait_until_settled(timeout)
    result.curves.append(
        Curve(
            f"{stage}, optical depth",
            np.array(celsius, np.float64),
            np.array(depths),
            None,
            "cell temperature (degC)",
            "optical depth",
        )
    )
    return [result]
