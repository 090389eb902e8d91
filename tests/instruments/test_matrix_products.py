"""Products and averages of outer products against NumPy, in one share and in several."""

import numpy as np
import pytest

from instruments import matrix_products
from instruments.matrix_products import (
    mean_outer_product,
    product,
    rows_at_once,
)

SHAPES = [(1, 3, 5), (64, 128, 784), (7, 10, 33), (5, 1, 9), (130, 128, 128)]


@pytest.fixture(params=[True, False], ids=["few rows at a time", "whole"])
def few(request, monkeypatch):
    """Multiply as with a library that has kernels for small matrices, and as with one without."""
    monkeypatch.setattr(matrix_products, "_takes_small_products", lambda: request.param)
    rows_at_once.cache_clear()
    yield request.param
    rows_at_once.cache_clear()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("transposed", [False, True])
def test_products_are_those_of_algebra(cores, few, shape, transposed):
    samples, outputs, inputs = shape
    generator = np.random.default_rng(4)
    rows = generator.normal(size=(samples, inputs)).astype(np.float32)
    matrix = generator.normal(size=(inputs, outputs)).astype(np.float32)
    found = product(rows, matrix.T.copy() if transposed else matrix, transposed=transposed)
    expected = rows.astype(np.float64) @ matrix.astype(np.float64)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.sqrt(inputs))


def test_products_of_other_types_are_left_to_numpy():
    rows, matrix = np.ones((2, 3)), np.ones((4, 3), np.float32)
    assert product(rows, matrix, transposed=True).dtype == np.float64


def test_rows_are_taken_so_few_at_a_time_that_the_library_takes_them_as_they_are(few):
    asked = {
        # rows, numbers summed, results a row, transposed: rows at a time
        (64, 784, 128, True): 8,
        (64, 256, 256, True): 4,
        (64, 128, 64, True): 16,
        (64, 128, 10, True): 64,
        (64, 10, 128, True): 64,
        (64, 128, 400, True): 64,
        (64, 64, 784, False): 16,
        (128, 128, 128, False): 32,
        (3, 64, 1, False): 3,
        (64, 5000, 2000, False): 64,
        (0, 0, 0, False): 1,
    }
    found = {shape: rows_at_once(*shape[:3], transposed=shape[3]) for shape in asked}
    assert found == (asked if few else {shape: max(shape[0], 1) for shape in asked})


@pytest.mark.parametrize("shape", SHAPES)
def test_the_mean_of_outer_products_is_that_of_algebra(cores, few, shape):
    samples, outputs, inputs = shape
    generator = np.random.default_rng(3)
    errors = generator.normal(size=(samples, outputs)).astype(np.float32)
    activations = generator.normal(size=(samples, inputs)).astype(np.float32)
    found = mean_outer_product(errors, activations)
    expected = errors.astype(np.float64).T @ activations.astype(np.float64) / samples
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.sqrt(samples))
