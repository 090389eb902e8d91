r"""Optical amplifiers: gain against current, saturation, and the emission they add.

Only the product of amplifier and weights is ever seen, so the curve is measured relative to the
current at which the weights were. It is fitted by ``dB = const - B exp(-I / I_s)``; where that
does not fit, the monotone curve through the points is kept. With an amplifier for every neuron
the input power is raised at high gain: the loss of gain gives the saturation power,
``ln(G / G_0) = -(G - 1) P_in / P_sat``, and the turn of the phase that comes with it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instruments.calibration.amplifier import AmplifierTable
from protocols.calibration.fitting import Acceptance, Fit, fit
from protocols.calibration.results import Curve, ProtocolResult
from protocols.calibration.session import CalibrationSession
from protocols.calibration.stage_drive import StageDrive

Floats = npt.NDArray[np.float64]

NAME = "amplifiers"

_CURRENTS = 12
_KNOTS = 129
_LARGEST_LEVEL = 2.0
_HIGH_OUTPUT = 0.05
"""Share of the data sheet's saturation power that comes out when saturation is measured."""

_REPEATS = 8
_NOISE_SHOTS = 512
_ACCEPTANCE = Acceptance(largest_misfit=0.02)


def calibrate_amplifier(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the amplifier, or the array of them, in front of a stage's weights."""
    section, hardware = session.section(stage), session.hardware(stage)
    name, table = section.amplifier, hardware.amplifier_table
    if name is None or table is None or hardware.amplifier is None:
        return []
    result = ProtocolResult(NAME, name)
    session.light.open_arms("reference", "forward")
    highest = min(session.light.highest_current(stage), float(table.current_amperes[-1]))
    lowest = _transparency(table)
    currents = np.linspace(lowest, highest, _CURRENTS)
    anchor_gain = session.anchors.get(stage, hardware.field_gain)
    anchor = float(np.mean(table.current_for_field_gain(anchor_gain)))
    decibels, sigmas = _relative_gains(session, stage, currents, anchor)
    curve, reason = _fitted(result, name, currents, decibels, sigmas, anchor)
    result.refuse(reason)
    knots = np.linspace(0.0, highest, _KNOTS)
    anchored = 20.0 * np.log10(anchor_gain)
    gains = anchored + curve(knots)
    result.tables.append(
        (
            name,
            AmplifierTable(
                knots,
                np.tile(gains, (hardware.amplifier.channels, 1)),
                provenance=session.provenance(name),
                covariance={"gain_decibels": np.square(sigmas)},
            ),
        )
    )
    result.add("highest gain, as products are shared out", float(gains[-1]), unit="dB")
    if not hardware.amplifies_source:
        _saturation(session, stage, result, table)
        _emission(session, stage, result, table)
    session.light.bypass(False)
    session.light.open_arms("reference", "forward", "backward")
    return [result]


def _transparency(table: AmplifierTable) -> float:
    """Return a current a little below that of a gain of one, by the table so far."""
    lowest = max(-2.0, table.lowest_decibels)
    return float(np.mean(table.current_for(lowest)))


def _relative_gains(
    session: CalibrationSession, stage: str, currents: Floats, anchor: float
) -> tuple[Floats, Floats]:
    """Return gains in dB relative to the anchor current, mean over channels, and their errors."""
    hardware = session.hardware(stage)
    bank = session.forward_bank(stage)
    table = hardware.amplifier_table
    assert table is not None
    response = np.abs(session.tables.taps[bank].volts_per_field)
    usable = session.banks[bank].usable[: hardware.outputs]
    typical = float(np.median(response[: hardware.outputs][usable]))
    largest = 0.4 * session.range_volts(bank) / typical / hardware.bank.full_scale
    amplitudes, errors = [], []
    for current in [anchor, *currents]:
        gain = 10 ** (float(np.mean(table.gain(current))) / 20)
        level = min(_LARGEST_LEVEL, largest / gain)
        if not hardware.amplifies_source:
            level = min(level, session.weak_output(stage) / gain)
        drive = StageDrive(session, stage, level)
        _show_bright(session, stage)
        session.light.set_current(stage, current)
        read = drive.expose([bank], _REPEATS)[bank]
        matrix = drive.matrix(read)[: hardware.outputs][usable]
        noise = drive.noise(bank, _REPEATS)[: hardware.outputs][usable]
        amplitudes.append(matrix)
        errors.append(noise)
        drive.close()
    reference, reference_noise = amplitudes[0], errors[0]
    decibels, sigmas = [], []
    for matrix, noise in zip(amplitudes[1:], errors[1:], strict=True):
        weights = reference / reference_noise[:, np.newaxis] ** 2
        norm = float((weights * reference).sum())
        ratio = float((weights * matrix).sum()) / norm
        variance = float((weights**2 * noise[:, np.newaxis] ** 2).sum()) / norm**2
        variance += ratio**2 / norm
        decibels.append(20.0 * np.log10(max(ratio, 1e-12)))
        sigmas.append(20.0 / np.log(10.0) * np.sqrt(variance) / max(ratio, 1e-12))
    return np.array(decibels), np.array(sigmas)


def _show_bright(session: CalibrationSession, stage: str) -> None:
    """Show the same grating in every block, whatever the gain."""
    hardware = session.hardware(stage)
    largest = 0.95 * np.asarray(hardware.bank.largest_weights(1.0))
    depth, offset, _ = hardware.bank.encode(largest.astype(np.float32), 1.0)
    session.light.show(stage, depth, offset)


class _Curve:
    """``B (exp(-I_a / I_s) - exp(-I / I_s))`` in dB, 0 at the anchor current."""

    def __init__(self, size: float, scale: float, anchor: float) -> None:
        self._size, self._scale, self._anchor = size, scale, anchor

    def __call__(self, currents: Floats) -> Floats:
        rise: Floats = self._size * (
            np.exp(-self._anchor / self._scale) - np.exp(-currents / self._scale)
        )
        return rise


class _Points:
    """Straight lines through measured points made to rise, 0 at the anchor current."""

    def __init__(self, currents: Floats, decibels: Floats, anchor: float) -> None:
        self._currents = currents
        rising = np.maximum.accumulate(decibels)
        self._decibels = rising + 1e-6 * np.arange(rising.size)
        self._level = float(np.interp(anchor, currents, self._decibels))

    def __call__(self, currents: Floats) -> Floats:
        inside = np.interp(currents, self._currents, self._decibels)
        first = (self._decibels[1] - self._decibels[0]) / (self._currents[1] - self._currents[0])
        below = np.minimum(currents - self._currents[0], 0.0) * first
        return np.asarray(inside + below - self._level, np.float64)


def _fitted(
    result: ProtocolResult,
    name: str,
    currents: Floats,
    decibels: Floats,
    sigmas: Floats,
    anchor: float,
) -> tuple[_Curve | _Points, str]:
    """Fit the curve; return the points themselves where it does not fit, or why neither will do."""
    span = float(np.ptp(currents))

    def residuals(p: Floats) -> Floats:
        return np.asarray((_Curve(p[0], abs(p[1]), anchor)(currents) - decibels) / sigmas)

    best: Fit | None = None
    for scale in (0.2 * span, 0.5 * span, span):
        size = max(1.0, float(np.ptp(decibels))) / max(
            1e-9, float(np.exp(-currents[0] / scale) - np.exp(-currents[-1] / scale))
        )
        found = fit(residuals, [size, scale])
        if best is None or found.reduced_chi_square < best.reduced_chi_square:
            best = found
    assert best is not None
    size, scale = float(best.parameters[0]), abs(float(best.parameters[1]))
    full = max(1.0, float(np.ptp(decibels)))
    reason = _ACCEPTANCE.reason_against(best, float(np.median(sigmas)) / full)
    result.add("reduced chi-square", best.reduced_chi_square)
    result.add("scale of the current", scale, float(best.sigmas[1]), "A")
    curve: _Curve | _Points = _Curve(size, scale, anchor)
    if reason:
        result.notes.append(f"not an exponential ({reason}): the measured points are kept")
        curve = _Points(currents, decibels, anchor)
        fell = np.diff(decibels) < -4.0 * np.hypot(sigmas[1:], sigmas[:-1])
        reason = "the gain falls with the current" if fell.any() else ""
    result.curves.append(
        Curve(
            f"{name}, gain",
            currents,
            decibels,
            curve(currents),
            "current (A)",
            "gain relative to where weights were measured (dB)",
        )
    )
    return curve, reason


def _saturation(
    session: CalibrationSession, stage: str, result: ProtocolResult, table: AmplifierTable
) -> None:
    """Compare weak and strong light at high gain, in two quadratures where that can be."""
    bank = session.forward_bank(stage)
    hardware = session.hardware(stage)
    usable = session.banks[bank].usable[: hardware.outputs]
    watts = session.light.file.optics.saturation_power
    strong_output = np.sqrt(_HIGH_OUTPUT * session.saturation_watts(stage) / watts)
    response = float(np.median(np.abs(session.tables.taps[bank].volts_per_field)[:10]))
    strong_output = min(
        strong_output, 0.8 * session.range_volts(bank) / response / hardware.bank.full_scale
    )
    gain = min(10 ** (table.highest_decibels / 20), strong_output / 0.7)
    levels = (session.weak_output(stage) / gain, strong_output / gain)
    slope = session.radians_per_volt.get(bank)
    quarter = None if slope is None else 0.5 * np.pi / slope
    light = session.light
    complex_responses = []
    for level in levels:
        drive = StageDrive(session, stage, level)
        hardware.set_field_gain(gain)
        _show_bright(session, stage)
        parts = []
        for turn in (0.0, quarter):
            if turn is None:
                break
            rest = session.rest_volts.get(bank, 0.0)
            light.turn_references({bank: session.within_reach(bank, rest + turn)})
            read = drive.expose([bank], _REPEATS)[bank]
            parts.append(drive.matrix(read)[: hardware.outputs][usable])
        session.turn_to_rest()
        quadrature = parts[1] if len(parts) > 1 else np.zeros_like(parts[0])
        complex_responses.append(parts[0] + 1j * quadrature)
        drive.close()
    weak, strong = complex_responses
    # Per channel: both are matched to the weak response over the rows.
    ratio = (strong * weak.conj()).sum(axis=0) / (np.abs(weak) ** 2).sum(axis=0)
    lost = 2.0 * np.log(np.abs(ratio))
    gained = levels[1] ** 2 - levels[0] ** 2
    powers = -(gain**2 - 1.0) * gained * watts / np.minimum(lost, -1e-9)
    typical = float(np.median(lost))
    scatter = float(np.std(lost) / np.sqrt(max(1, lost.size)))
    if typical > -5.0 * scatter:
        result.notes.append("no saturation within reach of the light")
        return
    power = float(np.median(powers))
    result.add("saturation power", power, power * scatter / abs(typical), "W")
    result.add("saturation power, in saturation powers of the medium", power / watts)
    if quarter is not None:
        turned = float(np.median(np.angle(ratio)))
        result.add("phase turned while gain is lost", turned, unit="rad")
        result.add("linewidth enhancement", -2.0 * turned / typical)
        if abs(turned) > 0.1:
            result.notes.append(
                f"at field {levels[1]:.2g} and {20 * np.log10(gain):.0f} dB the phase turns by "
                f"{turned:.2f} rad: a real-valued network wants weaker light or less gain"
            )


def _emission(
    session: CalibrationSession, stage: str, result: ProtocolResult, table: AmplifierTable
) -> None:
    """Measure the noise that spontaneous emission adds at the taps, at the highest gain."""
    bank = session.forward_bank(stage)
    hardware = session.hardware(stage)
    usable = session.banks[bank].usable[: hardware.outputs]
    light = session.light
    light.bypass(True)
    _show_bright(session, stage)
    spreads = []
    highest = 10 ** (table.highest_decibels / 20)
    for gain in (1.0, min(highest, 30.0)):
        hardware.set_field_gain(gain)
        light.open_arms("reference")
        volts = light.take({}, [bank], _NOISE_SHOTS)[bank].astype(np.float64)
        spreads.append(volts.var(axis=0)[: hardware.outputs][usable])
    response = np.abs(session.tables.taps[bank].volts_per_field)[: hardware.outputs][usable]
    added = (spreads[1] - spreads[0]) / response**2
    size = float(np.sqrt(max(0.0, np.mean(added))))
    sigma = float(np.std(added) / np.sqrt(added.size)) / max(2.0 * size, 1e-12)
    result.add("spontaneous emission at the taps, rms field", size, sigma)
    hardware.set_field_gain(1.0)
