"""Single weights moved: slopes of the loss that owe nothing to tables or to light from behind."""

import numpy as np
import pytest
from benches_to_check import INPUTS, LABELS, LOSS, digits_text, opened

from instruments.bench_file.reading import parse_bench_file
from instruments.errors import InstrumentError
from instruments.network import NonlinearUnit
from protocols.health.finite_differences import spot_checks
from protocols.health.table_twin import TableTwin, exact_gradient
from sim_backends.ideal_network import IdealNetwork
from sim_backends.simulated.true_bench_tables import true_bench_tables

LEVEL = 0.02


class Rounding(IdealNetwork):
    """A network that holds whole levels only, as a panel does."""

    def __init__(self, layers):
        super().__init__(layers)
        self.written = []

    def write(self, parameters, operating_point=None):
        self.written = [one.copy() for one in parameters]
        super().write([LEVEL * np.round(one / LEVEL) for one in parameters], operating_point)

    def parameters(self):
        return [one.copy() for one in self.written]


@pytest.fixture
def rounding():
    network = Rounding.dense([12, 16, 4], NonlinearUnit("absorber", 3.0))
    generator = np.random.default_rng(2)
    shapes = [(layer.outputs, layer.inputs) for layer in network.layers]
    network.write([generator.normal(0, 0.3, shape).astype(np.float32) for shape in shapes])
    return network


@pytest.mark.parametrize("size", [1.0, 1e-4])
def test_rounding_of_weights_counts_as_little_near_a_minimum_as_anywhere(rounding, size):
    generator = np.random.default_rng(3)
    inputs = generator.uniform(0, 1, (32, 12)).astype(np.float32)
    errors = (size * generator.normal(size=(32, 4))).astype(np.float32)
    passed = rounding.forward(inputs)
    gradients = rounding.gradient(passed, rounding.backward(passed, errors))
    found = spot_checks(rounding, inputs, errors, gradients, 1000, generator, repeats=2)
    assert [len(one.weights) for one in found] == [16 * 12, 4 * 16]
    for one in found:
        assert one.cosine > 0.99
        assert np.vdot(one.slopes, one.measured) == pytest.approx(
            np.vdot(one.measured, one.measured), rel=0.02
        )
    assert [one.noise_share for one in found] == [0, 0]


def test_on_a_bench_it_is_the_exact_gradient_and_weights_are_left_as_they_were():
    text = digits_text()
    with opened(text, true_bench_tables(parse_bench_file(text, "digits"))) as (bench, _):
        before = bench.parameters()
        errors = LOSS(bench.forward(INPUTS).output, LABELS).errors
        exact = exact_gradient(TableTwin(bench), INPUTS, errors)
        found = spot_checks(bench, INPUTS, errors, exact, 12, np.random.default_rng(1))
        for one in found:
            # What noise leaves of it, and a little for gradients that are hardly there.
            assert one.cosine > 1 / np.sqrt(1 + one.noise_share**2) - 0.05
            assert one.noise_share < 0.5
            assert len(one.weights) == 12
        for held, now in zip(before, bench.parameters(), strict=True):
            np.testing.assert_array_equal(held, now)


def test_weights_are_restored_when_a_bench_fails_on_the_way(rounding):
    before = rounding.parameters()
    calls = iter(range(5))

    def forward(_):
        if next(calls) == 4:
            raise InstrumentError("taps: no answer")
        return IdealNetwork.forward(rounding, inputs)

    inputs = np.ones((2, 12), np.float32)
    rounding.forward = forward
    with pytest.raises(InstrumentError):
        spot_checks(rounding, inputs, inputs[:, :4], before, 3, np.random.default_rng(0))
    for held, now in zip(before, rounding.parameters(), strict=True):
        np.testing.assert_array_equal(held, now)
