"""Each imperfection of modulators, panels and lenses alone moves the taps as physics says.

A field without a check fails. What a check expects it works out by hand (``light_by_hand``), from
volts, grey levels, amperes and degrees. Hidden values drawn at random are found from what the taps
read and must have the spread asked for.
"""

import light_by_hand as hand
import numpy as np
import pytest
from lit_twin import (
    EXACT,
    FULL,
    HALF_WAVE,
    HIDDEN,
    INPUTS,
    LEVELS,
    MODULATOR_STEP,
    PERIOD,
    Checks,
    all_at,
    coefficients,
    complex_z,
    has_spread,
    lit,
    random_levels,
    show,
    volts_for,
    z_at,
)
from scipy.optimize import least_squares

CHECKS = Checks("modulators", "panels", "path")


@pytest.mark.parametrize("field", CHECKS.fields)
def test_each_imperfection_alone_moves_the_taps_by_what_physics_says(field):
    CHECKS.run(field)


# Modulators -----------------------------------------------------------------------------------


@CHECKS.shows("modulators.half_wave_spread")
def half_wave_voltages_differ():
    found = []
    for seed in range(4):
        twin = lit("modulators", seed, half_wave_spread=0.02)
        half_wave = np.pi / (2 * np.arcsin(z_at(twin, all_at(1.0))[0] / FULL))
        expected = hand.modulated(-2.3, half_wave, FULL)
        np.testing.assert_allclose(z_at(twin, all_at(-2.3))[0], expected, atol=5e-6)
        found.append(half_wave / HALF_WAVE - 1)
    has_spread(found, 0.02)


@CHECKS.shows("modulators.bias_spread")
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


@CHECKS.shows("modulators.leakage")
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


@CHECKS.shows("modulators.bias_drift")
def biases_wander():
    has_spread(wandering_biases(1e4), 0.01)


@CHECKS.shows("modulators.bias_drift_time")
def biases_remember_where_they_were():
    first, second = wandering_biases(25.0, bias_drift_time="50 s")
    kept = (first * second).sum() / (first**2).sum()
    assert kept == pytest.approx(np.exp(-0.5), abs=4 * np.sqrt(1 - np.exp(-1)) / np.sqrt(1200))


@CHECKS.shows("modulators.quantised")
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


@CHECKS.shows("panels.stroke_spread")
def the_stroke_of_a_panel_is_off():
    has_spread(look_up_errors(stretched, 1.0, 60, stroke_spread=0.03) - 1, 0.03)


@CHECKS.shows("panels.bow")
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


@CHECKS.shows("panels.region_spread")
def regions_differ_by_a_share_of_the_panels_own_error():
    strokes = np.array([strokes_of_regions(seed, 2, 0.3) for seed in range(20)]).reshape(20, 4)
    within = strokes - strokes.mean(axis=1, keepdims=True)
    expected = 0.3 * 0.03
    assert np.sqrt((within**2).sum() / (20 * 3)) == pytest.approx(expected, rel=4 / np.sqrt(120))


@CHECKS.shows("panels.regions")
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


@CHECKS.shows("panels.cross_talk")
def blocks_give_light_to_their_neighbours():
    generator = np.random.default_rng(3)
    depth, offset = generator.random((2, HIDDEN, INPUTS))
    twin = lit("panels", diagonal=False, cross_talk=0.02)
    show(twin, "slm_1", depth, offset)
    own = hand.first_order(hand.straight, depth, offset, PERIOD)
    mixed = hand.shared_with_neighbours(own, 0.02)
    assert np.abs(mixed - own).max() > 0.02
    np.testing.assert_allclose(coefficients(twin), mixed, atol=1e-5)


@CHECKS.shows("panels.settling_time")
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


@CHECKS.shows("panels.quantised")
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


@CHECKS.shows("path.slit_half_width")
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


@CHECKS.shows("path.slit_decentring")
def a_slit_beside_the_axis_turns_the_columns():
    found = []
    for seed in range(12):
        twin = lit("path", seed, diagonal=False, slit_half_width=0.2705, slit_decentring=0.05)
        show(twin, "slm_1", np.ones((HIDDEN, INPUTS)))
        column = coefficients(twin)
        centre = twin.stages[0].slit_decentring
        expected = hand.apodised(INPUTS, 0.2705, centre)
        np.testing.assert_allclose(column, np.tile(expected, (HIDDEN, 1)), atol=2e-5)
        found.append(twin.stages[0].slit_decentring)
        found.append(twin.stages[1].slit_decentring)
    has_spread(found, 0.05)


def path_matrix(seed, **own):
    twin = lit("path", seed, diagonal=False, **own)
    show(twin, "slm_1", np.ones((HIDDEN, INPUTS)))
    return coefficients(twin).real


@CHECKS.shows("path.loss_spread")
def a_stage_passes_a_little_more_or_less():
    found = []
    for seed in range(60):
        matrix = path_matrix(seed, loss_spread=0.05)
        np.testing.assert_allclose(matrix, matrix[0, 0], atol=EXACT)
        found.append(matrix[0, 0] - 1)
    has_spread(found, 0.05)


@CHECKS.shows("path.neuron_spread")
def neurons_are_coupled_unequally():
    found = []
    for seed in range(4):
        matrix = path_matrix(seed, neuron_spread=0.03)
        rows, columns = matrix.mean(axis=1), matrix.mean(axis=0)
        np.testing.assert_allclose(matrix, np.outer(rows, columns) / matrix.mean(), atol=1e-5)
        found += [*(rows / rows.mean() - 1), *(columns / columns.mean() - 1)]
    has_spread(found, 0.03)
