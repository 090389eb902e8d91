"""Smoothing is that of the whole series, without a bias at its start."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from gui.model.smoothing import Smoothing


def by_definition(series, weight):
    """The weighted mean over all finite samples so far, written out."""
    smoothed = []
    for n in range(len(series)):
        powers = weight ** (n - np.arange(n + 1.0))
        finite = np.isfinite(series[: n + 1])
        total = powers[finite].sum()
        smoothed.append((powers * series[: n + 1])[finite].sum() / total if total else np.nan)
    return np.array(smoothed)


@settings(deadline=None)
@given(
    arrays(
        np.float64,
        some.integers(1, 60),
        elements=some.one_of(some.floats(-1e3, 1e3), some.just(float("nan"))),
    ),
    some.floats(0.05, 0.9),
    some.lists(some.integers(0, 60), max_size=4),
)
def test_it_is_the_weighted_mean_however_the_series_arrives(series, weight, cuts):
    smoothing = Smoothing(weight)
    for cut in sorted(cuts):
        smoothing.extend(series[:cut])
    smoothed = smoothing.extend(series)
    np.testing.assert_allclose(smoothed, by_definition(series, weight), rtol=1e-9, atol=1e-9)


def test_a_constant_stays_what_it_is_from_the_first_sample_on():
    np.testing.assert_allclose(Smoothing(0.9).extend(np.full(50, 3.7)), 3.7)


@pytest.mark.parametrize("weight", [-0.1, 1.0, 2.0])
def test_a_weight_that_is_none_is_refused(weight):
    with pytest.raises(ValueError, match="not in 0"):
        Smoothing(weight)
