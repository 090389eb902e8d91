"""Errors are sent as large as the probe may be, and what comes back is divided again."""

import numpy as np
import pytest

from instruments.arrangements.bench_light import BenchLight

LIMIT = 0.25


@pytest.fixture
def light():
    """Light that is never exposed."""
    return BenchLight(None, {}, 1.0, LIMIT)


@pytest.mark.parametrize("type_", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (6, 1), (1, 5), (6, 5)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_largest_error_of_every_sample_is_at_the_limit_whatever_its_sign(
    light, shape, type_, order
):
    sizes = 10.0 ** np.arange(-15, 15, 5)[: shape[0], np.newaxis]
    errors = np.asarray(sizes * np.random.default_rng(2).normal(size=shape), type_, order=order)
    scaled, factors = light.scaled_to_probe(errors)
    np.testing.assert_allclose(np.abs(scaled).max(axis=1), LIMIT, rtol=1e-6)
    np.testing.assert_allclose(scaled / factors, errors, rtol=1e-6)
    assert factors.shape == (shape[0], 1)
    assert scaled.dtype == factors.dtype == np.float32


def test_no_errors_stay_none_beside_others(light):
    scaled, factors = light.scaled_to_probe(np.array([[0.0, 0.0], [1.0, -2.0]]))
    np.testing.assert_array_equal(scaled, [[0.0, 0.0], [LIMIT / 2, -LIMIT]])
    np.testing.assert_array_equal(factors, [[LIMIT], [LIMIT / 2]])


@pytest.mark.parametrize("least", [1e-45, 1e-39, 1e-31])
def test_errors_too_small_to_be_scaled_are_sent_as_next_to_nothing(light, least):
    """The exponential of cross-entropy underflows on its way to 0."""
    scaled, factors = light.scaled_to_probe(np.array([[least, 0.0, -least]]))
    assert np.abs(scaled).max() < 1e-30
    assert factors == LIMIT


def test_an_error_that_is_no_number_is_left_for_the_encoder_to_refuse(light):
    scaled, _ = light.scaled_to_probe(np.array([[1.0, np.nan], [np.inf, 1.0]]))
    assert not np.isfinite(scaled).all(axis=1).any()
