"""The ideal network keeps the promises of the network seam."""

import numpy as np
import pytest

from instruments.errors import NetworkError
from instruments.network import Layer, NonlinearUnit
from protocols.losses import mean_squared_error
from sim_backends.ideal_network import IdealNetwork
from sim_backends.nonlinear_units import response

SIZES = [7, 6, 5, 3]
LABELS = np.array([0, 2, 1, 1])
UNITS = [
    NonlinearUnit("absorber", 3.0, "eq4", "exact"),
    NonlinearUnit("absorber", 3.0, "propagated", "exact"),
    NonlinearUnit("gain", 2.0, "eq4", "exact"),
    NonlinearUnit("gain", 2.0, "propagated", "exact"),
    NonlinearUnit("tanh"),
    NonlinearUnit("sigmoid"),
    NonlinearUnit("linear"),
]


@pytest.fixture
def generator():
    return np.random.default_rng(5)


def network_with_weights(unit, generator, sizes=SIZES):
    network = IdealNetwork.dense(sizes, unit)
    network.write([generator.normal(0, 1, w.shape).astype("f") for w in network.parameters()])
    return network


@pytest.mark.parametrize("unit", UNITS, ids=str)
def test_gradient_equals_finite_differences_of_the_loss(unit, generator):
    network = network_with_weights(unit, generator)
    inputs = generator.random((4, 7), dtype=np.float32)
    passed = network.forward(inputs)
    errors = network.backward(passed, mean_squared_error(passed.output, LABELS).errors)
    gradients = network.gradient(passed, errors)
    weights = network.parameters()

    def loss_in_double_precision(trial):
        field = inputs.astype(float)
        for matrix in trial[:-1]:
            field = response(unit)(field @ matrix.T)[0]
        return mean_squared_error(field @ trial[-1].T, LABELS).loss

    exact = [w.astype(float) for w in weights]
    for layer, gradient in enumerate(gradients):
        for index in [(0, 0), (1, 2), (2, 4)]:
            slope = 0.0
            for sign in (1, -1):
                moved = [w.copy() for w in exact]
                moved[layer][index] += sign * 1e-5
                slope += sign * loss_in_double_precision(moved) / 2e-5
            assert gradient[index] == pytest.approx(slope, rel=2e-3, abs=1e-5)


def test_a_probe_multiplies_errors_by_the_transmission_of_the_pump(generator):
    network = network_with_weights(NonlinearUnit("absorber", 3.0, derivative="probe"), generator)
    passed = network.forward(generator.random((4, 7), dtype=np.float32))
    errors = network.backward(passed, passed.output)
    for layer in (1, 2):
        arriving = errors[layer] @ network.parameters()[layer]
        transmission = passed.activations[layer] / passed.unit_inputs[layer - 1]
        np.testing.assert_allclose(errors[layer - 1], arriving * transmission, rtol=1e-4)


def test_the_gradient_is_an_average_over_the_minibatch(generator):
    network = network_with_weights(NonlinearUnit("tanh"), generator)
    inputs = generator.random((4, 7), dtype=np.float32)
    once = network.forward(inputs)
    twice = network.forward(np.concatenate([inputs, inputs]))
    for single, double in zip(
        network.gradient(once, network.backward(once, once.output)),
        network.gradient(twice, network.backward(twice, twice.output)),
        strict=True,
    ):
        np.testing.assert_allclose(single, double, rtol=1e-5, atol=1e-7)


def test_what_is_written_is_read_back_and_kept_apart_from_the_callers_arrays(generator):
    network = network_with_weights(NonlinearUnit("linear"), generator)
    written = [generator.normal(size=w.shape).astype("f") for w in network.parameters()]
    network.write(written)
    expected = [w.copy() for w in written]
    for matrix in (*written, *network.parameters()):
        matrix[...] = 0
    for held, given in zip(network.parameters(), expected, strict=True):
        np.testing.assert_array_equal(held, given)


def test_wrong_shapes_and_values_are_refused_in_one_line(generator):
    network = network_with_weights(NonlinearUnit("linear"), generator)
    with pytest.raises(NetworkError, match=r"takes \[samples, 7\]"):
        network.forward(np.zeros((4, 8), np.float32))
    with pytest.raises(NetworkError, match="NaN"):
        network.forward(np.full((4, 7), np.nan, np.float32))
    with pytest.raises(NetworkError, match="weights of layer 1"):
        network.write([w.T for w in network.parameters()])
    with pytest.raises(NetworkError, match="2 weight matrices for 3 layers"):
        network.write(network.parameters()[:2])
    passed = network.forward(np.zeros((4, 7), np.float32))
    with pytest.raises(NetworkError, match="errors have shape"):
        network.backward(passed, np.zeros((4, 2), np.float32))


@pytest.mark.parametrize("sizes", [[5], [], [5, 0, 2]])
def test_too_few_or_empty_layers_are_refused(sizes):
    with pytest.raises(NetworkError):
        IdealNetwork.dense(sizes, NonlinearUnit("linear"))


def test_layers_that_do_not_follow_on_are_refused():
    unit = NonlinearUnit("linear")
    with pytest.raises(NetworkError, match="layer 2 takes 5 inputs"):
        IdealNetwork([Layer(3, 4, unit), Layer(5, 2, None)])
    with pytest.raises(NetworkError, match="needs a nonlinear unit"):
        IdealNetwork([Layer(3, 4, None), Layer(4, 2, None)])


def test_units_that_would_mislead_are_refused():
    with pytest.raises(NetworkError, match="optical depth -1"):
        response(NonlinearUnit("absorber", -1.0))
    with pytest.raises(NetworkError, match="wrong sign"):
        response(NonlinearUnit("gain", 5.0, "eq4", "probe"))
    response(NonlinearUnit("gain", 5.0, "propagated", "probe"))


def test_it_prints_what_it_is():
    network = IdealNetwork.dense([4, 3, 2], NonlinearUnit("absorber", 10.0, "eq4", "probe"))
    assert repr(network) == "IdealNetwork(4-3-2, absorber(10, eq4, probe derivative))"
