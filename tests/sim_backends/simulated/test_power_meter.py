"""The simulated power meter: watts of the light that is there between sequences."""

import numpy as np
import pytest
from simulated_bench import HALF_WAVE_VOLTS, INPUTS, simulated_bench

from instruments.errors import InstrumentError, LimitError

FIELD_WATTS = 521e-9


def holding(fields, **meter):
    """Return the meter of a bench whose modulators hold these fields."""
    bench = simulated_bench(settings={"meter": meter})
    bench.switch_on()
    volts = 2 / np.pi * HALF_WAVE_VOLTS * np.arcsin(np.full((1, INPUTS), fields))
    bench.load(volts)
    bench["trigger"].fire(1)
    return bench["meter"], bench


def test_it_reads_the_power_of_all_beams_in_watts():
    meter, _ = holding(1.0)
    assert meter.read_watts() == pytest.approx(6 * FIELD_WATTS, rel=1e-5)


def test_it_can_look_at_one_beam():
    fields = np.array([1.0, 0.5, 0.25, 0.0, 0.0, 0.0])
    meter, _ = holding(fields, neuron=1)
    assert meter.read_watts() == pytest.approx(FIELD_WATTS / 4, rel=1e-5)


def test_it_follows_the_laser_and_the_shutter():
    meter, bench = holding(1.0)
    bench["laser"].set_power_watts(10e-3)
    assert meter.read_watts() == pytest.approx(3 * FIELD_WATTS, rel=1e-5)
    bench["pump_shutter"].set_open(False)
    assert meter.read_watts() == 0.0


def test_behind_the_weights_it_sees_the_amplified_light():
    meter, bench = holding(1.0, port="z", neuron=0)
    depth = np.ones((5, 6), np.float32)
    bench.show("slm_1", depth, 0 * depth)
    # Six fields of 1 add up; 60 mA amplify by 30 dB (1 - exp(-2/3)), fan-out and losses take
    # a half of a thirtieth.
    gain = 10 ** (3 * (1 - np.exp(-2 / 3)))
    assert meter.read_watts() == pytest.approx(36 * gain * 0.5 / 30 * FIELD_WATTS, rel=1e-4)


def test_it_is_off_by_one_factor_that_its_seed_has_drawn():
    factors = []
    for seed in (1, 1, 2, 3):
        bench = simulated_bench(settings={"meter": {"uncertainty": 0.03}}, twin={"seed": seed})
        bench.switch_on()
        bench.load(np.full((1, INPUTS), HALF_WAVE_VOLTS))
        bench["trigger"].fire(1)
        factors.append(bench["meter"].read_watts() / (6 * FIELD_WATTS))
    assert factors[0] == factors[1]
    assert len({round(one, 9) for one in factors}) == 3
    assert all(1e-5 < abs(one - 1) < 0.12 for one in factors)


def test_averaging_quietens_it_and_takes_its_time():
    meter, bench = holding(0.0, noise="10 nW")
    single = np.std([meter.read_watts() for _ in range(200)])
    before = bench.twin.clock.now()
    averaged = np.std([meter.read_watts(100) for _ in range(200)])
    # 200 values give a deviation to 5 % (one standard error).
    assert single == pytest.approx(10e-9, rel=0.2)
    assert averaged == pytest.approx(1e-9, rel=0.2)
    assert bench.twin.clock.now() - before > 200 * 100 * 10e-3


def test_too_much_light_is_an_overload():
    meter, _ = holding(1.0, highest="1 uW")
    with pytest.raises(InstrumentError, match=r"overloaded at 3\.13e-06 W"):
        meter.read_watts()


def test_a_beam_that_is_not_there_and_no_readings_at_all_are_refused():
    with pytest.raises(InstrumentError, match=r"found 6; port x of stage 'first' has 6 beams"):
        simulated_bench(settings={"meter": {"neuron": 6}})
    meter, _ = holding(1.0)
    with pytest.raises(LimitError, match="averages of 0"):
        meter.read_watts(0)


def test_reading_it_leaves_an_armed_sequence_where_it_was():
    meter, bench = holding(1.0)
    bench.load(np.zeros((3, INPUTS)))
    assert meter.read_watts() == pytest.approx(6 * FIELD_WATTS, rel=1e-5)
    bench["trigger"].fire(3)
    bench["inputs"].wait_until_done(1.0)
