import numpy as np
import pytest
from numba import njit

from sim_backends.twin.elementary_functions import exponential, sine


@njit
def exponentials(x, out):
    for i in range(x.size):
        out[i] = exponential(x[i])


@njit
def sines(x, out):
    for i in range(x.size):
        out[i] = sine(x[i])


def applied(loop, x):
    out = np.empty_like(x)
    loop(x, out)
    return out


def test_the_exponential_is_right_to_the_last_place_over_all_of_single_precision():
    x = np.linspace(-87, 88, 1_000_001).astype(np.float32)
    expected = np.exp(x.astype(np.float64))
    np.testing.assert_allclose(applied(exponentials, x), expected, rtol=1.2e-7)


@pytest.mark.parametrize("x", [0.0, 1e-30, -1e-30])
def test_the_exponential_of_next_to_nothing_is_one(x):
    assert applied(exponentials, np.array([x], np.float32))[0] == 1


def test_beyond_single_precision_the_exponential_stays_at_its_edge():
    smallest, largest = applied(exponentials, np.array([-1e4, 1e4], np.float32))
    assert smallest == pytest.approx(np.exp(-87.0), rel=1e-6)
    assert largest == pytest.approx(np.exp(88.0), rel=1e-6)


@pytest.mark.parametrize(("reach", "accuracy"), [(np.pi, 1.5e-7), (300.0, 4e-7)])
def test_the_sine_is_right_to_the_last_place(reach, accuracy):
    x = np.linspace(-reach, reach, 1_000_001).astype(np.float32)
    expected = np.sin(x.astype(np.float64))
    np.testing.assert_allclose(applied(sines, x), expected, rtol=0, atol=accuracy)


def test_the_sine_of_a_small_angle_keeps_its_relative_accuracy():
    x = np.geomspace(1e-20, 1e-2, 1000).astype(np.float32)
    both = np.concatenate([x, -x])
    np.testing.assert_allclose(applied(sines, both), np.sin(both.astype(np.float64)), rtol=1.2e-7)
