"""Simulated phase actuators: homodyne readings turn with the cosine of their phase."""

import numpy as np
import pytest
from simulated_bench import HIDDEN, INPUTS, OUTPUTS, TIMEOUT, simulated_bench, volts_for

from instruments.errors import InstrumentError

BANKS = ["z", "a", "delta", "rho", "outputs"]


@pytest.fixture
def bench():
    """Weights that are real and positive everywhere, so that all light is in phase."""
    bench = simulated_bench()
    bench.switch_on()
    for panel, shape in (("slm_1", (HIDDEN, INPUTS)), ("slm_2", (OUTPUTS, HIDDEN))):
        bench.show(panel, np.ones(shape, np.float32), np.zeros(shape, np.float32))
    return bench


def readings(bench, volts):
    bench["actuators"].set_volts(np.asarray(volts, float))
    bench["actuators"].wait_until_settled(TIMEOUT)
    return bench.expose(volts_for(np.full((1, INPUTS), 0.5)), volts_for(np.full((1, OUTPUTS), 0.3)))


@pytest.mark.parametrize("channel", range(5))
def test_each_channel_turns_one_bank_in_the_order_of_the_stages_and_ports(bench, channel):
    # The half-wave voltage is 5 V.
    straight = readings(bench, np.zeros(5))
    for volts, factor in ((1.0, 0.809017), (2.5, 0.0), (5.0, -1.0), (10.0, 1.0)):
        turned = readings(bench, volts * (np.arange(5) == channel))
        for index, bank in enumerate(BANKS):
            expected = straight[bank] * (factor if index == channel else 1.0)
            scale = np.abs(straight[bank]).max()
            np.testing.assert_allclose(turned[bank], expected, atol=1e-5 * scale, err_msg=bank)


def test_it_takes_its_time_to_settle(bench):
    actuators, clock = bench["actuators"], bench.twin.clock
    before = clock.now()
    actuators.set_volts(np.zeros(5))
    assert clock.now() == before
    actuators.wait_until_settled(TIMEOUT)
    assert clock.now() - before == pytest.approx(actuators.settling_seconds)


def test_too_few_channels_for_the_banks_are_refused():
    with pytest.raises(InstrumentError, match="4 channels for 5 banks"):
        simulated_bench(settings={"actuators": {"channels": 4}})
