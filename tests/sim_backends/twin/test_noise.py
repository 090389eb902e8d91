"""The stream of normal deviates: standard, independent, and a function of its place alone."""

import numpy as np
import pytest
from scipy import stats

from sim_backends.twin.noise import NoiseStream

MANY = 100_000


def test_both_arrays_are_standard_normal():
    for deviates in NoiseStream(3).complex_normals((MANY,)):
        assert deviates.dtype == np.float32
        assert np.isfinite(deviates).all()
        # Kolmogorov and Smirnov: a p-value of 1e-4 would come by chance once in ten thousand.
        assert stats.kstest(deviates, "norm").pvalue > 1e-4
        assert deviates.mean() == pytest.approx(0, abs=4 / np.sqrt(MANY))
        assert deviates.var() == pytest.approx(1, abs=4 * np.sqrt(2 / MANY))
        assert stats.kurtosis(deviates) == pytest.approx(0, abs=4 * np.sqrt(24 / MANY))


def test_large_deviates_come_as_often_as_they_should():
    first, second = NoiseStream(8).complex_normals((1_000_000,))
    beyond = np.count_nonzero(np.abs(np.concatenate([first, second])) > 4)
    # 6.33e-5 of two million: 127, give or take 11.
    assert 80 < beyond < 175


def test_neighbours_and_partners_are_not_correlated():
    first, second = NoiseStream(4).complex_normals((MANY,))
    allowed = 4 / np.sqrt(MANY)
    for one, other in (
        (first, second),
        (first[:-1], first[1:]),
        (second[:-1], second[1:]),
        (first[:-1], second[1:]),
        (first**2 - 1, second**2 - 1),
    ):
        size = np.abs(np.corrcoef(one, other)[0, 1])
        assert size < allowed


def test_seeds_give_streams_that_have_nothing_to_do_with_each_other():
    one, _ = NoiseStream(1).complex_normals((MANY,))
    other, _ = NoiseStream(2).complex_normals((MANY,))
    assert np.abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(MANY)
    again, _ = NoiseStream(1).complex_normals((MANY,))
    np.testing.assert_array_equal(one, again)


def test_it_goes_on_from_its_place_however_it_was_divided():
    whole, _ = NoiseStream(5).complex_normals((30,))
    parts = NoiseStream(5)
    pieces = [parts.complex_normals(shape)[0].reshape(-1) for shape in ((4,), (2, 8), (10,))]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    other = NoiseStream(5)
    other.place = 20
    np.testing.assert_array_equal(other.complex_normals((10,))[0], whole[20:])


def test_after_four_thousand_million_places_it_does_not_begin_again():
    stream = NoiseStream(6)
    first, _ = stream.complex_normals((100,))
    stream.place = 2**32 - 50
    later, _ = stream.complex_normals((100,))
    assert stream.place == 2**32 + 100
    assert not np.array_equal(first, later)
    assert np.abs(np.corrcoef(first, later)[0, 1]) < 0.4
