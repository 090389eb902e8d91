"""Phase shifters: no heater above its power, nor all together above theirs."""

import numpy as np
import pytest

from instruments.errors import InstrumentError, LimitError

KINDS = ("phase_shifter_array",)


def little(heaters):
    limits = heaters.limits()
    most = min(limits["heater_watts"].high, limits["total_watts"].high / heaters.channels)
    return np.linspace(0.1, 0.5, heaters.channels) * most


def test_it_holds_the_powers_that_were_set(rig):
    heaters = rig.instrument
    watts = little(heaters)
    heaters.set_heater_watts(watts)
    expected = watts.copy()
    watts[...] = 0.0
    heaters.wait_until_settled(rig.timeout_seconds)
    np.testing.assert_allclose(heaters.heater_watts(), expected, rtol=rig.reading_tolerance)
    assert heaters.settling_seconds >= 0


@pytest.mark.parametrize("wrong", ["above", "below", "not a number"])
def test_one_power_outside_the_limit_and_none_is_changed(rig, wrong):
    heaters = rig.instrument
    before = heaters.heater_watts()
    asked = little(heaters)
    limit = heaters.limits()["heater_watts"]
    asked[-1] = {"above": limit.high * 1.01, "below": -1e-3}.get(wrong, np.nan)
    with pytest.raises(LimitError, match=heaters.name):
        heaters.set_heater_watts(asked)
    np.testing.assert_array_equal(heaters.heater_watts(), before)


def test_the_sum_of_allowed_powers_may_still_be_too_much(rig):
    heaters = rig.instrument
    limits = heaters.limits()
    each = limits["heater_watts"].high
    if each * heaters.channels <= limits["total_watts"].high:
        pytest.skip("it can take all heaters at full power")
    with pytest.raises(LimitError, match="total"):
        heaters.set_heater_watts(np.full(heaters.channels, each))


def test_another_number_of_channels_is_refused(rig):
    with pytest.raises(InstrumentError, match="shape"):
        rig.instrument.set_heater_watts(np.zeros(rig.instrument.channels + 1))


def test_safe_it_is_cold(rig):
    rig.instrument.set_heater_watts(little(rig.instrument))
    rig.instrument.make_safe()
    np.testing.assert_array_equal(rig.instrument.heater_watts(), 0.0)
