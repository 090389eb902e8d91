"""Simulated shutters: each cuts its own arm of light and no other."""

import numpy as np
import pytest
from simulated_bench import INPUTS, OUTPUTS, simulated_bench, volts_for

INPUT_VOLTS = volts_for(np.full((1, INPUTS), 0.5))
ERROR_VOLTS = volts_for(np.full((1, OUTPUTS), 0.1))


@pytest.fixture
def bench():
    bench = simulated_bench()
    bench.switch_on()
    bench.show_random()
    return bench


def bright(bench):
    """Return the banks that read anything."""
    readings = bench.expose(INPUT_VOLTS, ERROR_VOLTS)
    return {name for name, volts in readings.items() if np.abs(volts).max() > 1e-7}


def test_with_all_open_light_goes_both_ways(bench):
    assert bright(bench) == {"z", "a", "delta", "rho", "outputs"}


def test_the_pumps_shutter_leaves_the_probe(bench):
    bench["pump_shutter"].set_open(False)
    assert bright(bench) == {"delta", "rho"}


def test_the_probes_shutter_leaves_the_pump(bench):
    bench["probe_shutter"].set_open(False)
    assert bright(bench) == {"z", "a", "outputs"}


def test_without_references_nothing_is_read_though_there_is_light(bench):
    bench["reference_shutter"].set_open(False)
    assert bright(bench) == set()
    assert np.abs(bench.twin.stages[0].z).max() > 0.01


def test_the_probe_finds_the_absorber_as_the_pump_left_it(bench):
    with_pump = bench.expose(INPUT_VOLTS, ERROR_VOLTS)
    bench["pump_shutter"].set_open(False)
    alone = bench.expose(INPUT_VOLTS, ERROR_VOLTS)
    bench["pump_shutter"].set_open(True)
    again = bench.expose(INPUT_VOLTS, ERROR_VOLTS)
    ratio = with_pump["delta"] / alone["delta"]
    # Unpumped, the probe's field is damped by exp(-10 / 2); pumped by the ratio a / z.
    np.testing.assert_allclose(ratio * np.exp(-5.0), again["a"] / again["z"], rtol=1e-3)


def test_moving_takes_the_twins_time_and_staying_none(bench):
    shutter, clock = bench["pump_shutter"], bench.twin.clock
    before = clock.now()
    shutter.set_open(True)
    assert clock.now() == before
    shutter.set_open(False)
    assert clock.now() - before == pytest.approx(shutter.travel_seconds)
