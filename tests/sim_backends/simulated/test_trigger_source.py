"""The simulated trigger source: shots take the twin's time, at the pace of the slowest."""

import numpy as np
import pytest
from simulated_bench import INPUTS, simulated_bench

from instruments.errors import InstrumentError, LimitError


def test_shots_take_their_period_each():
    bench = simulated_bench()
    trigger, clock = bench["trigger"], bench.twin.clock
    before = clock.now()
    trigger.fire(64)
    assert clock.now() - before == pytest.approx(64 * 100e-6)
    trigger.set_period_seconds(2e-3)
    before = clock.now()
    trigger.fire(5)
    assert clock.now() - before == pytest.approx(5 * 2e-3)


def test_it_begins_with_the_bench_files_period():
    assert simulated_bench()["trigger"].period_seconds() == pytest.approx(100e-6)


def test_a_bench_file_that_wants_shots_faster_than_it_can_is_refused():
    with pytest.raises(LimitError, match=r"period_seconds of 0\.0001 s"):
        simulated_bench(settings={"trigger": {"shortest_period": "1 ms"}})
    with pytest.raises(LimitError, match=r"period_seconds of 0\.0001 s"):
        simulated_bench(limits={"trigger": {"period_seconds": ["1 ms", "1 s"]}})


def test_the_pace_is_that_of_the_slowest_instrument():
    # Mirrors that need 200 us a picture and a camera that exposes for 300 us.
    bench = simulated_bench(settings={"mirrors": {"shortest_picture": "200 us"}})
    bench["mirrors"].load(np.zeros((1, 24, 36), np.bool_))
    bench["camera"].set_exposure_seconds(300e-6)
    for period, too_slow in (
        (100e-6, {"mirrors", "camera"}),
        (200e-6, {"camera"}),
        (300e-6, set()),
    ):
        bench["trigger"].set_period_seconds(period)
        refused = set()
        for name, arm in (
            ("mirrors", bench["mirrors"].arm),
            ("camera", lambda: bench["camera"].arm(1)),
        ):
            try:
                arm()
                bench[name].stop()
            except InstrumentError:
                refused.add(name)
        assert refused == too_slow


def test_everything_armed_sees_the_same_shots():
    bench = simulated_bench()
    bench.switch_on()
    bench["camera"].arm(3)
    bench.load(np.ones((3, INPUTS)))
    bench["z"].arm(3)
    bench["trigger"].fire(3)
    assert bench["z"].read(1.0).shape == (3, 5)
    assert bench["camera"].read(1.0).shape == (3, 1)
    bench["inputs"].wait_until_done(1.0)
