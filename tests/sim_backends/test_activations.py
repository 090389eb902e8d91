"""Computational activations against central differences and their stable limits."""

import numpy as np
import pytest

from sim_backends import activations

FUNCTIONS = [
    activations.rectified_linear,
    activations.hyperbolic_tangent,
    activations.sigmoid,
    activations.linear,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_derivatives_equal_finite_differences(function):
    inputs = np.array([-3.0, -0.4, 0.2, 1.7])
    step = 1e-5
    slope = (function(inputs + step)[0] - function(inputs - step)[0]) / (2 * step)
    np.testing.assert_allclose(function(inputs)[1], slope, atol=1e-9)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_large_inputs_stay_finite_and_single_precision(function):
    inputs = np.array([-1e4, 1e4], np.float32)
    for values in function(inputs):
        assert values.dtype == np.float32
        assert np.isfinite(values).all()


def test_sigmoid_is_the_logistic_function():
    inputs = np.linspace(-8, 8, 33)
    np.testing.assert_allclose(activations.sigmoid(inputs)[0], 1 / (1 + np.exp(-inputs)))
