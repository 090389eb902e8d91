"""Actuators of the reference phase."""

import numpy as np
import pytest

from instruments.errors import InstrumentError, LimitError

KINDS = ("reference_phase",)


def middle(actuators):
    limit = actuators.limits()["volts"]
    return np.full(actuators.channels, (limit.low + limit.high) / 2 + 0.1)


def test_it_holds_the_voltages_that_were_set(rig):
    actuators = rig.instrument
    volts = middle(actuators)
    actuators.set_volts(volts)
    expected = volts.copy()
    volts[...] = 0.0
    actuators.wait_until_settled(rig.timeout_seconds)
    np.testing.assert_allclose(actuators.volts(), expected, rtol=rig.reading_tolerance)
    assert actuators.settling_seconds >= 0


@pytest.mark.parametrize("wrong", ["above", "below", "not a number"])
def test_one_voltage_outside_the_limit_and_none_is_changed(rig, wrong):
    actuators = rig.instrument
    before = actuators.volts()
    limit = actuators.limits()["volts"]
    asked = middle(actuators)
    asked[-1] = {"above": limit.high + 1.0, "below": limit.low - 1.0}.get(wrong, np.nan)
    with pytest.raises(LimitError, match=actuators.name):
        actuators.set_volts(asked)
    np.testing.assert_array_equal(actuators.volts(), before)


def test_another_number_of_channels_is_refused(rig):
    with pytest.raises(InstrumentError, match="shape"):
        rig.instrument.set_volts(np.zeros(rig.instrument.channels + 1))


def test_safe_it_is_without_voltage(rig):
    rig.instrument.set_volts(middle(rig.instrument))
    rig.instrument.make_safe()
    np.testing.assert_array_equal(rig.instrument.volts(), 0.0)
