"""Limits: what is inside goes through untouched, what is outside never leaves the computer."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instruments.errors import InstrumentError, LimitError
from instruments.limits import Limit, check_array, check_shape, check_value, none_above

LIMIT = Limit(-5.0, 5.0, "V")


@pytest.mark.parametrize("value", [-5.0, 0.0, 5.0, np.float32(1.5)])
def test_a_value_inside_or_on_the_edge_is_returned_as_a_float(value):
    checked = check_value("modulators", "bias", value, LIMIT)
    assert type(checked) is float
    assert checked == value


@pytest.mark.parametrize("value", [5.1, -7.0, math.nan, math.inf, -math.inf])
def test_a_value_outside_is_refused_with_instrument_quantity_asked_and_allowed(value):
    with pytest.raises(LimitError) as refusal:
        check_value("modulators", "bias", value, LIMIT)
    message = str(refusal.value)
    assert message == (
        f"modulators: bias of {value:g} V asked for; allowed is -5 to 5 V. Nothing was sent"
    )


def test_an_array_is_refused_for_one_element_and_the_first_such_is_named():
    volts = np.zeros((64, 30), np.float32)
    volts[3, 12] = 7.5
    volts[9, 1] = -6.0
    with pytest.raises(LimitError, match=r"volts of 7.5 V asked for at \[3, 12\] \(2 of 1920 "):
        check_array("modulators", "volts", volts, LIMIT)


def test_not_a_number_in_an_array_is_refused_and_found():
    volts = np.zeros((4, 3), np.float32)
    volts[2, 1] = np.nan
    with pytest.raises(LimitError, match=r"nan V asked for at \[2, 1\]"):
        check_array("modulators", "volts", volts, LIMIT)


def test_not_a_number_is_refused_even_where_every_number_is_allowed():
    with pytest.raises(LimitError, match="any number"):
        check_array("x", "volts", np.array([np.nan]), Limit(-math.inf, math.inf, "V"))


@pytest.mark.parametrize("type_", [np.uint16, ">u2", np.uint64])
@pytest.mark.parametrize(("low", "high", "refused"), [(0, 9, 10), (3, 20, 2), (-5, 9, 10)])
def test_whole_numbers_without_sign_are_held_to_both_edges(low, high, refused, type_):
    levels = np.array([[4, 5, 6], [9, 3, 7]], type_)
    check_array("slm", "level", levels, Limit(low, high, "grey levels"))
    levels[1, 2] = refused
    with pytest.raises(LimitError, match=rf"level of {refused} grey levels asked for at \[1, 2\]"):
        check_array("slm", "level", levels, Limit(low, high, "grey levels"))


def test_an_empty_array_has_nothing_to_refuse():
    check_array("modulators", "volts", np.empty((0, 3), np.float32), LIMIT)


@given(
    hnp.arrays(
        np.float64, hnp.array_shapes(max_dims=3, max_side=4), elements=st.floats(-10.0, 10.0)
    )
)
@settings(max_examples=60, deadline=None)
def test_an_array_is_allowed_exactly_when_each_of_its_elements_is(values):
    if all(value in LIMIT for value in values.flat):
        check_array("modulators", "volts", values, LIMIT)
    else:
        with pytest.raises(LimitError):
            check_array("modulators", "volts", values, LIMIT)


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (math.nan, 1.0), (0.0, math.nan)])
def test_an_empty_interval_is_no_limit(low, high):
    with pytest.raises(LimitError, match="lower bound"):
        Limit(low, high, "V")


def test_limits_read_as_a_person_writes_them():
    assert str(Limit(0.0, 0.3, "A")) == "0 to 0.3 A"
    assert str(Limit(1.0, math.inf, "shots")) == "at least 1 shots"
    assert str(Limit(-math.inf, 80.0, "degC")) == "at most 80 degC"


def test_a_limit_can_be_narrowed_but_never_widened():
    tighter = Limit(0.0, 3.0, "V")
    assert LIMIT.narrowed("modulators", "volts", tighter) is tighter
    with pytest.raises(LimitError, match="can only narrow"):
        LIMIT.narrowed("modulators", "volts", Limit(0.0, 6.0, "V"))
    with pytest.raises(LimitError, match="given in mV"):
        LIMIT.narrowed("modulators", "volts", Limit(0.0, 3.0, "mV"))


def test_shapes_are_checked_axis_by_axis():
    check_shape("modulators", "volts", np.zeros((64, 30)), (None, 30))
    with pytest.raises(InstrumentError, match=r"shape \[64, 30\] given; it takes \[any, 29\]"):
        check_shape("modulators", "volts", np.zeros((64, 30)), (None, 29))
    with pytest.raises(InstrumentError, match=r"shape \[30\] given"):
        check_shape("modulators", "volts", np.zeros(30), (None, 30))


@pytest.mark.parametrize("type_", [np.uint8, np.uint16])
def test_none_above_finds_a_number_wherever_it_is_and_however_many_cores_look(cores, type_):
    depths, offsets = np.full((7, 30), 200, type_), np.full((7, 30), 199, type_)
    assert none_above(200, depths, 199, offsets)
    for place in range(0, depths.size, 13):
        for levels in (depths, offsets):
            levels.flat[place] += 1
            assert not none_above(200, depths, 199, offsets)
            levels.flat[place] -= 1


@pytest.mark.parametrize("type_", [np.int16, ">u2", np.float32])
def test_none_above_leaves_unusual_numbers_to_others(type_):
    usual, unusual = np.zeros((2, 3), np.uint16), np.zeros((2, 3), type_)
    assert not none_above(200, usual, 200, unusual)
    assert not none_above(200, unusual, 200, usual)
    assert not none_above(200, usual[:0], 200, usual[:0])
