"""Trigger sources."""

import math

import pytest

from instruments.errors import LimitError

KINDS = ("trigger_source",)


def test_it_fires_and_is_done_in_time(rig):
    rig.instrument.fire(3)
    rig.instrument.wait_until_done(rig.timeout_seconds)
    rig.instrument.wait_until_done(rig.timeout_seconds)


def test_shots_outside_the_limit_are_refused(rig):
    limit = rig.instrument.limits()["shots"]
    wrong = [0, -1] + ([int(limit.high) + 1] if math.isfinite(limit.high) else [])
    for shots in wrong:
        with pytest.raises(LimitError, match="shots"):
            rig.instrument.fire(shots)


def test_the_period_can_be_set_within_its_limit(rig):
    trigger = rig.instrument
    limit = trigger.limits()["period_seconds"]
    wanted = min(max(1e-3, limit.low), limit.high)
    trigger.set_period_seconds(wanted)
    assert trigger.period_seconds() == pytest.approx(wanted, rel=rig.reading_tolerance)
    for wrong in (limit.low / 2, math.nan):
        with pytest.raises(LimitError, match="period"):
            trigger.set_period_seconds(wrong)


def test_stopped_it_can_fire_again(rig):
    rig.instrument.stop()
    rig.instrument.fire(1)
    rig.instrument.wait_until_done(rig.timeout_seconds)
