"""Simulated phase shifters: heat makes phase, at the neighbours too, and not at once."""

import numpy as np
import pytest
from simulated_bench import TIMEOUT, simulated_bench


@pytest.fixture
def bench():
    # pi at 20 mW, 5 % at the neighbour, 30 us.
    return simulated_bench(settings={"heaters": {"cross_talk": 0.05}})


def heat(bench, watts, wait=True):
    bench["heaters"].set_heater_watts(np.asarray(watts, float))
    if wait:
        bench.twin.clock.wait(1.0)
    return bench["heaters"].phases_radians()


def test_its_half_wave_power_makes_pi_and_the_phase_is_linear_in_power(bench):
    one = heat(bench, [0, 0, 20e-3, 0, 0, 0])
    assert one[2] == pytest.approx(np.pi)
    np.testing.assert_allclose(heat(bench, [0, 0, 5e-3, 0, 0, 0]), one / 4, rtol=1e-9)


def test_neighbours_feel_it_in_powers_of_the_cross_talk(bench):
    phases = heat(bench, [0, 0, 20e-3, 0, 0, 0]) / np.pi
    np.testing.assert_allclose(phases, [0.0025, 0.05, 1, 0.05, 0.0025, 0.000125], rtol=1e-9)


def test_heaters_add_up(bench):
    first = heat(bench, [10e-3, 0, 0, 0, 0, 0])
    second = heat(bench, [0, 0, 0, 0, 0, 15e-3])
    both = heat(bench, [10e-3, 0, 0, 0, 0, 15e-3])
    np.testing.assert_allclose(both, first + second, rtol=1e-9)


def test_the_phase_follows_exponentially(bench):
    heat(bench, np.zeros(6))
    start = bench.twin.clock.now()
    heat(bench, [20e-3, 0, 0, 0, 0, 0], wait=False)
    for seconds in (0.0, 30e-6, 90e-6):
        bench.twin.clock.seconds = start + seconds
        expected = np.pi * (1 - np.exp(-seconds / 30e-6))
        assert bench["heaters"].phases_radians()[0] == pytest.approx(expected, abs=1e-6)


def test_waiting_leaves_a_part_in_a_thousand(bench):
    heat(bench, [20e-3, 0, 0, 0, 0, 0], wait=False)
    bench["heaters"].wait_until_settled(TIMEOUT)
    missing = np.pi - bench["heaters"].phases_radians()[0]
    assert 0 < missing < 1e-3 * np.pi


def test_made_safe_it_cools_with_the_same_time_constant(bench):
    heat(bench, [20e-3, 0, 0, 0, 0, 0])
    bench["heaters"].make_safe()
    bench.twin.clock.wait(30e-6)
    assert bench["heaters"].phases_radians()[0] == pytest.approx(np.pi / np.e)
