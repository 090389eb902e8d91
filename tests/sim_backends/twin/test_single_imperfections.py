"""Each imperfection alone, on top of a perfect twin, moves the taps by what physics says.

There is a check for every field of ``Imperfections``; a new field without one fails. What a check
expects it works out by hand (``light_by_hand``), from volts, grey levels, amperes and degrees.
Hidden values drawn at random are found from what the taps read and must have the spread asked for.

The light of a digits bench: 64 modulators, 48 hidden neurons, 10 outputs. Unless a check says
otherwise block ``(j, j)`` of the first panel alone is open, so ``z_j`` is the field ``x_j``.
"""

from functools import cache

import light_by_hand as hand
import numpy as np
import pytest
from example_benches import bench_file
from pydantic import BaseModel
from scipy.optimize import least_squares

from sim_backends.simulated.twin_of_bench import twin_of_bench
from sim_backends.twin.imperfections import Imperfections

INPUTS, HIDDEN, OUTPUTS = 64, 48, 10
HALF_WAVE, FULL, ERROR_FULL = 3.5, 1.05, 0.35
MODULATOR_STEP = 10.0 / 2**14
Z_VOLTS, A_VOLTS, DELTA_VOLTS, OUTPUT_VOLTS = 0.1, 0.25, 2.0, 0.1
DETECTOR_STEP = 2.0 / 2**14
PERIOD, LEVELS = 9, 256
HIGHEST_DECIBELS, TRANSPARENCY, SCALE = 45.0, 0.02, 0.06
FIRST_PASSIVE = np.sqrt(0.5 / (HIDDEN * INPUTS))
SECOND_PASSIVE = np.sqrt(0.5 / (OUTPUTS * HIDDEN))
SATURATION_WATTS = 521e-9
WINDOW_SECONDS = 50e-6
PHOTONS = hand.photons(SATURATION_WATTS, WINDOW_SECONDS, 780.241e-9)
FAR_DETUNED = 20e9
QUARTER = np.pi / 2
EXACT = 2e-6

FIELDS = [
    f"{section}.{field}"
    for section, info in Imperfections.model_fields.items()
    if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)
    for field in info.annotation.model_fields
]
CHECKS = {}


def shows(field):
    def register(check):
        CHECKS[field] = check
        return check

    return register


@pytest.mark.parametrize("field", FIELDS)
def test_each_imperfection_alone_moves_the_taps_by_what_physics_says(field):
    assert field in CHECKS, f"nothing here shows what {field} does to the taps"
    CHECKS[field]()


def test_every_check_belongs_to_an_imperfection():
    assert set(CHECKS) <= set(FIELDS)
    assert len(FIELDS) > 30


# The bench ------------------------------------------------------------------------------------


@cache
def file_of(levels, settings):
    return bench_file(
        twin={}, smooth_panels=not levels, settings={name: dict(own) for name, own in settings}
    )


def lit(section, seed=1, *, levels=False, settings=(), diagonal=True, **own):
    """Return a twin with everything on, perfect but for ``own`` values of one section."""
    truth = {"perfect": True, "seed": seed, section: own}
    file = file_of(levels, settings).model_copy(update={"twin": truth})
    twin = twin_of_bench(file)
    twin.set_laser(enabled=True, detuning_hertz=0.0)
    twin.set_oven(75.0)
    for shutter in ("pump_shutter", "probe_shutter", "reference_shutter"):
        twin.set_shutter(shutter, True)
    amplify(twin, "amplifier_1", FIRST_PASSIVE**-2)
    amplify(twin, "amplifier_2", SECOND_PASSIVE**-2)
    if diagonal:
        show(twin, "slm_1", np.eye(HIDDEN, INPUTS))
    return twin


def amplify(twin, name, gain):
    """Drive amplifiers with the current of their data sheet for a power gain."""
    decibels = 10 * np.log10(gain)
    amperes = TRANSPARENCY - SCALE * np.log(1 - decibels / HIGHEST_DECIBELS)
    assert hand.gain_decibels(amperes, HIGHEST_DECIBELS, TRANSPARENCY, SCALE) == pytest.approx(
        decibels
    )
    twin.set_current(name, np.full(HIDDEN if name == "amplifier_2" else 1, amperes), enabled=True)


def show(twin, panel, depth, offset=None):
    """Show blocks, in waves or grey levels, and wait until they stand still."""
    levels = twin.imperfections.panels.quantised
    offset = np.zeros(np.shape(depth)) if offset is None else offset
    kind = np.uint16 if levels else np.float32
    whole = LEVELS if levels and np.max(depth) <= 1 else 1
    twin.show(panel, (np.asarray(depth) * whole).astype(kind), np.asarray(offset).astype(kind))
    twin.clock.wait(1.0)


def volts_for(fields, full=FULL):
    return (2 * HALF_WAVE / np.pi * np.arcsin(np.asarray(fields) / full)).astype("f")


def z_at(twin, volts, bank="taps_z", per_field=Z_VOLTS):
    """Return fields ``[shots, n]`` read with modulators at ``volts [shots, 64]``."""
    twin.drive("inputs", np.asarray(volts, np.float32))
    return twin.expose(len(volts), [bank])[bank].astype(float) / per_field


def all_at(volts, shots=1):
    return np.full((shots, INPUTS), volts, np.float32)


def complex_z(twin, volts, bank="taps_z", per_field=Z_VOLTS):
    """Read both quadratures with the reference turned by a quarter in between."""
    real = z_at(twin, volts, bank, per_field)
    twin.set_reference_phase(bank, QUARTER)
    imaginary = z_at(twin, volts, bank, per_field)
    twin.set_reference_phase(bank, 0.0)
    return real + 1j * imaginary


def coefficients(twin):
    """Return what light meets at every block of the first panel, column by column."""
    return complex_z(twin, volts_for(np.eye(INPUTS))).T


def random_levels(generator):
    depth = generator.integers(0, LEVELS + 1, (HIDDEN, INPUTS))
    depth[0, 0] = LEVELS
    return depth, generator.integers(0, LEVELS, (HIDDEN, INPUTS))


def has_spread(deviations, rms):
    """Check zero mean and rms of a sample, each within four of its standard errors."""
    values = np.ravel(deviations)
    assert abs(values.mean()) < 4 * rms / np.sqrt(values.size)
    assert values.std() == pytest.approx(rms, rel=4 / np.sqrt(2 * values.size))


# Modulators -----------------------------------------------------------------------------------


@shows("modulators.half_wave_spread")
def half_wave_voltages_differ():
    found = []
    for seed in range(4):
        twin = lit("modulators", seed, half_wave_spread=0.02)
        half_wave = np.pi / (2 * np.arcsin(z_at(twin, all_at(1.0))[0] / FULL))
        expected = hand.modulated(-2.3, half_wave, FULL)
        np.testing.assert_allclose(z_at(twin, all_at(-2.3))[0], expected, atol=5e-6)
        found.append(half_wave / HALF_WAVE - 1)
    has_spread(found, 0.02)


@shows("modulators.bias_spread")
def biases_are_away_from_null():
    found = []
    for seed in range(4):
        twin = lit("modulators", seed, bias_spread="0.05 rad")
        bias = np.arcsin(z_at(twin, all_at(0.0))[0] / FULL)
        for volts in (-2.0, 0.7, 3.0):
            expected = hand.modulated(volts, HALF_WAVE, FULL, bias)
            np.testing.assert_allclose(z_at(twin, all_at(volts))[0], expected, atol=EXACT)
        found.append(bias)
    has_spread(found, 0.05)


@shows("modulators.leakage")
def a_constant_field_leaks_through():
    twin = lit("modulators", leakage=0.03)
    dark = z_at(twin, all_at(0.0))[0]
    np.testing.assert_allclose(np.abs(dark), 0.03 * FULL, atol=EXACT)
    assert 0 < (dark > 0).sum() < HIDDEN
    for volts in (-3.0, 1.2, 3.5):
        expected = hand.modulated(volts, HALF_WAVE, FULL) + dark
        np.testing.assert_allclose(z_at(twin, all_at(volts))[0], expected, atol=EXACT)


def wandering_biases(lag_seconds, **own):
    """Return pairs of biases that long apart, the pairs independent of each other."""
    twin = lit("modulators", bias_drift="0.01 rad", **own)
    pairs = []
    for _ in range(25):
        pair = []
        for wait in (1e4, lag_seconds):
            twin.clock.wait(wait)
            pair.append(np.arcsin(z_at(twin, all_at(0.0))[0] / FULL))
        pairs.append(pair)
    return np.transpose(pairs, (1, 0, 2)).reshape(2, -1)


@shows("modulators.bias_drift")
def biases_wander():
    has_spread(wandering_biases(1e4), 0.01)


@shows("modulators.bias_drift_time")
def biases_remember_where_they_were():
    first, second = wandering_biases(25.0, bias_drift_time="50 s")
    kept = (first * second).sum() / (first**2).sum()
    assert kept == pytest.approx(np.exp(-0.5), abs=4 * np.sqrt(1 - np.exp(-1)) / np.sqrt(1200))


@shows("modulators.quantised")
def volts_come_in_steps_of_the_converter():
    twin = lit("modulators", quantised=True)
    volts = np.random.default_rng(0).uniform(-2, 2, (200, INPUTS)).astype("f")
    field = z_at(twin, volts)
    passed = 2 * HALF_WAVE / np.pi * np.arcsin(field / FULL)
    steps = passed / MODULATOR_STEP
    np.testing.assert_allclose(steps, np.rint(steps), atol=0.01)
    missed = passed - volts[:, :HIDDEN]
    assert np.abs(missed).max() <= 0.51 * MODULATOR_STEP
    assert missed.std() == pytest.approx(MODULATOR_STEP / np.sqrt(12), rel=0.03)


# Panels ---------------------------------------------------------------------------------------


def blocks_with(phase, shown):
    depth, offset = shown
    return hand.first_order(phase, depth, offset, PERIOD, LEVELS)


def stretched(stroke):
    return lambda waves: stroke * hand.straight(waves)


def bent(bow):
    return lambda waves: hand.straight(waves) + bow * np.sin(np.pi * waves) ** 2


def fitted(curve, measured, shown, start):
    """Return the parameter of a phase curve that explains blocks, and it has to explain them."""

    def missed(parameter):
        difference = blocks_with(curve(parameter[0]), shown) - measured
        return np.concatenate([difference.real.ravel(), difference.imag.ravel()])

    found = least_squares(missed, [start], xtol=1e-12)
    assert np.abs(missed(found.x)).max() < 1e-5
    return float(found.x[0])


def diagonal_blocks(shown):
    return [one[np.arange(HIDDEN), np.arange(HIDDEN)] for one in shown]


def look_up_errors(curve, start, count, **own):
    """Return the parameter of the look-up tables of ``count`` panels, found from their light."""
    found = []
    for seed in range(count):
        depth, offset = random_levels(np.random.default_rng(seed))
        only = np.eye(HIDDEN, INPUTS, dtype=int)
        twin = lit("panels", seed, levels=True, diagonal=False, quantised=True, **own)
        # A grating of no depth is dark whatever the curve: one block a row shines.
        show(twin, "slm_1", depth * only, offset)
        measured = complex_z(twin, volts_for(np.ones((1, INPUTS))))[0]
        found.append(fitted(curve, measured, diagonal_blocks((depth, offset)), start))
    return np.array(found)


@shows("panels.stroke_spread")
def the_stroke_of_a_panel_is_off():
    has_spread(look_up_errors(stretched, 1.0, 60, stroke_spread=0.03) - 1, 0.03)


@shows("panels.bow")
def the_phase_curve_of_a_panel_bends():
    has_spread(look_up_errors(bent, 0.0, 60, bow="0.25 rad"), 0.25)


def strokes_of_regions(seed, count, share):
    """Return the stroke ``[count, count]`` found in each region of a panel."""
    shown = random_levels(np.random.default_rng(seed))
    twin = lit(
        "panels",
        seed,
        levels=True,
        diagonal=False,
        quantised=True,
        stroke_spread=0.03,
        regions=count,
        region_spread=share,
    )
    show(twin, "slm_1", *shown)
    measured = coefficients(twin)
    strokes = np.empty((count, count))
    rows = np.array_split(np.arange(HIDDEN), count)
    columns = np.arange(INPUTS) * count // INPUTS
    for down in range(count):
        for across in range(count):
            part = np.ix_(rows[down][::3], np.flatnonzero(columns == across)[::3])
            blocks = tuple(one[part] for one in shown)
            strokes[down, across] = fitted(stretched, measured[part], blocks, 1.0)
    return strokes


@shows("panels.region_spread")
def regions_differ_by_a_share_of_the_panels_own_error():
    strokes = np.array([strokes_of_regions(seed, 2, 0.3) for seed in range(20)]).reshape(20, 4)
    within = strokes - strokes.mean(axis=1, keepdims=True)
    expected = 0.3 * 0.03
    assert np.sqrt((within**2).sum() / (20 * 3)) == pytest.approx(expected, rel=4 / np.sqrt(120))


@shows("panels.regions")
def there_are_as_many_curves_as_regions():
    strokes = strokes_of_regions(1, 3, 0.3).ravel()
    apart = np.abs(strokes[:, np.newaxis] - strokes) + np.eye(9)
    assert apart.min() > 1e-5
    # One curve does not explain them all.
    shown = random_levels(np.random.default_rng(1))
    own = {"stroke_spread": 0.03, "regions": 3, "region_spread": 0.3, "quantised": True}
    twin = lit("panels", levels=True, diagonal=False, **own)
    show(twin, "slm_1", *shown)
    with pytest.raises(AssertionError):
        fitted(stretched, coefficients(twin), shown, 1.0)


@shows("panels.cross_talk")
def blocks_give_light_to_their_neighbours():
    generator = np.random.default_rng(3)
    depth, offset = generator.random((2, HIDDEN, INPUTS))
    twin = lit("panels", diagonal=False, cross_talk=0.02)
    show(twin, "slm_1", depth, offset)
    own = hand.first_order(hand.straight, depth, offset, PERIOD)
    mixed = hand.shared_with_neighbours(own, 0.02)
    assert np.abs(mixed - own).max() > 0.02
    np.testing.assert_allclose(coefficients(twin), mixed, atol=1e-5)


@shows("panels.settling_time")
def a_new_frame_replaces_the_old_one_exponentially():
    generator = np.random.default_rng(4)
    before, after = generator.random((2, HIDDEN, INPUTS))
    wide = (("taps_z", (("full_scale", "10 V"),)),)
    twin = lit("panels", diagonal=False, settling_time="3 ms", settings=wide)
    show(twin, "slm_1", before)
    inputs = volts_for(generator.random((1, INPUTS)))
    old = z_at(twin, inputs)
    twin.show("slm_1", after.astype("f"), np.zeros_like(after, np.float32))
    began = twin.clock.now()
    read, seconds = [], []
    for _ in range(60):
        read.append(z_at(twin, inputs)[0])
        seconds.append(twin.clock.now() - began)
        twin.clock.wait(0.4e-3)
    twin.clock.wait(1.0)
    new = z_at(twin, inputs)
    left = np.exp(-np.array(seconds) / 3e-3)[:, np.newaxis]
    assert np.abs(new - old).max() > 0.5
    assert left.min() < 1e-4
    # What is left of the old frame counts as nothing once it is below one part in ten thousand.
    expected = new + left * (old - new)
    np.testing.assert_allclose(read, expected, atol=1e-4 * np.abs(new - old).max())
    seen = left[:, 0] > 1e-4
    np.testing.assert_allclose(np.array(read)[seen], expected[seen], atol=1e-5)


@shows("panels.quantised")
def grey_levels_are_whole_numbers():
    shown = random_levels(np.random.default_rng(5))
    twin = lit("panels", levels=True, diagonal=False, quantised=True)
    show(twin, "slm_1", *shown)
    measured = coefficients(twin)
    np.testing.assert_allclose(measured, blocks_with(hand.straight, shown), atol=1e-5)
    depth, offset = (one / LEVELS for one in shown)
    smooth = hand.first_order(hand.straight, depth, offset, PERIOD)
    # Steps of pixels of 2 pi / 256 sqrt(12), independent from pixel to pixel of a period.
    rounding = 2 * np.pi / LEVELS / np.sqrt(12) / np.sqrt(PERIOD)
    missed = np.abs(measured - smooth)
    assert 0.5 * rounding < np.sqrt((missed**2).mean()) < 1.5 * rounding


# Path -----------------------------------------------------------------------------------------


@shows("path.slit_half_width")
def a_slit_weakens_outer_inputs():
    twin = lit("path", diagonal=False, slit_half_width=0.2705)
    show(twin, "slm_1", np.ones((HIDDEN, INPUTS)))
    column = coefficients(twin)
    np.testing.assert_allclose(
        column, np.tile(hand.apodised(INPUTS, 0.2705), (HIDDEN, 1)), atol=1e-5
    )
    assert column.real.mean() == pytest.approx(0.961, abs=5e-4)
    # Half a block from the edge, where it is 0.884.
    assert column.real[:, [0, -1]] == pytest.approx(0.884 + 0.0036, abs=5e-4)


def path_matrix(seed, **own):
    twin = lit("path", seed, diagonal=False, **own)
    show(twin, "slm_1", np.ones((HIDDEN, INPUTS)))
    return coefficients(twin).real


@shows("path.loss_spread")
def a_stage_passes_a_little_more_or_less():
    found = []
    for seed in range(60):
        matrix = path_matrix(seed, loss_spread=0.05)
        np.testing.assert_allclose(matrix, matrix[0, 0], atol=EXACT)
        found.append(matrix[0, 0] - 1)
    has_spread(found, 0.05)


@shows("path.neuron_spread")
def neurons_are_coupled_unequally():
    found = []
    for seed in range(4):
        matrix = path_matrix(seed, neuron_spread=0.03)
        rows, columns = matrix.mean(axis=1), matrix.mean(axis=0)
        np.testing.assert_allclose(matrix, np.outer(rows, columns) / matrix.mean(), atol=1e-5)
        found += [*(rows / rows.mean() - 1), *(columns / columns.mean() - 1)]
    has_spread(found, 0.03)


# Amplifiers -----------------------------------------------------------------------------------


def amplified(twin, fields, gain):
    """Return light behind each amplifier of the second stage over that in front of it."""
    amplify(twin, "amplifier_2", gain)
    twin.set_laser(enabled=True, detuning_hertz=FAR_DETUNED)
    only_first = np.zeros((OUTPUTS, HIDDEN))
    only_first[0] = 1
    show(twin, "slm_2", only_first)
    # One neuron shines after the other, all blocks of the first output are open.
    shots = np.zeros((HIDDEN, INPUTS))
    shots[:, :HIDDEN] = np.diag(fields)
    front = np.diag(z_at(twin, volts_for(shots), "taps_a", A_VOLTS))
    behind = complex_z(twin, volts_for(shots), "outputs", OUTPUT_VOLTS)[:, 0]
    return behind / (SECOND_PASSIVE * front)


@shows("amplifiers.gain_spread")
def amplifiers_of_an_array_differ():
    found = []
    for seed in range(4):
        twin = lit("amplifiers", seed, gain_spread=0.05)
        gains = amplified(twin, np.full(HIDDEN, 0.5), 300.0)
        np.testing.assert_allclose(gains.imag, 0, atol=1e-4)
        found.append(gains.real / np.sqrt(300.0) - 1)
    has_spread(found, 0.05)
    # So do the single ones in front of all modulators, from bench to bench.
    single = [z_at(lit("amplifiers", one, gain_spread=0.05), LIGHT)[0] / 0.8 for one in range(60)]
    np.testing.assert_allclose(np.std(single, axis=1), 0, atol=EXACT)
    has_spread(np.mean(single, axis=1) - 1, 0.05)


def saturated(watts, **own):
    """Return measured field gains at 48 input fields, and those worked out by hand."""
    fields = np.linspace(0.02, 1.0, HIDDEN)
    twin = lit("amplifiers", saturates=True, saturation_power=f"{watts} W", **own)
    measured = amplified(twin, fields, 300.0)
    gain = hand.saturated_gain(300.0, fields**2 * SATURATION_WATTS / watts)
    return measured, gain


@shows("amplifiers.saturates")
def strong_light_finds_less_gain():
    measured, gain = saturated(1e-3)
    assert 255 < gain.min() < 270
    np.testing.assert_allclose(measured, np.sqrt(gain), rtol=1e-5)


@shows("amplifiers.saturation_power")
def it_is_the_power_of_saturation_that_counts():
    for watts, lowest in ((10e-3, 290), (0.5e-3, 210)):
        measured, gain = saturated(watts)
        assert lowest < gain.min() < lowest + 30
        np.testing.assert_allclose(measured, np.sqrt(gain), rtol=1e-5)


@shows("amplifiers.linewidth_enhancement")
def saturation_turns_the_phase():
    measured, gain = saturated(1e-3, linewidth_enhancement=5.0)
    phase = -5.0 / 2 * np.log(gain / 300.0)
    assert phase.max() > 0.3
    np.testing.assert_allclose(measured, np.sqrt(gain) * np.exp(1j * phase), rtol=1e-5)


@shows("amplifiers.inversion_factor")
def amplifiers_add_spontaneous_emission():
    shots, gain, factor = 2000, 1000.0, 2.0
    twin = lit("amplifiers", inversion_factor=factor)
    amplify(twin, "amplifier_2", gain)
    twin.set_laser(enabled=True, detuning_hertz=FAR_DETUNED)
    # Every output is open to four amplifiers of its own.
    blocks = np.zeros((OUTPUTS, HIDDEN))
    for output in range(OUTPUTS):
        blocks[output, 4 * output : 4 * output + 4] = 1
    show(twin, "slm_2", blocks)
    read = complex_z(twin, volts_for(np.full((shots, INPUTS), 0.3)), "outputs", OUTPUT_VOLTS)
    emitted = factor * (gain - 1) / 2 / PHOTONS
    for part, mean in ((read.real, 4 * 0.3 * np.sqrt(gain)), (read.imag, 0.0)):
        light = part / SECOND_PASSIVE
        np.testing.assert_allclose(light.mean(axis=0), mean, atol=1e-3 * np.sqrt(gain))
        noise = light - light.mean(axis=0)
        assert noise.std() == pytest.approx(np.sqrt(4 * emitted), rel=4 / np.sqrt(2 * noise.size))
        correlation = np.corrcoef(noise.T) - np.eye(OUTPUTS)
        assert np.abs(correlation).max() < 5 / np.sqrt(shots)


# Absorber -------------------------------------------------------------------------------------


def optical_depths(twin, field=0.6):
    """Return the optical depth in front of every neuron, from what passes."""
    inputs = volts_for(np.full((1, INPUTS), field))
    z, a = z_at(twin, inputs)[0], z_at(twin, inputs, "taps_a", A_VOLTS)[0]
    return -2 * (1 + z**2) * np.log(a / z)


@shows("absorber.depth_error")
def the_cell_absorbs_more_or_less_than_nominal():
    found = []
    for seed in range(60):
        twin = lit("absorber", seed, depth_error=0.05)
        depths = optical_depths(twin)
        np.testing.assert_allclose(depths, depths[0], rtol=1e-4)
        np.testing.assert_allclose(optical_depths(twin, 1.0), depths[0], rtol=1e-4)
        found.append(depths.mean() / 10 - 1)
    has_spread(found, 0.05)


@shows("absorber.depth_spread")
def beams_meet_unequal_depths():
    found = []
    for seed in range(4):
        twin = lit("absorber", seed, depth_spread=0.01)
        depths = optical_depths(twin)
        np.testing.assert_allclose(optical_depths(twin, 0.95), depths, rtol=1e-4)
        found.append(depths / 10 - 1)
    has_spread(found, 0.01)


@shows("absorber.finite_probe")
def a_probe_saturates_the_medium_too():
    generator = np.random.default_rng(6)
    fields, errors = generator.random((32, INPUTS)), generator.uniform(-0.3, 0.3, (32, OUTPUTS))
    blocks = generator.random((OUTPUTS, HIDDEN))
    read = {}
    for finite in (False, True):
        wide = (("taps_delta", (("full_scale", "10 V"),)),)
        twin = lit("absorber", finite_probe=finite, settings=wide)
        show(twin, "slm_2", blocks)
        amplify(twin, "amplifier_2", 4 * SECOND_PASSIVE**-2)
        twin.drive("errors", volts_for(errors, ERROR_FULL))
        read[finite] = z_at(twin, volts_for(fields), "taps_delta", DELTA_VOLTS)
    weights = 2 * hand.first_order(hand.straight, blocks, 0 * blocks, PERIOD)
    arriving = errors @ weights
    pump, probe = fields[:, :HIDDEN] ** 2, np.abs(arriving) ** 2
    assert probe.max() > 0.3
    assert np.abs(read[True] / read[False] - 1).max() > 0.5
    weak = hand.absorber_transmission(pump, 10) * arriving.real
    strong = hand.absorber_transmission(pump + probe, 10) * arriving.real
    np.testing.assert_allclose(read[False], weak, atol=EXACT)
    np.testing.assert_allclose(read[True], strong, atol=EXACT)


# Taps -----------------------------------------------------------------------------------------

STRONG = (("inputs", (("field_at_full", 25.0),)),)
LIGHT = volts_for(np.full((1, INPUTS), 0.8))
DARK = all_at(0.0)


@shows("taps.gain_spread")
def detectors_are_unequally_sensitive():
    found = []
    for seed in range(4):
        twin = lit("taps", seed, gain_spread=0.05)
        gains = z_at(twin, LIGHT)[0] / 0.8
        np.testing.assert_allclose(z_at(twin, -LIGHT)[0], -0.8 * gains, atol=EXACT)
        found.append(gains - 1)
    has_spread(found, 0.05)


@shows("taps.offset")
def detectors_read_volts_without_light():
    found = []
    for seed in range(4):
        twin = lit("taps", seed, offset="2 mV")
        twin.set_shutter("pump_shutter", False)
        offset = z_at(twin, LIGHT)[0] * Z_VOLTS
        twin.set_shutter("pump_shutter", True)
        np.testing.assert_allclose(z_at(twin, LIGHT)[0] - 0.8, offset / Z_VOLTS, atol=EXACT)
        found.append(offset)
    has_spread(found, 2e-3)


def phases(twin, bank="taps_z", per_field=Z_VOLTS):
    """Return the phase of each detector's reference, from light in both quadratures."""
    twin.set_laser(enabled=True, detuning_hertz=FAR_DETUNED)
    read = complex_z(twin, LIGHT, bank, per_field)[0]
    np.testing.assert_allclose(np.abs(read), 0.8, atol=1e-5)
    return -np.angle(read)


@shows("taps.bank_phase")
def the_reference_of_a_bank_is_out_of_phase():
    found = []
    for seed in range(30):
        twin = lit("taps", seed, bank_phase="0.1 rad")
        for bank, per_field in (("taps_z", Z_VOLTS), ("taps_a", A_VOLTS)):
            phase = phases(twin, bank, per_field)
            np.testing.assert_allclose(phase, phase[0], atol=1e-5)
            read = z_at(twin, LIGHT, bank, per_field)[0]
            np.testing.assert_allclose(read, 0.8 * np.cos(phase), atol=1e-5)
            found.append(phase[0])
    has_spread(found, 0.1)


@shows("taps.neuron_phase")
def references_differ_within_a_bank():
    found = []
    for seed in range(4):
        twin = lit("taps", seed, neuron_phase="0.03 rad")
        phase = phases(twin)
        np.testing.assert_allclose(z_at(twin, LIGHT)[0], 0.8 * np.cos(phase), atol=1e-5)
        found.append(phase)
    has_spread(found, 0.03)


def wandering_phases(lag_seconds, count=250, **own):
    """Return pairs of the phases of two banks that long apart, the pairs independent."""
    twin = lit("taps", phase_drift="0.03 rad", **own)
    twin.set_laser(enabled=True, detuning_hertz=FAR_DETUNED)
    twin.drive("inputs", LIGHT)
    twin.set_reference_phase("taps_z", QUARTER)
    twin.set_reference_phase("taps_a", QUARTER)
    pairs = []
    for _ in range(count):
        pair = []
        for wait in (1e4, lag_seconds):
            twin.clock.wait(wait)
            volts = twin.expose(1, ["taps_z", "taps_a"])
            reads = [volts["taps_z"][0, 0] / Z_VOLTS, volts["taps_a"][0, 0] / A_VOLTS]
            pair.append(-np.arcsin(np.array(reads) / 0.8))
        pairs.append(pair)
    return np.transpose(pairs, (1, 0, 2)).reshape(2, -1)


@shows("taps.phase_drift")
def phases_wander():
    has_spread(wandering_phases(1e4), 0.03)


@shows("taps.phase_drift_time")
def phases_remember_where_they_were():
    first, second = wandering_phases(10.0, phase_drift_time="20 s")
    kept = (first * second).sum() / (first**2).sum()
    assert kept == pytest.approx(np.exp(-0.5), abs=4 * np.sqrt(1 - np.exp(-1)) / np.sqrt(500))
    near, next_to_it = wandering_phases(0.02, phase_drift_time="20 s")
    moved = (next_to_it - near).std()
    assert moved == pytest.approx(0.03 * np.sqrt(2 * 1e-3), rel=4 / np.sqrt(1000) + 0.01)


def noise_at(field, shots=1000, settings=(), full=FULL, per_field=Z_VOLTS, **own):
    """Return the rms of readings of a field, in fields; the same in each shot and detector."""
    twin = lit("taps", settings=settings, **own)
    read = z_at(
        twin, np.tile(volts_for(np.full(INPUTS, field), full), (shots, 1)), "taps_z", per_field
    )
    noise = read - read.mean(axis=0)
    assert np.abs(read.mean(axis=0) - field).max() < 6 * noise.std() / np.sqrt(shots)
    assert np.abs(np.corrcoef(noise.T) - np.eye(HIDDEN)).max() < 6 / np.sqrt(shots)
    return noise.std()


def shot_limit(field, tapped=0.1, efficiency=0.8, visibility=0.95):
    """Return the rms by hand; the reference is a thousand times the signal of a field of 1."""
    quanta = tapped * PHOTONS
    rms = hand.homodyne_noise(field**2 * quanta, 1e3 * quanta, efficiency, visibility)
    return pytest.approx(rms / np.sqrt(quanta), rel=4 / np.sqrt(2 * 1000 * HIDDEN))


@shows("taps.shot_noise")
def light_comes_in_photons():
    assert noise_at(0.0, shot_noise=True) == shot_limit(0.0)
    wide = (*STRONG, ("taps_z", (("full_scale", "10 V"),)))
    assert noise_at(20.0, settings=wide, full=25.0, shot_noise=True) == shot_limit(20.0)


@shows("taps.tapped")
def a_smaller_share_tapped_is_noisier():
    assert noise_at(0.5, shot_noise=True, tapped=0.02) == shot_limit(0.5, tapped=0.02)


@shows("taps.efficiency")
def photons_that_are_lost_make_noise():
    assert noise_at(0.5, shot_noise=True, efficiency=0.3) == shot_limit(0.5, efficiency=0.3)


@shows("taps.visibility")
def poor_interference_makes_noise():
    assert noise_at(0.5, shot_noise=True, visibility=0.4) == shot_limit(0.5, visibility=0.4)


@shows("taps.electronic_noise")
def detectors_have_noise_of_their_own():
    expected = pytest.approx(0.2e-3 / Z_VOLTS, rel=4 / np.sqrt(2 * 1000 * HIDDEN))
    assert noise_at(0.0, electronic_noise="0.2 mV") == expected
    assert noise_at(0.9, electronic_noise="0.2 mV") == expected
    twin = lit("taps", electronic_noise="0.2 mV")
    twin.set_shutter("reference_shutter", False)
    assert z_at(twin, np.tile(LIGHT, (1000, 1))).std() == expected


@shows("taps.reflection")
def pump_is_reflected_into_the_backward_taps():
    twin = lit("taps", reflection=0.01)
    seen = complex_z(twin, LIGHT, "taps_delta", DELTA_VOLTS)[0]
    np.testing.assert_allclose(np.abs(seen), 0.01 * 0.8, atol=1e-7)
    # Of any phase, and in proportion to the pump.
    assert abs(np.exp(1j * np.angle(seen)).mean()) < 4 / np.sqrt(HIDDEN)
    fields = np.random.default_rng(7).uniform(-1, 1, (20, INPUTS))
    read = z_at(twin, volts_for(fields), "taps_delta", DELTA_VOLTS)
    np.testing.assert_allclose(read, fields[:, :HIDDEN] / 0.8 * seen.real, atol=1e-7)
    # The forward taps see none of it, and errors are added to it.
    np.testing.assert_allclose(z_at(twin, LIGHT)[0], 0.8, atol=EXACT)


@shows("taps.quantised")
def readings_come_in_steps_and_end_at_full_scale():
    twin = lit("taps", quantised=True)
    fields = np.random.default_rng(8).uniform(-1, 1, (200, INPUTS))
    volts = z_at(twin, volts_for(fields)) * Z_VOLTS
    steps = volts / DETECTOR_STEP
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    missed = volts - Z_VOLTS * fields[:, :HIDDEN]
    assert np.abs(missed).max() <= 0.51 * DETECTOR_STEP
    assert missed.std() == pytest.approx(DETECTOR_STEP / np.sqrt(12), rel=0.03)
    # A field of 20 would read 2 V.
    twin = lit("taps", settings=STRONG, quantised=True)
    for sign in (-1, 1):
        volts = z_at(twin, sign * volts_for(np.full((1, INPUTS), 20.0), 25.0))[0] * Z_VOLTS
        np.testing.assert_allclose(volts, sign * 1.0, rtol=1e-7)
