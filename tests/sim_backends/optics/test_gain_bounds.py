import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_backends.optics import gain_bounds, vector_matrix


def test_worked_numbers_of_a_128_by_128_start():
    weights = np.random.default_rng(0).normal(0, 0.1, (128, 128))
    assert np.abs(weights).max() == pytest.approx(0.40, abs=0.005)
    assert gain_bounds.decibels(gain_bounds.row_column_bound(weights)) == pytest.approx(
        2.2, abs=0.05
    )
    assert gain_bounds.decibels(gain_bounds.singular_value_bound(weights)) == pytest.approx(
        7.0, abs=0.05
    )
    assert gain_bounds.decibels(gain_bounds.free_space_bound(weights)) == pytest.approx(
        34.2, abs=0.05
    )


def test_greatest_singular_value_of_a_random_matrix_is_at_the_edge_of_its_spectrum():
    # I. M. Johnstone, Ann. Stat. 29, 295 (2001): mean and spread of the Tracy-Widom law.
    rows, columns = np.sqrt(300), np.sqrt(200)
    edge = (rows + columns) ** 2
    width = (rows + columns) * (1 / rows + 1 / columns) ** (1 / 3)
    weights = np.random.default_rng(1).normal(0, 0.1, (300, 200))
    found = gain_bounds.singular_value_bound(weights) / 0.1**2
    assert found == pytest.approx(edge - 1.21 * width, abs=3 * 1.27 * width)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**31))
def test_bounds_are_ordered_and_the_middle_one_is_the_singular_value_decomposition(
    outputs, inputs, seed
):
    weights = np.random.default_rng(seed).normal(size=(outputs, inputs)).astype(np.float32)
    rows, singular, free = (
        gain_bounds.row_column_bound(weights),
        gain_bounds.singular_value_bound(weights),
        gain_bounds.free_space_bound(weights),
    )
    exact = np.linalg.svd(weights.astype(np.float64), compute_uv=False)[0] ** 2
    assert singular == pytest.approx(exact, rel=1e-10)
    assert rows <= singular * (1 + 1e-12)
    assert singular <= free * (1 + 1e-12)


def test_the_free_space_gain_makes_the_mask_just_fit():
    weights = np.random.default_rng(2).normal(0, 0.1, (7, 11))
    gain = gain_bounds.free_space_bound(weights)
    mask = weights / np.sqrt(gain) / vector_matrix.passive_scale(7, 11)
    assert np.abs(mask).max() == pytest.approx(1.0)
    np.testing.assert_allclose(np.sqrt(gain) * vector_matrix.passive_matrix(mask), weights)


def test_a_matrix_of_zeros_needs_no_gain():
    zeros = np.zeros((3, 4))
    assert gain_bounds.row_column_bound(zeros) == 0.0
    assert gain_bounds.singular_value_bound(zeros) == 0.0
    assert gain_bounds.decibels(gain_bounds.free_space_bound(zeros)) == -np.inf


def test_decibels_are_of_power():
    assert gain_bounds.decibels(100.0) == pytest.approx(20.0)
