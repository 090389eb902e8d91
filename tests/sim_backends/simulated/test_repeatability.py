"""A simulated bench is repeatable by its seed, and goes on from a state bit for bit."""

import numpy as np
import pytest
from simulated_bench import INPUTS, OUTPUTS, PANEL_8_BIT, simulated_bench

REAL = {"perfect": False}
SETTINGS = {"slm_1": PANEL_8_BIT, "slm_2": PANEL_8_BIT, "meter": {"noise": "1 nW"}}


def noisy_bench(seed=1):
    bench = simulated_bench(twin={**REAL, "seed": seed}, settings=SETTINGS)
    bench.switch_on()
    bench.show_random(seed=5)
    return bench


def volts(number, shots=8):
    generator = np.random.default_rng(number)
    inputs = generator.uniform(-3, 3, (shots, INPUTS))
    return inputs, generator.uniform(-1, 1, (shots, OUTPUTS))


def measured(bench, number):
    """Return everything every instrument can measure in one exposure."""
    bench["camera"].arm(8)
    readings = dict(bench.expose(*volts(number)))
    readings["camera"] = bench["camera"].read_frames(1.0)
    readings["meter"] = bench["meter"].read_watts(2)
    return readings


def assert_equal(one, other):
    for name, readings in one.items():
        np.testing.assert_array_equal(readings, other[name], err_msg=name)


def test_the_same_seed_gives_the_same_readings():
    one, other = noisy_bench(), noisy_bench()
    for number in range(3):
        assert_equal(measured(one, number), measured(other, number))


def test_another_seed_gives_another_bench_and_other_noise():
    one, other = measured(noisy_bench(1), 0), measured(noisy_bench(2), 0)
    for name, readings in one.items():
        assert not np.array_equal(readings, other[name]), name


def test_two_exposures_of_the_same_differ_by_their_noise_alone():
    bench = noisy_bench()
    one, other = measured(bench, 0), measured(bench, 0)
    for name in ("z", "a", "delta", "outputs"):
        assert not np.array_equal(one[name], other[name])
        np.testing.assert_allclose(one[name], other[name], atol=5e-3)


def states(bench):
    built = bench.shared.built().items()
    return {name: one.state() for name, one in built if hasattr(one, "state")}


def restore(bench, kept):
    for name, one in bench.shared.built().items():
        if name in kept:
            one.restore(kept[name])


@pytest.mark.parametrize("continues_with", ["the same sequence", "another sequence"])
def test_from_a_state_another_bench_goes_on_bit_for_bit(continues_with):
    bench = noisy_bench()
    for number in range(3):
        measured(bench, number)
        bench.twin.clock.wait(0.7)
    kept = states(bench)
    assert {"twin", "noise of meter"} <= set(kept)
    following = [2, 3] if continues_with == "the same sequence" else [3, 4]
    expected = [measured(bench, number) for number in following]

    other = noisy_bench()
    restore(other, kept)
    for number, readings in zip(following, expected, strict=True):
        assert_equal(readings, measured(other, number))


def test_a_sequence_fired_again_after_a_state_was_taken_goes_on_bit_for_bit():
    bench = noisy_bench()
    inputs, errors = volts(1)
    bench.expose(inputs, errors)
    kept = states(bench)

    def again(one):
        for name in ("inputs", "errors"):
            one[name].arm()
        return one.expose(shots=8)

    expected = again(bench)
    other = noisy_bench()
    other["inputs"].load(np.float32(inputs))
    other["errors"].load(np.float32(errors))
    restore(other, kept)
    assert_equal(expected, again(other))


def test_a_state_taken_in_between_does_not_change_what_follows_it():
    bench, other = noisy_bench(), noisy_bench()
    measured(bench, 0)
    measured(other, 0)
    states(bench)
    assert_equal(measured(bench, 1), measured(other, 1))


def test_a_state_holds_the_frames_while_they_settle():
    benches = [noisy_bench(), noisy_bench()]
    for bench in benches:
        bench["slm_1"].show_frame(np.zeros((45, 54), np.uint8))
    kept = states(benches[0])
    expected = measured(benches[0], 0)
    restore(benches[1], kept)
    assert_equal(expected, measured(benches[1], 0))
