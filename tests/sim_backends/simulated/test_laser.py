"""The simulated laser: light or none, its power, its detuning from the cell's line."""

import numpy as np
import pytest
from simulated_bench import HIDDEN, INPUTS, TIMEOUT, simulated_bench, volts_for

from instruments.errors import LimitError

WEAK = volts_for(np.full((1, INPUTS), 1e-3))


def lit(**changes):
    bench = simulated_bench(**changes)
    bench.switch_on()
    bench.show(
        "slm_1", np.ones((HIDDEN, INPUTS), np.float32), np.zeros((HIDDEN, INPUTS), np.float32)
    )
    return bench


def depth_seen(bench, volts=WEAK):
    """Return the optical depth that weak light sees: twice the loss of field in nepers."""
    readings = bench.expose(volts)
    return -2 * np.log(readings["a"][0, 0] / readings["z"][0, 0])


def test_without_it_no_detector_sees_anything():
    bench = lit()
    volts = volts_for(np.full((1, INPUTS), 0.5))
    assert bench.expose(volts)["z"].min() > 0.01
    bench["laser"].set_enabled(False)
    for name, readings in bench.expose(volts).items():
        np.testing.assert_array_equal(readings, 0.0, err_msg=name)


def test_a_quarter_of_the_power_is_half_the_field():
    bench = lit()
    volts = volts_for(np.full((1, INPUTS), 0.5))
    whole = bench.expose(volts)["z"]
    bench["laser"].set_power_watts(bench["laser"].power_watts() / 4)
    np.testing.assert_allclose(bench.expose(volts)["z"], whole / 2, rtol=1e-5)


def test_on_resonance_weak_light_sees_the_nominal_optical_depth():
    assert depth_seen(lit()) == pytest.approx(10.0, abs=1e-3)


def test_half_a_line_away_half_the_optical_depth_is_left():
    # A Lorentz line of 6.07 MHz full width.
    bench = lit()
    for hertz in (3.035e6, -3.035e6):
        bench["laser"].set_detuning_hertz(hertz)
        assert depth_seen(bench) == pytest.approx(5.0, abs=1e-3)


def test_far_from_the_line_the_cell_is_clear():
    bench = lit()
    bench["laser"].set_detuning_hertz(5e9)
    readings = bench.expose(volts_for(np.full((1, INPUTS), 0.5)))
    np.testing.assert_allclose(readings["a"], readings["z"], rtol=2e-5)


def test_strong_light_bleaches_the_cell():
    # Eq. 4: the field loses alpha0 / 2 / (1 + E^2) nepers.
    bench = lit()
    bench["amplifier_1"].set_currents_amperes(np.array([0.2]))
    readings = bench.expose(volts_for(np.full((1, INPUTS), 0.5)))
    field = bench.twin.stages[0].z[0, 0, 0]
    assert field > 2
    lost = np.log(readings["z"][0, 0] / readings["a"][0, 0])
    assert lost == pytest.approx(5.0 / (1 + field**2), rel=1e-3)


def test_finding_the_lock_takes_the_twins_time():
    bench = simulated_bench(settings={"laser": {"lock_time": "0.3 s"}})
    laser, clock = bench["laser"], bench.twin.clock
    laser.set_enabled(True)
    before = clock.now()
    laser.lock(TIMEOUT)
    assert clock.now() - before == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("limits", "quantity"),
    [
        ({"power_watts": ["0 mW", "5 mW"]}, "power_watts of 0.02 W"),
        ({"detuning_hertz": ["1 GHz", "2 GHz"]}, "detuning_hertz of 0 Hz"),
    ],
)
def test_it_does_not_begin_outside_the_bench_files_limits(limits, quantity):
    with pytest.raises(LimitError, match=f"laser: {quantity}"):
        simulated_bench(limits={"laser": limits})
