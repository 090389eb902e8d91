"""Bins follow the values, and nothing is left out silently."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from gui.model.histogram import histogram


@settings(deadline=None)
@given(arrays(np.float64, some.integers(0, 200), elements=some.floats(width=32, allow_nan=True)))
def test_every_value_is_counted_somewhere(values):
    found = histogram(values)
    total = int(found.counts.sum()) + found.below + found.above + found.not_finite
    assert total == len(values)
    assert np.all(np.diff(found.edges) > 0)


def test_a_narrow_distribution_with_an_outlier_keeps_its_shape():
    values = np.append(np.random.default_rng(1).normal(size=10_000), 1e6)
    found = histogram(values)
    assert found.edges[-1] < 10
    assert found.above >= 1
    assert (found.counts > 0).sum() > 30
