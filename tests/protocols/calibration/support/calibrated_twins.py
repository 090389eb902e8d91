"""Calibrating twins drawn at random, and comparing what was found with their hidden truth.

The truth is read off when a protocol ends: afterwards it drifts, as it would on a bench. Only
what can be told from outside is compared; see ``docs/decisions/0004-scales.md``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.opening import SharedResources
from protocols.calibration.sequence import opened_for_calibration, plan_steps, run_steps

WIDE = """
[twin.panels]
stroke_spread = "8 %"
bow = "0.8 rad"
[twin.modulators]
half_wave_spread = "6 %"
bias_spread = "0.2 rad"
[twin.taps]
bank_phase = "1 rad"
neuron_phase = "0.1 rad"
gain_spread = "10 %"
[twin.path]
neuron_spread = "8 %"
[twin.absorber]
depth_error = "20 %"
depth_spread = "5 %"
"""
"""Two to four times as far from nominal as twins are by default, references at any phase."""

LEVELS = [64, 128, 192, 255]


def digits_bench(seed=1, twin="", **replacements):
    """The built-in bench with a twin of this seed; keywords replace ``key = value`` lines."""
    text = built_in_text("digits").replace("[twin]\nseed = 1", f"[twin]\nseed = {seed}\n{twin}")
    for old, new in replacements.items():
        text = text.replace(old, new)
    return parse_bench_file(text, "digits")


@dataclass
class Compared:
    """Errors in units of full scale, and in units of the uncertainty claimed, by quantity."""

    errors: dict[str, list[np.ndarray]] = field(default_factory=dict)
    pulls: dict[str, list[np.ndarray]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def note(self, name, difference, sigma=None, full_scale=1.0):
        difference = np.asarray(difference, float)
        self.errors.setdefault(name, []).append(np.ravel(np.abs(difference / full_scale)))
        if sigma is not None:
            # Channels that are dead claim nothing.
            claimed = np.broadcast_to(sigma > 0, difference.shape)
            pulls = difference[claimed] / np.broadcast_to(sigma, difference.shape)[claimed]
            self.pulls.setdefault(name, []).append(pulls)

    def take(self, other):
        for mine, theirs in ((self.errors, other.errors), (self.pulls, other.pulls)):
            for name, values in theirs.items():
                mine.setdefault(name, []).extend(values)
        self.refused += other.refused
        self.seconds += other.seconds

    def worst(self, name):
        return float(np.concatenate(self.errors[name]).max())

    def rms(self, name):
        return float(np.sqrt(np.mean(np.concatenate(self.errors[name]) ** 2)))

    def all_pulls(self, *names):
        chosen = names or self.pulls
        return np.concatenate([one for name in chosen for one in self.pulls[name]])

    def report(self):
        lines = []
        for name, values in self.errors.items():
            pulls = self.all_pulls(name) if name in self.pulls else np.array([np.nan])
            lines.append(
                f"{name:20s} {sum(map(len, values)):6d} values, largest error "
                f"{self.worst(name):.1e}, rms {self.rms(name):.1e}; pulls rms "
                f"{np.sqrt(np.mean(pulls**2)):.2f}, below 3 {np.mean(np.abs(pulls) < 3):.2%}"
            )
        return "\n".join(lines)


@dataclass
class Calibrated:
    """A calibration that was run: results, the tables it left, and the twin."""

    results: list
    tables: object
    twin: object
    compared: Compared

    def of(self, protocol, target):
        return next(one for one in self.results if (one.protocol, one.target) == (protocol, target))


def calibrated(bench, only=(), prepare=None, folder=None, until=None):
    """Calibrate a simulated bench; ``prepare(twin)`` may break something first.

    With ``until``, a protocol and a stage, what comes behind that step is not measured.
    """
    shared = SharedResources()
    compared = Compared()
    with opened_for_calibration(bench, shared=shared) as session:
        twin = shared.built()["twin"]
        if prepare is not None:
            prepare(twin)
        steps = plan_steps(session, only)
        if until is not None:
            last = max(n for n, one in enumerate(steps) if (one.protocol, one.stage) == until)
            steps = steps[: last + 1]
        began, spent = time.perf_counter(), time.process_time()
        results = run_steps(
            session,
            steps,
            folder,
            lambda step, found: compare(session, twin, step, found, compared),
        )
        # Whoever else keeps the processors busy does not count.
        lasted = min(time.perf_counter() - began, time.process_time() - spent)
        compared.seconds.append(lasted)
        return Calibrated(results, session.tables, twin, compared)


def compare(session, twin, step, found, compared):
    """Compare what a step found with the truth of this moment."""
    refused = [f"{one.protocol} {one.target}: {one.refusals[0]}" for one in found if one.refusals]
    compared.refused += refused
    if refused or not any(one.tables for one in found):
        return
    place = list(session.light.stages).index(step.stage) if step.stage else None
    if step.protocol == "modulators":
        _compare_modulators(session, twin, found[0].target, compared)
    elif step.protocol == "spatial light modulator":
        _compare_panel(session, twin.stages[place], step.target, compared)
    elif step.protocol == "vector-matrix" and found[0].target == step.target:
        _compare_matrix(session, twin, place, step.target, compared)
    elif step.protocol == "absorber":
        _compare_medium(session, twin.stages[place], twin, step.target, compared)
    elif step.protocol == "amplifiers":
        _compare_amplifier(session, twin, found[0], compared)


def tap_response(twin, bank):
    """Volts a unit of field in phase."""
    truth = twin.detectors[bank]
    return truth.gain * np.cos(truth.phase_radians + truth.neuron_phase)


def _compare_modulators(session, twin, name, compared):
    table, truth = session.tables.encoders[name], twin.modulators[name]
    variances = table.covariance
    compared.note(
        "half-wave voltage",
        table.half_wave_volts - truth.half_wave_volts,
        np.sqrt(variances["half_wave_volts"]),
        truth.half_wave_volts,
    )
    bias = truth.bias_radians + truth.drift_radians
    compared.note("null", table.bias_radians - bias, np.sqrt(variances["bias_radians"]), 2 * np.pi)
    # Where convention stretched the channel's scale, what is left is stretched with it.
    left = table.offset - table.field_at_full * truth.leakage
    compared.note("left at null", left, np.sqrt(variances["offset"]))


def _compare_panel(session, stage, name, compared):
    table = session.tables.weight_banks[name]
    known, truth = table.phase_radians, stage.panel.phase_radians
    if known.shape != truth.shape:
        regions = stage.panel.region_of_block
        truth = np.stack(
            [truth[regions[table.region_of_block == one][0]] for one in range(len(known))]
        )
    difference = known - truth
    sigma = np.sqrt(table.covariance["phase_radians"])
    compared.note("phase of a level", difference[:, LEVELS], sigma[:, LEVELS], 2 * np.pi)


def _compare_matrix(session, twin, place, name, compared):
    stage, bank = twin.stages[place], session.forward_bank(name)
    table, response = session.tables.weight_banks[name], session.tables.taps[bank].volts_per_field
    gain = session.anchors[name]
    currents = session.hardware(name).amplifier_table.current_for_field_gain(gain)
    true_gain = np.sqrt(stage.amplifier.small_signal_gain(currents)) * stage.amplifier.spread
    inputs = 1.0
    source = session.section(name).inputs
    if source in twin.mirrors:
        # Tables count what the blocks differ in to the columns behind them.
        truth = twin.mirrors[source]
        shared = twin.layout.mirrors[source].field_at_full / truth.contrast
        inputs = truth.block_fields.real * twin.layout.mirrors[source].largest_share / shared
    if place:
        # Inputs are counted in what the taps in front of them say.
        before = list(session.light.stages)[place - 1]
        monitor = session.section(before).taps.a
        inputs = session.tables.taps[monitor].volts_per_field / tap_response(twin, monitor)
    outer = np.outer(tap_response(twin, bank), inputs * np.ones(table.columns)) * true_gain
    bright = outer * np.outer(stage.row_gains, stage.column_gains)
    full = np.abs(bright).max()
    found = response[:, None] * np.outer(table.row_gains, table.column_gains)
    found = found * table.full_scale * gain
    rows = table.covariance["row_gains"][:, None] / table.row_gains[:, None] ** 2
    relative = np.sqrt(rows + table.covariance["column_gains"] / table.column_gains**2)
    compared.note("bright block", found - bright, relative * np.abs(found), full)
    # End to end: random weights through the measured table, and what light makes of them.
    drawn = np.random.default_rng(9).uniform(-0.9, 0.9, found.shape)
    weights = (drawn * table.largest_weights(gain)).astype(np.float32)
    shown = table.encode(weights, gain)
    light = np.empty((2 * table.rows, table.columns), np.float32)
    stage.panel.coefficients(shown.depth, shown.offset, stage.row_gains, stage.column_gains, light)
    seen, asked = outer * light[: table.rows], response[:, None] * weights
    compared.note("end to end", seen - asked, full_scale=full)


def _compare_medium(session, truth, twin, stage, compared):
    table = session.tables.absorbers[stage]
    depth = truth.absorber.depth
    compared.note(
        "optical depth",
        table.optical_depth - depth,
        np.sqrt(table.covariance["optical_depth"]),
        depth,
    )
    banks = session.section(stage).taps.z, session.section(stage).taps.a
    front, behind = (session.tables.taps[bank] for bank in banks)
    true_front, true_behind = (tap_response(twin, bank) for bank in banks)
    compared.note(
        "saturation",
        front.volts_per_field - true_front,
        np.sqrt(front.covariance["volts_per_field"]),
        true_front,
    )
    alive = (front.volts_per_field != 0) & (behind.volts_per_field != 0)
    ratio = behind.volts_per_field[alive] / front.volts_per_field[alive]
    true_ratio = true_behind[alive] / true_front[alive]
    compared.note(
        "detector ratio",
        ratio - true_ratio,
        np.sqrt(behind.covariance["ratio_to_z"][alive]),
        true_ratio,
    )


def _compare_amplifier(session, twin, result, compared):
    name = "saturation power, in saturation powers of the medium"
    for one in result.quantities:
        if one.name == name:
            watts = session.light.file.optics.saturation_power
            truth = twin.imperfections.amplifiers.saturation_power / watts
            # A tenth of the saturation power comes out: what part of it is that.
            found, sigma = 0.1 * truth / one.value, 0.1 * truth * one.sigma / one.value**2
            compared.note("power over saturation", found - 0.1, sigma)
