"""Lasers: emission, detuning and lock."""

import math

import pytest

from instruments.errors import InstrumentError, LimitError

KINDS = ("laser",)


def test_it_starts_dark(rig):
    assert not rig.instrument.enabled()
    assert not rig.instrument.locked()
    assert rig.instrument.wavelength_metres > 0


def test_it_gives_the_power_that_was_set_while_enabled(rig):
    laser = rig.instrument
    watts = laser.limits()["power_watts"].high / 10
    laser.set_power_watts(watts)
    assert laser.power_watts() == pytest.approx(0.0, abs=watts * rig.reading_tolerance)
    laser.set_enabled(True)
    assert laser.power_watts() == pytest.approx(watts, rel=rig.reading_tolerance)


def test_the_detuning_is_signed(rig):
    laser = rig.instrument
    for hertz in (laser.limits()["detuning_hertz"].low / 2, 0.0):
        laser.set_detuning_hertz(hertz)
        assert laser.detuning_hertz() == pytest.approx(hertz, rel=rig.reading_tolerance)


@pytest.mark.parametrize("quantity", ["detuning_hertz", "power_watts"])
def test_what_is_outside_its_limit_is_refused(rig, quantity):
    laser = rig.instrument
    limit = laser.limits()[quantity]
    for wrong in (limit.high * 2, math.nan):
        with pytest.raises(LimitError, match=laser.name):
            getattr(laser, f"set_{quantity}")(wrong)


def test_it_locks_only_with_light_and_loses_the_lock_without(rig):
    laser = rig.instrument
    with pytest.raises(InstrumentError, match=laser.name):
        laser.lock(rig.timeout_seconds)
    laser.set_power_watts(laser.limits()["power_watts"].high / 10)
    laser.set_enabled(True)
    laser.lock(rig.timeout_seconds)
    assert laser.locked()
    laser.set_enabled(False)
    assert not laser.locked()


def test_safe_it_does_not_emit(rig):
    rig.instrument.set_enabled(True)
    rig.instrument.make_safe()
    assert not rig.instrument.enabled()
    assert not rig.instrument.locked()
