"""A copy is what was given, and it is known whether it keeps to its bounds."""

from contextlib import nullcontext

import numpy as np
import pytest

from instruments.checked_copy import copied_within, is_finite
from instruments.shared_loops import shared_by_all_cores


def copied(values, low=-5.0, high=5.0):
    copy = np.full(values.shape, np.nan, np.float32)
    within = copied_within(low, high, values, copy)
    np.testing.assert_array_equal(copy, values.astype(np.float32))
    return within


@pytest.mark.parametrize("type_", [np.float16, np.float32, np.float64, np.int64, ">f4", ">f8"])
def test_values_up_to_the_bounds_are_within(type_):
    values = np.linspace(-5, 5, 77).reshape(7, 11).astype(type_)
    assert copied(values)
    assert copied(values[:, ::2])
    assert not copied(values, high=4.0)
    assert not copied(values, low=-4.0)


@pytest.mark.parametrize("place", [(0, 0), (3, 5), (6, 10)])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.nextafter(np.float32(5), 6)])
def test_one_value_beyond_the_bounds_is_found_wherever_it_is(place, value):
    values = np.zeros((7, 11), np.float32)
    values[place] = value
    assert not copied(values)


def test_bounds_are_rounded_as_the_values_are():
    assert copied(np.array([[0.1]], np.float32), high=0.1)
    assert copied(np.array([[0.1]], np.float64), high=0.1)


@pytest.mark.parametrize("type_", [np.float16, np.float32, np.float64, np.int64, ">f4"])
def test_finite_values_are_finite_however_large(type_):
    values = np.zeros((7, 11), type_)
    values[4, 2] = np.finfo(type_).max if values.dtype.kind == "f" else 2**60
    assert is_finite(values)
    assert is_finite(values[:, ::2])
    assert is_finite(values[:0])


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("type_", [np.float16, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (50, 150), (99, 199)])
def test_one_value_that_is_no_finite_number_is_found_wherever_it_is(place, value, type_, cores):
    values = np.zeros((100, 200), type_)
    values[place] = value
    with shared_by_all_cores(20_000) if cores > 1 else nullcontext():
        assert not is_finite(values)
        assert not is_finite(values.T)
