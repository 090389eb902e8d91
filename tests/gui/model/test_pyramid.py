"""What is drawn holds every extreme and the last sample, whatever the length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from gui.model.pyramid import FIRST_BIN, Pyramid

SERIES = arrays(
    np.float64,
    some.integers(1, 700),
    elements=some.one_of(some.floats(-1e6, 1e6), some.just(float("nan"))),
)


def grown(values, cuts):
    """A pyramid that was told of a series piece by piece."""
    pyramid = Pyramid()
    for cut in sorted(cuts):
        pyramid.extend(values[:cut])
    pyramid.extend(values)
    return pyramid


@settings(deadline=None)
@given(SERIES, some.lists(some.integers(0, 700), max_size=5), some.data())
def test_a_view_holds_the_smallest_the_largest_and_the_last_value(values, cuts, data):
    start = data.draw(some.integers(0, len(values) - 1))
    stop = data.draw(some.integers(start + 1, len(values)))
    pixels = data.draw(some.integers(1, 40))
    positions, lows, highs = grown(values, cuts).envelope(values, start, stop, pixels)
    inside = values[start:stop]
    if np.isfinite(inside).any():
        assert np.fmin.reduce(lows) <= np.nanmin(inside)
        assert np.fmax.reduce(highs) >= np.nanmax(inside)
    assert positions[-1] == stop - 1
    assert np.array_equal(lows[-1], inside[-1], equal_nan=True)
    assert np.array_equal(highs[-1], inside[-1], equal_nan=True)


@settings(deadline=None)
@given(SERIES, some.integers(1, 20))
def test_every_bin_is_what_brute_force_finds(values, pixels):
    positions, lows, highs = grown(values, []).envelope(values, 0, len(values), pixels)
    edges = [*positions[:-1], len(values)]
    for low, high, first, last in zip(lows, highs, edges, edges[1:], strict=False):
        inside = values[first:last]
        assert np.array_equal(low, np.fmin.reduce(inside), equal_nan=True)
        assert np.array_equal(high, np.fmax.reduce(inside), equal_nan=True)


@settings(deadline=None)
@given(SERIES, some.integers(0, 700), some.integers(1, 20))
def test_a_series_cut_short_and_grown_again_leaves_no_trace(values, cut, pixels):
    pyramid = Pyramid()
    pyramid.extend(np.concatenate([values[:cut], np.full(500, 1e9)]))
    pyramid.truncate(min(cut, len(values)))
    pyramid.extend(values)
    again = pyramid.envelope(values, 0, len(values), pixels)
    for one, other in zip(
        again, grown(values, []).envelope(values, 0, len(values), pixels), strict=True
    ):
        assert np.array_equal(one, other, equal_nan=True)


@pytest.mark.parametrize("length", [10_000, 100_000, 1_000_000])
def test_the_number_of_points_follows_the_pixels_and_not_the_data(length):
    values = np.random.default_rng(1).normal(size=length)
    envelope = grown(values, []).envelope(values, 0, length, 600)
    assert 600 <= len(envelope.positions) <= 1202


def test_a_lone_nan_hides_none_of_its_neighbours():
    values = np.arange(40.0 * FIRST_BIN)
    values[5] = np.nan
    _, lows, highs = grown(values, []).envelope(values, 0, len(values), 4)
    assert np.isfinite(lows).all()
    assert np.isfinite(highs).all()


def test_the_line_passes_through_every_extreme_once_at_its_place():
    values = np.tile([0.0, 1.0], 5 * FIRST_BIN)
    envelope = grown(values, []).envelope(values, 0, len(values), 3)
    index, line = envelope.line()
    assert np.all(np.diff(index) >= 0)
    assert sorted(line.tolist()) == sorted([*envelope.lows.tolist(), *envelope.highs.tolist()])
