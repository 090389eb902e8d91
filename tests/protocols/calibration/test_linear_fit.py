"""Linear fits agree with numpy's own for a line, and with repeated noise."""

import numpy as np
import pytest

from protocols.calibration.linear_fit import fit_linear


def test_a_line_is_fitted_as_numpy_does_with_the_same_covariance():
    generator = np.random.default_rng(0)
    x = np.linspace(0, 1, 12)
    y = 0.3 * x - 2.0 + 0.05 * generator.standard_normal(12)
    expected, covariance = np.polyfit(x, y, 1, cov=True)
    found = fit_linear(np.stack([x, np.ones(12)], axis=1), y)
    np.testing.assert_allclose(found.parameters, expected, rtol=1e-12)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-9)


def test_parameters_scatter_from_noise_to_noise_by_their_sigmas():
    generator = np.random.default_rng(1)
    columns, truth = generator.standard_normal((30, 3)), np.array([1.0, -2.0, 0.5])
    found = [
        fit_linear(columns, columns @ truth + 0.1 * generator.standard_normal(30))
        for _ in range(2000)
    ]
    off = np.array([(one.parameters - truth) / one.sigmas for one in found])
    # Student's distribution with 27 degrees of freedom has a variance of 27 / 25.
    assert np.square(off).mean(axis=0) == pytest.approx(27 / 25, rel=0.1)


def test_columns_that_depend_on_each_other_are_told():
    x = np.linspace(0, 1, 9)
    nearly = np.stack([x, 2 * x + 1e-8 * np.sin(9 * x)], axis=1)
    assert fit_linear(nearly, x, smallest=1e-6).rank == 1
    assert fit_linear(nearly, x).rank == 2
