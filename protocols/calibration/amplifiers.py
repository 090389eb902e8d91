r"""Optical amplifiers: gain against current, saturation, and the emission they add.

Only the product of amplifier and weights is ever seen, so the curve is measured relative to the
current at which the weights were. It is fitted by ``dB = const - B exp(-I / I_s)``; where that
does not fit, the monotone curve through the points is kept. With an amplifier for every neuron
the input power is raised at high gain as well (``amplifier_saturation``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instruments.calibration.amplifier import AmplifierTable
from protocols.calibration.amplifier_saturation import measure_saturation
from protocols.calibration.fitting import Acceptance, Fit, fit
from protocols.calibration.results import Curve, ProtocolResult
from protocols.calibration.session import CalibrationSession
from protocols.calibration.stage_drive import StageDrive, show_bright

Floats = npt.NDArray[np.float64]

NAME = "amplifiers"

_CURRENTS = 12
_KNOTS = 129
_LARGEST_LEVEL = 2.0
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
        measure_saturation(session, stage, result, table)
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
    clock = session.light.bench.clock
    amplitudes, errors, wanders = [], [], []
    began = clock.now()
    for current in [anchor, *currents]:
        gain = 10 ** (float(np.mean(table.gain(current))) / 20)
        level = min(_LARGEST_LEVEL, largest / gain)
        if not hardware.amplifies_source:
            level = min(level, session.weak_output(stage) / gain)
        drive = StageDrive(session, stage, level)
        show_bright(session, stage)
        session.light.set_current(stage, current)
        read = drive.expose([bank], _REPEATS)[bank]
        matrix = drive.matrix(read)[: hardware.outputs][usable]
        noise = drive.noise(bank, _REPEATS)[: hardware.outputs][usable]
        amplitudes.append(matrix)
        errors.append(noise)
        # Strong light is read to a hundred-thousandth: references that wander meanwhile, those in
        # front too, are what is known less well.
        seconds = clock.now() - began
        wander = session.wander(bank, hardware.outputs, seconds, with_misfit=False)[usable]
        wanders.append(float(np.hypot(np.median(wander), np.median(drive.inputs_wander(seconds)))))
        drive.close()
    reference, reference_noise = amplitudes[0], errors[0]
    decibels, sigmas = [], []
    for matrix, noise, walked in zip(amplitudes[1:], errors[1:], wanders[1:], strict=True):
        weights = reference / reference_noise[:, np.newaxis] ** 2
        norm = float((weights * reference).sum())
        ratio = float((weights * matrix).sum()) / norm
        variance = float((weights**2 * noise[:, np.newaxis] ** 2).sum()) / norm**2
        variance += ratio**2 / norm
        decibels.append(20.0 * np.log10(max(ratio, 1e-12)))
        relative = np.hypot(np.sqrt(variance) / max(ratio, 1e-12), walked)
        sigmas.append(20.0 / np.log(10.0) * relative)
    return np.array(decibels), np.array(sigmas)


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
            f"{name}, gain against that for weights",
            currents,
            decibels,
            curve(currents),
            "current (A)",
            "relative gain (dB)",
        )
    )
    return curve, reason


def _emission(
    session: CalibrationSession, stage: str, result: ProtocolResult, table: AmplifierTable
) -> None:
    """Measure the noise that spontaneous emission adds at the taps, at the highest gain."""
    bank = session.forward_bank(stage)
    hardware = session.hardware(stage)
    usable = session.banks[bank].usable[: hardware.outputs]
    light = session.light
    light.bypass(True)
    show_bright(session, stage)
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
