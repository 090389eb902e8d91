"""Fits against truths that are known, and against scipy where it has the same fit."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import curve_fit

from protocols.calibration.fitting import (
    OUTLIER,
    Acceptance,
    Fit,
    fit,
    fit_each,
    fit_sparse,
    repeats_for,
)

X = np.linspace(-1, 1, 40)
TRUE = np.array([1.3, 0.4, -0.2])
NOISE = 0.01


def curve(p):
    return p[0] * np.sin(2 * X + p[1]) + p[2]


def readings(seed, noise=NOISE):
    return curve(TRUE) + noise * np.random.default_rng(seed).normal(size=X.size)


def fitted(y, noise=NOISE):
    return fit(lambda p: (curve(p) - y) / noise, [1.0, 0.0, 0.0])


def each(signals):
    def model(p):
        angle = 2 * X + p[:, 1:2]
        residuals = p[:, :1] * np.sin(angle) + p[:, 2:] - signals
        slopes = np.stack([np.sin(angle), p[:, :1] * np.cos(angle), np.ones_like(angle)], axis=2)
        return residuals / NOISE, slopes / NOISE

    return fit_each(model, np.tile([1.0, 0.0, 0.0], (len(signals), 1)))


def test_a_fit_agrees_with_scipys_in_values_and_covariance():
    y = readings(1)
    own = fitted(y)
    theirs, covariance = curve_fit(
        lambda x, a, b, c: a * np.sin(2 * x + b) + c,
        X,
        y,
        [1, 0, 0],
        NOISE * np.ones(X.size),
        absolute_sigma=True,
    )
    np.testing.assert_allclose(own.parameters, theirs, rtol=1e-4)
    np.testing.assert_allclose(
        own.covariance, covariance * max(1, own.reduced_chi_square), rtol=2e-2, atol=1e-8
    )


def test_errors_of_many_fits_are_as_large_as_claimed():
    pulls = [
        (one.parameters - TRUE) / one.sigmas for one in (fitted(readings(s)) for s in range(200))
    ]
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1, abs=0.1)


def test_a_reading_that_went_wrong_hardly_matters():
    y = readings(2)
    y[7] += 1.0
    found = fitted(y)
    assert np.all(np.abs(found.parameters - TRUE) < 0.02)
    assert found.outliers == 1


def test_what_is_more_than_noise_enlarges_the_covariance():
    y = readings(3, noise=3 * NOISE)
    found = fitted(y)
    assert found.reduced_chi_square == pytest.approx(8, rel=0.4)
    honest = fitted(y, noise=3 * NOISE)
    np.testing.assert_allclose(found.sigmas, honest.sigmas, rtol=0.3)


def test_fits_of_many_channels_at_once_are_those_of_each():
    signals = np.stack([readings(seed) for seed in range(20)])
    together = each(signals)
    assert together.converged.all()
    for channel, y in enumerate(signals):
        alone, one = fitted(y), together.one(channel)
        np.testing.assert_allclose(one.parameters, alone.parameters, atol=1e-5)
        np.testing.assert_allclose(one.sigmas, alone.sigmas, rtol=1e-3)


def test_a_channel_with_nothing_in_it_does_not_disturb_the_others():
    signals = np.stack([readings(1), np.full(X.size, np.nan), readings(2)])
    together = each(signals)
    assert together.converged.tolist() == [True, False, True]
    np.testing.assert_allclose(together.parameters[2], TRUE, atol=0.02)


def matrix_fit(noise_seed, corrupted=0):
    """Rows times columns, whose common factor is open."""
    generator = np.random.default_rng(noise_seed)
    rows, columns = generator.uniform(0.8, 1.2, 6), generator.uniform(0.8, 1.2, 9)
    columns /= columns.mean()
    measured = np.outer(rows, columns) + NOISE * generator.normal(size=(6, 9))
    measured.ravel()[:corrupted] += 3.0
    row, column = np.divmod(np.arange(54), 9)

    def model(p):
        residuals = (np.outer(p[:6], p[6:]) - measured).ravel() / NOISE
        entries = np.stack([p[6:][column], p[:6][row]], axis=1) / NOISE
        places = np.stack([row, 6 + column], axis=1)
        shape = (54, 15)
        pointers = np.arange(55) * 2
        return residuals, sparse.csr_array((entries.ravel(), places.ravel(), pointers), shape=shape)

    gauge = np.concatenate([np.zeros(6), np.ones(9)])[np.newaxis]
    found = fit_sparse(model, np.ones(15), gauge)
    return found, np.concatenate([rows, columns])


def test_a_sparse_fit_finds_all_but_the_open_factor_which_keeps_its_start():
    found, truth = matrix_fit(1)
    assert found.converged
    assert found.parameters[6:].mean() == pytest.approx(1, abs=1e-7)
    np.testing.assert_allclose(found.parameters, truth, atol=4 * NOISE)


def test_a_sparse_fits_errors_are_as_large_as_claimed():
    pulls = []
    for seed in range(100):
        found, truth = matrix_fit(seed)
        pulls.append((found.parameters - truth) / found.sigmas)
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1, abs=0.1)


def test_a_sparse_fit_bears_wrong_readings():
    found, truth = matrix_fit(4, corrupted=1)
    assert found.outliers == 1
    assert np.all(np.abs(found.parameters - truth) < 5 * NOISE)


def result(chi_square=1.0, outliers=0, converged=True):
    residuals = np.zeros(100)
    residuals[:outliers] = 2 * OUTLIER
    return Fit(np.zeros(1), np.eye(1), residuals, chi_square, converged)


def test_a_fit_down_to_the_noise_is_accepted():
    assert Acceptance().reason_against(result(), 0.001) == ""


def test_a_small_misfit_is_accepted_a_large_one_is_not():
    acceptance = Acceptance(largest_misfit=0.01)
    assert acceptance.reason_against(result(chi_square=50), 0.001) == ""
    assert "times the noise" in acceptance.reason_against(result(chi_square=50), 0.01)


def test_a_fit_that_went_astray_is_refused():
    assert "rest" in Acceptance().reason_against(result(converged=False), 0.001)


def test_many_outliers_are_refused():
    reason = Acceptance().reason_against(result(chi_square=1.9, outliers=10), 0.009)
    assert reason.startswith("10.0% of the readings are outliers")


@pytest.mark.parametrize(
    ("noise", "signal", "wanted", "repeats"),
    [(1, 100, 0.01, 1), (1, 10, 0.01, 64), (1, 50, 0.01, 4), (1, 0, 0.01, 64)],
)
def test_repeats_follow_from_noise_and_signal(noise, signal, wanted, repeats):
    assert repeats_for(noise, signal, wanted) == repeats


def test_a_parameter_that_no_reading_depends_on_is_no_fit_and_no_crash():
    columns = np.zeros((X.size, 2))
    columns[:, 0] = 1.0
    found = fit_sparse(
        lambda p: (p[0] - readings(1), sparse.csr_array(columns)), np.zeros(2), np.zeros((1, 2))
    )
    assert not found.converged
    assert Acceptance().reason_against(found, 0.01) == "the fit did not come to rest"
