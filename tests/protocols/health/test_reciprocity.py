"""Weights are the same both ways, or as much apart as a twin's hidden truth was made to be."""

import numpy as np
import pytest
from benches_to_check import digits_text, weights_for
from benches_to_check import opened as opened_digits
from scipy.optimize import least_squares

from protocols.health.drift.checks import column_of, names_of_checks
from protocols.health.reciprocity import compare_ways, measure_reciprocity
from tests.sim_backends.support.example_benches import bench_file, opened

PERFECT = "perfect = true"
NOISY = f"""{PERFECT}
[twin.taps]
shot_noise = true
electronic_noise = "1 mV"
quantised = true
"""


def distance(forward, backward):
    """min ||W_f - D1 B D2|| / ||W_f||, found by a general minimiser."""
    count = len(forward)

    def apart(p):
        return (forward - p[:count, np.newaxis] * backward * p[count:]).ravel()

    found = least_squares(apart, np.ones(sum(forward.shape)))
    return np.linalg.norm(found.fun) / np.linalg.norm(forward)


def part_ways(twin, factors, stage=-1):
    """Let light meet blocks with these factors ``[outputs, inputs]`` on its way back only."""
    truth = twin.stages[stage]
    both = np.concatenate([factors, factors]).astype(np.float32)
    mask, back = truth._mask, truth.return_to_source

    def return_to_source(moment, noise):
        truth._mask = lambda at: mask(at) * both
        try:
            return back(moment, noise)
        finally:
            truth._mask = mask

    truth.return_to_source = return_to_source
    return truth


def mismatch(truth_shape, share):
    return 1 + share * np.random.default_rng(3).standard_normal(truth_shape)


def measured(bench, layer):
    return measure_reciprocity(bench, layer, np.random.default_rng(0))


def true_distance(truth, factors):
    weights = truth.settled_mask[: truth.layout.outputs].astype(np.float64)
    return distance(weights, weights * factors)


def test_a_perfect_bench_is_reciprocal():
    with opened_digits(digits_text(twin=PERFECT)) as (bench, _):
        assert measured(bench, 1).value < 1e-3


def test_gains_of_single_neurons_make_no_difference():
    """Taps and injectors of another response, weights of another one on the way back."""
    generator = np.random.default_rng(1)
    factors = generator.uniform(0.7, 1.3, (10, 1)) * generator.uniform(0.7, 1.3, 48)
    with opened_digits(digits_text(twin=PERFECT)) as (bench, twin):
        part_ways(twin, factors)
        assert measured(bench, 1).value < 1e-3


@pytest.mark.parametrize("share", [0.03, 0.1, 0.3])
def test_modes_that_do_not_match_are_found_by_their_size(share):
    with opened_digits(digits_text(twin=PERFECT)) as (bench, twin):
        factors = mismatch((10, 48), share)
        truth = part_ways(twin, factors)
        assert measured(bench, 1).value == pytest.approx(true_distance(truth, factors), rel=0.01)


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_noise_of_taps_is_taken_off(share):
    with opened_digits(digits_text(twin=NOISY)) as (bench, twin):
        factors = mismatch((10, 48), share)
        truth = part_ways(twin, factors)
        found = measured(bench, 1)
        assert found.sigma > 1e-3
        assert found.value == pytest.approx(true_distance(truth, factors), abs=4 * found.sigma)


@pytest.mark.parametrize("name", ["mnist_14x14", "mnist_tiled"])
@pytest.mark.parametrize("layer", [0, 1])
def test_layers_of_a_stage_that_serves_in_turn_are_measured_one_by_one(name, layer):
    bench, twin = opened(bench_file(name, twin={"perfect": True}))
    with bench:
        bench.write(weights_for(bench))
        assert bench.lit_both_ways() == [0, 1]
        assert measured(bench, layer).value < 2e-3
        outputs, inputs = bench.layers[layer].outputs, bench.layers[layer].inputs
        truth = twin.stages[0]
        factors = mismatch((truth.layout.outputs, truth.layout.inputs), 0.2)
        part_ways(twin, factors)
        # Every tile of a wide layer meets the same blocks.
        met = np.resize(factors.T, (inputs, len(factors))).T[:outputs]
        weights = bench.parameters()[layer].astype(np.float64)
        expected = distance(weights, weights * met)
        assert measured(bench, layer).value == pytest.approx(expected, rel=0.05)


def test_noise_of_either_take_is_nothing_in_the_mean():
    generator = np.random.default_rng(2)
    weights = generator.normal(size=(12, 30))

    def takes():
        return tuple(weights + 0.3 * generator.normal(size=weights.shape) for _ in range(2))

    found = [compare_ways(takes(), takes()) for _ in range(200)]
    assert np.median([one.value for one in found]) < 0.06
    assert np.mean([one.value < 3 * one.sigma for one in found]) > 0.97


def test_the_result_scatters_by_its_sigma():
    """Where what is left stands well above its noise: near 0 the root is not normal."""
    generator = np.random.default_rng(4)
    weights = generator.normal(size=(12, 30))
    factors = 1 + 0.2 * generator.normal(size=weights.shape)

    def takes(matrix):
        return tuple(matrix + 0.1 * generator.normal(size=weights.shape) for _ in range(2))

    found = [compare_ways(takes(weights), takes(weights * factors)) for _ in range(400)]
    scatter = np.std([one.value for one in found])
    assert 0.8 < scatter / np.mean([one.sigma for one in found]) < 1.25


def test_a_bench_without_taps_in_front_of_the_last_weights_says_nothing():
    text = digits_text().replace('bypass_detuning = "5 GHz"', "")
    with opened_digits(text) as (bench, _):
        assert bench.lit_both_ways() == []
        assert not [name for name in names_of_checks(bench) if name.startswith("reciprocity")]


def test_its_column_is_the_one_the_monitor_draws():
    with opened_digits(digits_text()) as (bench, _):
        assert "reciprocity_2" in names_of_checks(bench)
        assert column_of("reciprocity_2") == "reciprocity_2"
        assert column_of("null_inputs") == "drift_null_inputs"
