"""Averages of outer products, against NumPy, in one share and in several."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from instruments import matrix_products
from instruments.matrix_products import mean_outer_product, work_of_products


@pytest.mark.parametrize("shape", [(1, 3, 5), (64, 128, 784), (7, 10, 33), (5, 1, 9)])
def test_the_mean_of_outer_products_is_that_of_algebra(cores, shape):
    samples, outputs, inputs = shape
    generator = np.random.default_rng(3)
    errors = generator.normal(size=(samples, outputs)).astype(np.float32)
    activations = generator.normal(size=(samples, inputs)).astype(np.float32)
    found = mean_outer_product(errors, activations)
    expected = errors.astype(np.float64).T @ activations.astype(np.float64) / samples
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.sqrt(samples))


def test_nothing_is_shared_while_the_library_divides_products_itself(monkeypatch):
    matrix = np.ones((2, 128, 784), np.float32)
    for threads, shared in ((1, True), (2, False)):
        monkeypatch.setattr(matrix_products, "_threads_of_library", lambda n=threads: lambda: n)
        assert bool(work_of_products(64, matrix)) is shared


def test_the_library_is_asked_how_many_threads_it_may_use():
    with threadpool_limits(1, user_api="blas"):
        assert matrix_products._threads_of_library()() == 1
