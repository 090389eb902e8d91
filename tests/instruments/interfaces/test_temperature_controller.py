"""Temperature controllers."""

import math

import pytest

from instruments.errors import InstrumentError, LimitError

KINDS = ("temperature_controller",)


def near(controller):
    """Return a target close to where it is, so that a real oven need not be waited for."""
    limit = controller.limits()["temperature_celsius"]
    return min(max(controller.temperature_celsius() + 0.5, limit.low), limit.high)


def test_it_reaches_its_target_once_enabled(rig):
    controller = rig.instrument
    target = near(controller)
    controller.set_temperature_celsius(target)
    assert controller.target_celsius() == pytest.approx(target, abs=0.01)
    controller.set_enabled(True)
    assert controller.enabled()
    controller.wait_until_settled(rig.timeout_seconds)
    assert controller.temperature_celsius() == pytest.approx(target, abs=0.2)


def test_a_target_outside_the_limit_is_refused_and_the_old_one_stays(rig):
    controller = rig.instrument
    before = controller.target_celsius()
    limit = controller.limits()["temperature_celsius"]
    for wrong in (limit.high + 1.0, limit.low - 1.0, math.nan):
        with pytest.raises(LimitError, match=controller.name):
            controller.set_temperature_celsius(wrong)
    assert controller.target_celsius() == before


def test_there_is_nothing_to_wait_for_while_it_is_off(rig):
    with pytest.raises(InstrumentError, match=rig.instrument.name):
        rig.instrument.wait_until_settled(rig.timeout_seconds)


def test_safe_it_is_off(rig):
    rig.instrument.set_enabled(True)
    rig.instrument.make_safe()
    assert not rig.instrument.enabled()
