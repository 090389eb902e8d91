"""What taps get wrong always and what they get wrong at random, against a twin's hidden truth."""

from dataclasses import replace

import numpy as np
import pytest
from benches_to_check import INPUTS, LABELS, LOSS, digits_text, opened, weights_for

from instruments.bench_file.reading import parse_bench_file
from protocols.health.gradient_fidelity import Level, compared
from protocols.health.repeated_frames import repeat
from protocols.health.signal_and_noise import _errors, tap_errors
from protocols.health.table_twin import TableTwin, exact_gradient
from sim_backends.ideal_network import IdealNetwork
from sim_backends.simulated.true_bench_tables import true_bench_tables
from sim_backends.twin.true_tables import optical_weights
from tests.sim_backends.support.example_benches import bench_file
from tests.sim_backends.support.example_benches import opened as opened_example

TAKES = 8


@pytest.fixture(scope="module")
def looked_at():
    """A bench with true tables, what its twin of tables says, and takes of a minibatch."""
    text = digits_text()
    tables = true_bench_tables(parse_bench_file(text, "digits"))
    with opened(text, tables) as (bench, twin):
        expected = TableTwin(bench)
        repeats = repeat(bench, INPUTS, LABELS, LOSS, TAKES)
        light = [optical_weights(twin, index) for index in (0, 1)]
        yield bench, twin, expected, repeats, light


@pytest.fixture(scope="module")
def deeper():
    """A perfect bench with two hidden layers of unequal width, its twin of tables, and takes."""
    file = bench_file(
        "mnist_14x14",
        layers=[12, 9, 7, 4],
        twin={"perfect": True},
        settings={"photodetector array": {"full_scale": "50 V"}},
        smooth_panels=True,
    )
    bench, _ = opened_example(file)
    with bench:
        bench.write(weights_for(bench, width=0.3))
        inputs = np.random.default_rng(5).uniform(0, 1, (16, 12)).astype(np.float32)
        repeats = repeat(bench, inputs, np.arange(16) % 4, LOSS, 2)
        yield bench, TableTwin(bench), repeats


def exact_gradient_of_an_ideal_network(bench, weights, inputs, errors):
    layers = [
        replace(one, unit=one.unit and replace(one.unit, derivative="exact"))
        for one in bench.layers
    ]
    ideal = IdealNetwork(layers)
    ideal.write(weights)
    passed = ideal.forward(inputs)
    return ideal.gradient(passed, ideal.backward(passed, errors))


def test_the_twin_of_true_tables_shows_the_weights_that_are_in_the_light(looked_at):
    _, _, expected, _, light = looked_at
    for shown, seen in zip(expected.weights, light, strict=True):
        np.testing.assert_allclose(shown, seen, atol=0.02 * np.abs(seen).max())


def test_each_bank_answers_for_itself(looked_at):
    bench, _, expected, repeats, _ = looked_at
    found = tap_errors(bench, expected, repeats)
    assert [(one.bank, one.port, one.layer) for one in found] == [
        ("taps_z", "z", 1),
        ("taps_a", "a", 1),
        ("outputs", "z", 2),
        ("taps_delta", "delta", 1),
    ]
    for one in found:
        assert one.scale == pytest.approx(1, abs=0.1)


def test_noise_is_what_the_detectors_and_their_light_have(looked_at):
    bench, twin, expected, repeats, _ = looked_at
    z = tap_errors(bench, expected, repeats)[0]
    truth = twin.detectors["taps_z"]
    volts = np.sqrt(truth.noise_variance[0]) / bench.light.taps["taps_z"].volts_per_field
    np.testing.assert_allclose(z.noise, np.abs(volts), rtol=0.4)
    assert np.mean(z.noise) == pytest.approx(np.mean(np.abs(volts)), rel=0.1)


def test_a_tap_that_is_off_is_a_signal_error_and_named(looked_at):
    bench, twin, expected, _, _ = looked_at
    truth = twin.detectors["outputs"]
    before = truth.response[2, 4]
    truth.response[2, 4] += 0.05
    repeats = repeat(bench, INPUTS, LABELS, LOSS, TAKES)
    truth.response[2, 4] = before
    outputs = tap_errors(bench, expected, repeats)[2]
    assert outputs.worst_tap == 4
    volts = bench.light.taps["outputs"].volts_per_field[4]
    assert outputs.signal[4] == pytest.approx(0.05 / volts, rel=0.05)


def test_noise_that_is_left_in_the_mean_is_no_signal_error():
    """Takes that are off by 0.02 and by noise of 0.1, of which 0.05 is left in the mean of four."""
    generator = np.random.default_rng(3)
    expected = generator.normal(size=(4000, 6))
    takes = (expected + 0.02 + generator.normal(0.0, 0.1, (4, 4000, 6))).astype(np.float32)
    found = _errors("taps", "z", 1, takes, takes.mean(axis=0), expected)
    np.testing.assert_allclose(found.noise, 0.1, rtol=0.03)
    # Squares of 4000 means scatter by 0.05^2 sqrt(2 / 4000): 6e-5 beside 4e-4.
    np.testing.assert_allclose(np.square(found.signal), 4e-4, atol=2e-4)


def test_averaging_pays_as_far_as_it_says(looked_at):
    """Then noise of the mean is as large as the signal error, and half as much would be hidden."""
    bench, _, expected, repeats, _ = looked_at
    for one in tap_errors(bench, expected, repeats):
        left = one.noise_share / np.sqrt(one.frames_that_pay)
        assert left <= one.signal_share or one.frames_that_pay == 100


def test_the_gradient_of_a_sound_bench_is_good(looked_at):
    _, _, expected, repeats, _ = looked_at
    references = expected.gradient(INPUTS, repeats.mean_output_errors())
    for one in compared(repeats, references):
        assert one.level is Level.GOOD
        assert one.gain == pytest.approx(1, abs=0.1)


def test_the_exact_gradient_is_that_of_an_ideal_network(looked_at):
    bench, _, expected, repeats, _ = looked_at
    errors = repeats.mean_output_errors()
    wanted = exact_gradient_of_an_ideal_network(bench, expected.weights, INPUTS, errors)
    for found, one in zip(exact_gradient(expected, INPUTS, errors), wanted, strict=True):
        np.testing.assert_allclose(found, one, atol=2e-3 * np.abs(one).max())


def test_the_exact_gradient_goes_back_through_every_hidden_layer(deeper):
    bench, expected, repeats = deeper
    inputs, errors = repeats.inputs, repeats.mean_output_errors()
    wanted = exact_gradient_of_an_ideal_network(bench, expected.weights, inputs, errors)
    for found, one in zip(exact_gradient(expected, inputs, errors), wanted, strict=True):
        np.testing.assert_allclose(found, one, atol=2e-3 * np.abs(one).max())


def test_every_layer_of_a_perfect_bench_is_expected_from_the_fields_of_its_own(deeper):
    bench, expected, repeats = deeper
    found = tap_errors(bench, expected, repeats)
    assert [(one.bank, one.layer) for one in found] == [
        ("taps_z", 1),
        ("taps_a", 1),
        ("taps_z", 2),
        ("taps_a", 2),
        ("taps_z", 3),
        ("taps_delta", 2),
        ("taps_delta", 1),
    ]
    for one in found:
        assert one.signal_share < 3e-3
