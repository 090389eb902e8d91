"""The simulated oven: relaxation to its target, and the vapour it makes."""

from itertools import pairwise

import numpy as np
import pytest
from simulated_bench import HIDDEN, INPUTS, TIMEOUT, simulated_bench, volts_for

from instruments.errors import LimitError


def lit(**changes):
    bench = simulated_bench(**changes)
    bench.switch_on()
    bench.show(
        "slm_1", np.ones((HIDDEN, INPUTS), np.float32), np.zeros((HIDDEN, INPUTS), np.float32)
    )
    return bench


def depth_seen(bench):
    readings = bench.expose(volts_for(np.full((1, INPUTS), 1e-3)))
    return float(-2 * np.log(readings["a"][0, 0] / readings["z"][0, 0]))


def depth_at(bench, celsius):
    bench["oven"].set_temperature_celsius(celsius)
    bench["oven"].wait_until_settled(TIMEOUT)
    return depth_seen(bench)


def test_the_optical_depth_follows_the_vapour_pressure():
    # Alcock 1984: log10 P = 4.312 - 4040 / T over liquid rubidium. The density is P / kT, and
    # the Doppler width takes another root of T (very nearly) off the cross section.
    bench = lit()
    assert depth_at(bench, 75.0) == pytest.approx(10.0, abs=1e-3)
    for celsius in (65.0, 80.0):
        kelvin, nominal = celsius + 273.15, 348.15
        pressure = 10 ** (-4040 / kelvin + 4040 / nominal)
        expected = 10.0 * pressure * (nominal / kelvin) ** 1.5
        assert depth_at(bench, celsius) == pytest.approx(expected, rel=2e-3)


def test_a_cell_at_room_temperature_is_nearly_clear():
    bench = lit()
    assert depth_at(bench, 22.0) < 0.2


def test_it_approaches_its_target_with_its_time_constant():
    bench = simulated_bench(settings={"oven": {"time_constant": "2 s", "ambient": "20 degC"}})
    oven, clock = bench["oven"], bench.twin.clock
    oven.set_temperature_celsius(70.0)
    oven.set_enabled(True)
    for seconds in (1.0, 2.0, 5.0):
        clock.seconds = seconds
        left = 50 * np.exp(-seconds / 2.0)
        assert oven.temperature_celsius() == pytest.approx(70.0 - left, abs=1e-9)
    oven.wait_until_settled(TIMEOUT)
    assert oven.temperature_celsius() == 70.0
    # 50 kelvin down to 0.01: 8.5 time constants.
    assert clock.now() == pytest.approx(2.0 * np.log(5000), rel=1e-6)


def test_switched_off_it_cools_and_the_cell_clears_while_shots_are_taken():
    bench = lit()
    bench["oven"].set_enabled(False)
    depths = [depth_seen(bench)]
    for _ in range(3):
        bench.twin.clock.wait(0.2)
        depths.append(depth_seen(bench))
    assert depths[0] == pytest.approx(10.0, rel=0.01)
    assert all(later < 0.8 * earlier for earlier, later in pairwise(depths))


def test_a_limit_of_the_bench_file_holds_for_the_first_target_too():
    bench = simulated_bench(limits={"oven": {"temperature_celsius": ["60 degC", "80 degC"]}})
    oven = bench["oven"]
    assert oven.target_celsius() == 60.0
    with pytest.raises(LimitError, match="85 degC"):
        oven.set_temperature_celsius(85.0)
