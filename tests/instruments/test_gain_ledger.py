import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments import gain_ledger
from instruments.calibration.weight_bank import WeightBankTable
from sim_backends.optics import vector_matrix


def test_worked_numbers_of_a_128_by_128_start():
    weights = np.random.default_rng(0).normal(0, 0.1, (128, 128))
    line = gain_ledger.layer_gain(
        "1",
        weights,
        required_field_gain=10.0,
        amplifier_field_gain=100.0,
        clipped=3,
        singular_values=True,
    )
    assert line.largest_weight == pytest.approx(0.40, abs=0.005)
    assert line.row_column_decibels == pytest.approx(2.2, abs=0.05)
    assert line.singular_value_decibels == pytest.approx(7.0, abs=0.05)
    assert line.free_space_decibels == pytest.approx(34.2, abs=0.05)
    assert line.bank_decibels == pytest.approx(20.0)
    assert line.amplifier_decibels == pytest.approx(40.0)
    assert line.passive_share == pytest.approx(0.1)
    assert line.clipped_share == pytest.approx(3 / 128**2)


def test_greatest_singular_value_of_a_random_matrix_is_at_the_edge_of_its_spectrum():
    # I. M. Johnstone, Ann. Stat. 29, 295 (2001): mean and spread of the Tracy-Widom law.
    rows, columns = np.sqrt(300), np.sqrt(200)
    edge = (rows + columns) ** 2
    width = (rows + columns) * (1 / rows + 1 / columns) ** (1 / 3)
    weights = np.random.default_rng(1).normal(0, 0.1, (300, 200))
    found = gain_ledger.singular_value_bound(weights) / 0.1**2
    assert found == pytest.approx(edge - 1.21 * width, abs=3 * 1.27 * width)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**31))
def test_bounds_are_ordered_and_the_middle_one_is_the_singular_value_decomposition(
    outputs, inputs, seed
):
    weights = np.random.default_rng(seed).normal(size=(outputs, inputs)).astype(np.float32)
    rows, singular, free = (
        gain_ledger.row_column_bound(weights),
        gain_ledger.singular_value_bound(weights),
        gain_ledger.free_space_bound(weights),
    )
    exact = np.linalg.svd(weights.astype(np.float64), compute_uv=False)[0] ** 2
    assert singular == pytest.approx(exact, rel=1e-10)
    assert rows <= singular * (1 + 1e-12)
    assert singular <= free * (1 + 1e-12)


def test_the_free_space_gain_makes_the_mask_just_fit():
    weights = np.random.default_rng(2).normal(0, 0.1, (7, 11))
    gain = gain_ledger.free_space_bound(weights)
    mask = weights / np.sqrt(gain) / vector_matrix.passive_scale(7, 11)
    assert np.abs(mask).max() == pytest.approx(1.0)
    np.testing.assert_allclose(np.sqrt(gain) * vector_matrix.passive_matrix(mask), weights)


def test_a_bank_that_only_loses_what_fan_out_costs_asks_for_the_free_space_bound():
    weights = np.random.default_rng(3).normal(0, 0.1, (7, 11)).astype(np.float32)
    scale = vector_matrix.passive_scale(7, 11)
    bank = WeightBankTable.nominal(7, 11, None, 9, scale, instrument="slm", bench="digits")
    gain = bank.required_field_gain(weights)
    line = gain_ledger.layer_gain(
        "1", weights, required_field_gain=gain, amplifier_field_gain=1.0, clipped=0
    )
    assert line.bank_decibels == pytest.approx(line.free_space_decibels, abs=1e-4)
    assert line.singular_value_decibels is None


def test_a_matrix_of_zeros_needs_no_gain():
    zeros = np.zeros((3, 4))
    line = gain_ledger.layer_gain(
        "1",
        zeros,
        required_field_gain=0.0,
        amplifier_field_gain=1.0,
        clipped=0,
        singular_values=True,
    )
    bounds = (
        line.row_column_decibels,
        line.singular_value_decibels,
        line.free_space_decibels,
        line.bank_decibels,
    )
    assert bounds == (-np.inf,) * 4
    assert line.passive_share == 1.0


def test_decibels_are_of_power():
    assert gain_ledger.decibels(100.0) == pytest.approx(20.0)


def test_the_ledger_is_a_row_of_cells_for_each_layer():
    weights = np.random.default_rng(0).normal(0, 0.1, (10, 48))
    lines = [
        gain_ledger.layer_gain(
            name,
            weights,
            required_field_gain=4.0,
            amplifier_field_gain=5.0,
            clipped=2,
            singular_values=dear,
        )
        for name, dear in (("first", True), ("second", False))
    ]
    first, second = (
        dict(zip(gain_ledger.LEDGER_HEADINGS, row, strict=True))
        for row in gain_ledger.ledger_rows(lines)
    )
    assert (first["layer"], first["matrix"], first["clipped"]) == ("first", "10 x 48", "2")
    assert (first["this bank dB"], first["amplifier dB"]) == ("12.0", "14.0")
    assert float(first["singular dB"]) >= float(first["row/column dB"])
    assert second["singular dB"] == "-"
