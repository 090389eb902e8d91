"""A bench may show an input of 1 as another field: then it is the network of these fields."""

import numpy as np
import pytest
from example_benches import ARRANGEMENTS, bench_file, opened

from protocols.error_paths import Digital
from protocols.health.repeated_frames import repeat
from protocols.health.signal_and_noise import tap_errors
from protocols.health.table_twin import TableTwin
from protocols.losses import mean_squared_error
from sim_backends.ideal_network import IdealNetwork

SAMPLES = 16
FIELD = 0.5
LABELS = np.arange(SAMPLES) % 4


@pytest.fixture(params=ARRANGEMENTS, ids=str)
def pair(request):
    """A perfect bench and the algebra, with the same weights."""
    file = bench_file(
        ARRANGEMENTS[request.param],
        twin={"perfect": True},
        optics={"input_field": FIELD},
        settings={"photodetector array": {"full_scale": "50 V"}},
        smooth_panels=True,
    )
    with opened(file)[0] as bench:
        ideal = IdealNetwork(bench.layers)
        generator = np.random.default_rng(8)
        weights = [
            generator.normal(0, 1 / np.sqrt(one.inputs), (one.outputs, one.inputs)).astype("f")
            for one in bench.layers
        ]
        bench.write(weights)
        ideal.write(weights)
        yield bench, ideal


def shown(bench):
    generator = np.random.default_rng(9)
    return generator.random((SAMPLES, bench.layers[0].inputs), dtype=np.float32)


def close(read, wanted):
    np.testing.assert_allclose(read, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def test_taps_and_gradients_are_those_of_the_fields(pair):
    bench, ideal = pair
    inputs = shown(bench)
    computed = ideal.forward(FIELD * inputs)
    errors = mean_squared_error(computed.output, LABELS).errors
    measured = bench.forward(inputs)
    for read, wanted in zip(measured.activations, computed.activations, strict=True):
        close(read, wanted)
    close(measured.output, computed.output)
    gradients = bench.gradient(measured, bench.backward(measured, errors))
    for read, wanted in zip(
        gradients, ideal.gradient(computed, ideal.backward(computed, errors)), strict=True
    ):
        close(read, wanted)


def test_errors_computed_instead_give_the_same_gradient(pair):
    bench, ideal = pair
    digital = Digital(mean_squared_error)
    inputs = shown(bench)
    on_bench, in_algebra = (
        digital.gradient(network, bench.parameters(), fields, LABELS).gradients
        for network, fields in ((bench, inputs), (ideal, FIELD * inputs))
    )
    for read, wanted in zip(on_bench, in_algebra, strict=True):
        close(read, wanted)


def test_health_expects_the_fields_that_are_there(pair):
    bench, ideal = pair
    inputs = shown(bench)
    twin = TableTwin(bench)
    computed = ideal.forward(FIELD * inputs)
    close(twin.forward(inputs).output, computed.output)
    repeats = repeat(bench, inputs, LABELS, mean_squared_error, 2)
    for one in tap_errors(bench, twin, repeats):
        assert one.signal_share < 1e-3, one.bank
