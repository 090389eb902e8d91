"""Saturation of amplifiers: gain against input power, and the phase that turns with it.

The matrix of a stage is measured again at rising levels of light and one high current, in two
quadratures where the references can be turned. What is lost of the gain gives the saturation power
of every channel, ``ln(G / G_0) = -(G - 1) P_in / P_sat``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import wrightomega

from instruments.calibration.amplifier import AmplifierTable
from protocols.calibration.fitting import Acceptance, EachFit, fit_each
from protocols.calibration.results import Curve, ProtocolResult
from protocols.calibration.session import CalibrationSession
from protocols.calibration.stage_drive import StageDrive, show_bright

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

_LEVELS = 5
_REPEATS = 16
_HIGH_OUTPUT = 0.05
"""Share of the data sheet's saturation power that comes out when saturation is measured."""

_TURNED = 0.1
"""Radians by which the light's phase may turn with its power before a person is warned."""

_ACCEPTANCE = Acceptance(largest_misfit=0.01)


@dataclass(frozen=True)
class GainLoss:
    """Field gain against input power, relative to that at the first power.

    Attributes
    ----------
    inputs_watts
        ``[levels]`` into each channel.
    gain
        Power gain for weak light, as products are shared out.
    ratios, sigmas
        ``[levels, n]`` complex, real where the references cannot be turned, and their noise.
    common
        Relative error of a level against another that all channels share, from a reference that
        wanders.
    """

    inputs_watts: Floats
    gain: float
    ratios: Complexes
    sigmas: Floats
    common: float


def saturated_gain(gain: float, powers: Floats) -> Floats:
    """Return the power gain left at input powers in units of the saturation power, any shape.

    ``G x = omega(ln(x G_0) + x)`` solves ``ln(G / G_0) = -(G - 1) x``.
    """
    x = np.maximum(powers, 1e-15)
    left: Floats = np.asarray(wrightomega(np.log(x * gain) + x), np.float64) / x
    return left


def measure_saturation(
    session: CalibrationSession, stage: str, result: ProtocolResult, table: AmplifierTable
) -> None:
    """Measure an array's saturation and note it in a result."""
    lost = _take(session, stage, table)
    found = fit_saturation(lost)
    inverse, sigmas = found.parameters[:, 0], found.sigmas[:, 0]
    alive = np.isfinite(lost.sigmas).all(axis=0) & found.converged
    typical = float(np.median(inverse[alive])) if alive.any() else 0.0
    shared = lost.common / max(1e-12, float(np.ptp(np.median(np.abs(lost.ratios), axis=1))))
    scatter = float(np.sqrt(np.square(sigmas[alive]).sum()) / max(1, alive.sum()))
    scatter = float(np.hypot(scatter, typical * shared))
    if not typical > 5.0 * scatter:
        result.notes.append("no saturation within reach of the light")
        return
    middle = np.flatnonzero(alive)[np.argsort(found.reduced_chi_square[alive])[alive.sum() // 2]]
    noise = float(np.median(lost.sigmas[1:, middle]))
    result.refuse(_ACCEPTANCE.reason_against(found.one(int(middle)), noise))
    watts = session.light.file.optics.saturation_power
    powers, power_sigmas = 1.0 / inverse, sigmas / inverse**2
    result.add_spread("saturation power", powers[alive], power_sigmas[alive], "W")
    result.add("saturation power, common error", powers[alive].mean() * shared, unit="W")
    result.add(
        "saturation power, in saturation powers of the medium",
        1.0 / (typical * watts),
        scatter / (typical**2 * watts),
    )
    strongest = lost.inputs_watts[-1] * typical
    result.add(
        "gain lost at the strongest light", float(_decibels(lost.gain, strongest)), unit="dB"
    )
    if session.radians_per_volt.get(session.forward_bank(stage)) is not None:
        _report_phase(result, lost, typical, alive)
    measured = np.median(np.abs(lost.ratios[:, alive]), axis=1)
    fitted = np.sqrt(saturated_gain(lost.gain, lost.inputs_watts * typical))
    result.curves.append(
        Curve(
            f"{result.target}, gain against input power",
            lost.inputs_watts,
            20.0 * np.log10(measured),
            20.0 * np.log10(fitted / fitted[0]),
            "power into a channel (W)",
            "gain relative to weak light (dB)",
        )
    )


def _decibels(gain: float, power: float) -> float:
    return float(10.0 * np.log10(gain / saturated_gain(gain, np.array([power]))[0]))


def _report_phase(
    result: ProtocolResult, lost: GainLoss, typical: float, alive: npt.NDArray[np.bool_]
) -> None:
    """Note by how much the phase turns with the loss of gain; warn where that bends fields."""
    turned = float(np.median(np.angle(lost.ratios[-1, alive])))
    spread = float(np.std(np.angle(lost.ratios[-1, alive])) / np.sqrt(alive.sum()))
    lost_gain = float(np.median(2.0 * np.log(np.abs(lost.ratios[-1, alive]))))
    result.add("phase turned while gain is lost", turned, spread, "rad")
    result.add("linewidth enhancement", -2.0 * turned / lost_gain, 2.0 * spread / abs(lost_gain))
    if abs(turned) > _TURNED:
        result.notes.append(
            f"at {lost.inputs_watts[-1]:.2g} W in and {10 * np.log10(lost.gain):.0f} dB the phase "
            f"turns by {turned:.2f} rad: a real-valued network wants weaker light or less gain"
        )


def fit_saturation(lost: GainLoss) -> EachFit:
    """Fit 1 / P_sat and the size at the first level ``[n, 2]``, channel by channel."""
    sizes = np.abs(lost.ratios).T
    weights = 1.0 / np.maximum(lost.sigmas.T, 1e-12)
    powers = lost.inputs_watts
    scale = 0.01 / (lost.gain * powers[-1])

    def modelled(inverse: Floats) -> Floats:
        gains = np.sqrt(saturated_gain(lost.gain, np.maximum(inverse, 0.0) * powers))
        relative: Floats = gains / gains[:, :1]
        return relative

    def model(p: Floats) -> tuple[Floats, Floats]:
        step = 1e-3 * scale
        now = modelled(p[:, :1])
        slope = p[:, 1:] * (modelled(p[:, :1] + step) - now) / step
        residuals = (p[:, 1:] * now - sizes) * weights
        return residuals, np.stack([slope * weights, now * weights], axis=2)

    # From the slope of the strongest light: to first order it is all there is.
    first = -2.0 * np.log(np.maximum(sizes[:, -1], 1e-3)) / (lost.gain * (powers[-1] - powers[0]))
    return fit_each(model, np.stack([np.maximum(first, 0.1 * scale), sizes[:, 0]], axis=1))


def _take(session: CalibrationSession, stage: str, table: AmplifierTable) -> GainLoss:
    """Measure the matrix at rising levels of light, and compare channels with the weakest."""
    light, hardware = session.light, session.hardware(stage)
    bank = session.forward_bank(stage)
    usable = session.banks[bank].usable[: hardware.outputs]
    watts = light.file.optics.saturation_power
    highest = np.sqrt(_HIGH_OUTPUT * session.saturation_watts(stage) / watts)
    responses = np.abs(session.tables.taps[bank].volts_per_field)[: hardware.outputs]
    response = float(np.median(responses[usable]))
    highest = min(highest, 0.8 * session.range_volts(bank) / response / hardware.bank.full_scale)
    gain = min(10 ** (table.highest_decibels / 20), highest / 0.7)
    outputs = np.sqrt(np.linspace(session.weak_output(stage) ** 2, highest**2, _LEVELS))
    levels = outputs / gain
    slope = session.radians_per_volt.get(bank)
    turns = (0.0,) if slope is None else (0.0, 0.5 * np.pi / slope)
    # One drive for all levels: weaker light comes from the modulators alone.
    drive = StageDrive(session, stage, float(levels[-1]))
    hardware.set_field_gain(gain)
    # Signs vary, so that what is not known of inputs that are not lit averages over the rows.
    show_bright(session, stage, signed=True)
    matrices, noises = [], []
    began = light.bench.clock.now()
    for level in levels.tolist():
        share = level / drive.level
        repeats = int(np.ceil(0.5 * _REPEATS / share))
        parts = np.zeros((2, int(usable.sum()), hardware.inputs))
        # Forth and back, so that a reference that drifts is the same in both quadratures.
        for turn, volts in (*enumerate(turns), *reversed(list(enumerate(turns)))):
            rest = session.rest_volts.get(bank, 0.0)
            light.turn_references({bank: session.within_reach(bank, rest + volts)})
            matrix, noise = drive.responses(share, bank, repeats)
            parts[turn] += 0.5 * matrix[: hardware.outputs][usable]
        session.turn_to_rest()
        matrices.append(parts[0] + 1j * parts[1])
        noises.append(noise[: hardware.outputs][usable] / np.sqrt(2.0))
    seconds = light.bench.clock.now() - began
    drive.close()
    weak = matrices[0]
    # Per channel: every level is matched to the weakest over the rows.
    power = (np.abs(weak) ** 2).sum(axis=0)
    ratios = np.stack([(one * weak.conj()).sum(axis=0) / power for one in matrices])
    own = np.stack([np.sqrt(((one * np.abs(weak)) ** 2).sum(axis=0)) / power for one in noises])
    # Forth and back a drift cancels; of a walk a twelfth of the variance of a level's time is
    # left, for each of two levels that are compared.
    apart = seconds / (6 * _LEVELS)
    wander = session.wander(bank, hardware.outputs, apart, with_misfit=False)
    # So is what enters, which taps in front tell.
    entering = float(np.median(drive.inputs_wander(apart)))
    # Light that turns with its power meets a reference that wandered between two quadratures.
    turned = float(np.abs(np.angle(np.median(ratios[-1])))) * session.reference_turn(apart)
    return GainLoss(
        levels**2 * watts,
        gain**2,
        ratios,
        own,
        float(np.linalg.norm([np.median(wander[usable]), turned, entering])),
    )
