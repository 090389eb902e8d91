"""Simulated shutters: each cuts its own arm of light and no other."""

import numpy as np
import pytest
from example_benches import bench_file
from simulated_bench import INPUTS, OUTPUTS, simulated_bench, volts_for

from sim_backends.simulated.twin_of_bench import twin_of_bench

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


def test_the_pumps_shutter_cuts_what_joins_in_front_of_the_absorber_too():
    twin = twin_of_bench(bench_file("mnist_tiled", twin={"perfect": True}))
    twin.set_laser(enabled=True, detuning_hertz=0.0)
    twin.set_oven(75.0)
    for shutter in ("pump_shutter", "reference_shutter"):
        twin.set_shutter(shutter, True)
    twin.drive("emitters", np.full((1, 9), 1.5, np.float32))
    # 1.5 V of 3.5 V for a field of 6; a field E leaves the medium with exp(-5 / (1 + E^2)) of it.
    field = 6.0 * np.sin(np.pi / 2 * 1.5 / 3.5)
    lit = twin.expose(1, ["taps_z", "taps_a"])
    np.testing.assert_allclose(lit["taps_z"], 0.1 * field, rtol=1e-4)
    left = np.exp(-5 / (1 + field**2))
    np.testing.assert_allclose(lit["taps_a"], 0.2 * field * left, rtol=1e-4)
    twin.set_shutter("pump_shutter", False)
    for volts in twin.expose(1, ["taps_z", "taps_a"]).values():
        np.testing.assert_array_equal(volts, 0)


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
