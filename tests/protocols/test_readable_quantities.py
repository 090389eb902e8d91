"""Quantities are shown as a person writes them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.limits import Limit
from instruments.quantities import POWER, parse_quantity
from protocols.readable_quantities import readable, readable_duration, readable_limit


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.0466666, "s", "46.7 ms"),
        (521e-9, "W", "521 nW"),
        (0.9996e-3, "s", "1 ms"),
        (0.0, "W", "0 W"),
        (-1e10, "Hz", "-10 GHz"),
        (75.0, "degC", "75 degC"),
        (0.3, "", "0.3"),
    ],
)
def test_a_value_has_three_digits_and_a_prefix(value, unit, shown):
    assert readable(value, unit) == shown


@settings(deadline=None)
@given(st.floats(1e-14, 1e13))
def test_what_is_shown_reads_back_to_three_digits(value):
    assert parse_quantity(readable(value, "W"), POWER) == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.002, "2 ms"), (59.0, "59 s"), (228.0, "3.8 min"), (7200.0, "2.0 h")]
)
def test_long_times_are_in_minutes_and_hours(seconds, shown):
    assert readable_duration(seconds) == shown


@pytest.mark.parametrize(
    ("quantity", "limit", "shown"),
    [
        ("current_amperes", Limit(0, 0.2, "A"), "current 0 A to 200 mA"),
        ("volts", Limit(-5, 5, "V"), "volts -5 V to 5 V"),
        ("shots", Limit(1, 65536, "shots"), "shots 1 to 65536"),
        ("level", Limit(0, 255, "grey levels"), "level 0 to 255 grey levels"),
        ("temperature_celsius", Limit(15, 90, "degC"), "temperature 15 to 90 degC"),
        ("power_watts", Limit(-math.inf, 0.1, "W"), "power up to 100 mW"),
        ("shots", Limit(1, math.inf, "shots"), "shots from 1"),
        ("volts", Limit(-math.inf, math.inf, "V"), "volts without limit"),
    ],
)
def test_a_limit_says_what_it_limits(quantity, limit, shown):
    assert readable_limit(quantity, limit) == shown
