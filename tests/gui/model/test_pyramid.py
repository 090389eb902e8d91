"""What is drawn holds every extreme and the last sample, whatever the length."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
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


def stretches(positions, count):
    """First sample and one after the last of what each position stands for."""
    if len(positions) == count:
        return [(place, place + 1) for place in positions]
    # The last sample is in the bin it falls into, and stands alone at the end besides.
    return [*pairwise([*positions[:-1], count]), (count - 1, count)]


@settings(deadline=None)
@given(SERIES, some.integers(1, 20))
@example(np.array([0.0, 1.0]), 1)
@example(np.array([1.0, 0.0]), 1)
@example(np.array([np.nan, 0.0]), 1)
@example(np.arange(FIRST_BIN + 1.0), 1)
def test_every_bin_is_what_brute_force_finds(values, pixels):
    positions, lows, highs = grown(values, []).envelope(values, 0, len(values), pixels)
    found = zip(lows, highs, stretches(positions, len(values)), strict=True)
    for low, high, (first, last) in found:
        inside = values[first:last]
        assert np.array_equal(low, np.fmin.reduce(inside), equal_nan=True)
        assert np.array_equal(high, np.fmax.reduce(inside), equal_nan=True)


@pytest.mark.parametrize("count", [1, 2, FIRST_BIN - 1])
def test_where_every_sample_has_room_each_stands_alone(count):
    values = np.random.default_rng(2).normal(size=count)
    positions, lows, highs = grown(values, []).envelope(values, 0, count, 1)
    assert positions.tolist() == list(range(count))
    assert lows.tolist() == highs.tolist() == values.tolist()


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
