"""Three ways to a gradient agree on a network without noise."""

import numpy as np
import pytest

from instruments.network import NonlinearUnit, Pass
from protocols.error_paths import Digital, FiniteDifferences, ThroughNetwork
from protocols.losses import mean_squared_error
from sim_backends.ideal_network import IdealNetwork

LABELS = np.array([0, 2, 1])


@pytest.fixture
def network():
    generator = np.random.default_rng(3)
    built = IdealNetwork.dense([5, 4, 4, 3], NonlinearUnit("absorber", 2.0, derivative="exact"))
    built.write([generator.normal(0, 1, w.shape).astype("f") for w in built.parameters()])
    return built


@pytest.fixture
def inputs():
    return np.random.default_rng(4).random((3, 5), dtype=np.float32)


def gradients(path, network, inputs):
    return path.gradient(network, network.parameters(), inputs, LABELS).gradients


def test_computed_errors_equal_those_through_an_ideal_network(network, inputs):
    through = gradients(ThroughNetwork(mean_squared_error), network, inputs)
    digital = gradients(Digital(mean_squared_error), network, inputs)
    for one, other in zip(through, digital, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_computed_errors_need_no_tap_in_front_of_the_units(network, inputs):
    class WithoutTaps(IdealNetwork):
        def forward(self, shown):
            passed = super().forward(shown)
            return Pass(passed.activations, passed.output, None, passed.exposure)

    blind = WithoutTaps(network.layers)
    blind.write(network.parameters())
    for one, other in zip(
        gradients(Digital(mean_squared_error), network, inputs),
        gradients(Digital(mean_squared_error), blind, inputs),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_finite_differences_equal_the_exact_gradient_and_restore_the_weights(network, inputs):
    before = network.parameters()
    path = FiniteDifferences(mean_squared_error, np.random.default_rng(0))
    measured = gradients(path, network, inputs)
    exact = gradients(ThroughNetwork(mean_squared_error), network, inputs)
    for one, other in zip(measured, exact, strict=True):
        np.testing.assert_allclose(one, other, atol=5e-4)
    for kept, held in zip(before, network.parameters(), strict=True):
        np.testing.assert_array_equal(kept, held)


def test_a_probe_of_a_few_weights_leaves_the_rest_at_zero(network, inputs):
    path = FiniteDifferences(mean_squared_error, np.random.default_rng(0), weights_per_layer=2)
    for gradient in gradients(path, network, inputs):
        assert np.count_nonzero(gradient) <= 2
