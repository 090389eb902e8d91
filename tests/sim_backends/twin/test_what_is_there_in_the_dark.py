"""What taps see without errors is taken off sample by sample, in every way back there is.

Perfect optics but for two things: a part of the pump is reflected into the taps of errors, and
taps are off zero. What is read has to be the algebra all the same.
"""

import numpy as np
import pytest
from example_benches import bench_file, opened

from sim_backends.ideal_network import IdealNetwork

SAMPLES = 16
DARK = {"perfect": True, "taps": {"reflection": 0.01, "offset": "2 mV"}}
WIDE = {"photodetector array": {"full_scale": "50 V"}}
BENCHES = {
    "cascade": {"name": "digits", "all_ports": True},
    "cascade of three": {"name": "mnist_cascade", "layers": [12, 7, 9, 4], "all_ports": True},
    "in turn": {"name": "mnist_14x14"},
    "three in turn": {"name": "mnist_14x14", "layers": [12, 9, 7, 4]},
    "in turn, one amplifier": {"name": "mnist_14x14", "settings": {"amplifiers": {"channels": 1}}},
    "tiled": {"name": "mnist_tiled"},
}


@pytest.fixture(scope="module", params=BENCHES, ids=str)
def bench(request):
    chosen = dict(BENCHES[request.param])
    settings = WIDE | chosen.pop("settings", {})
    made, _ = opened(bench_file(**chosen, twin=DARK, settings=settings, smooth_panels=True))
    with made:
        generator = np.random.default_rng(8)
        made.write(
            [
                generator.normal(0, 1 / np.sqrt(one.inputs), (one.outputs, one.inputs)).astype("f")
                for one in made.layers
            ]
        )
        yield made


@pytest.fixture
def ideal(bench):
    network = IdealNetwork(bench.layers)
    network.write(bench.parameters())
    return network


@pytest.fixture
def shown(bench):
    """Inputs and errors at the output."""
    generator = np.random.default_rng(9)
    inputs = generator.random((SAMPLES, bench.layers[0].inputs), dtype=np.float32)
    return inputs, generator.normal(size=(SAMPLES, bench.layers[-1].outputs)).astype("f")


def close(read, wanted, share=1e-3):
    np.testing.assert_allclose(read, wanted, rtol=0, atol=share * np.abs(wanted).max())


def test_errors_are_those_of_the_probe_alone(bench, ideal, shown):
    inputs, errors = shown
    measured = bench.backward(bench.forward(inputs), errors)
    computed = ideal.backward(ideal.forward(inputs), errors)
    for read, wanted in zip(measured, computed, strict=True):
        # Offsets of taps are re-emitted with what they read: up to 2 mV at 0.1 V a field.
        close(read, wanted, 0.03 if len(bench.layers) > 2 else 1e-3)


def test_what_enters_a_unit_from_behind_is_the_probe_alone(bench, shown):
    inputs, errors = shown
    ports = bench.unit_ports(inputs, errors)
    assert [one.layer for one in ports] == list(range(len(bench.layers) - 1))
    weights = bench.parameters()
    for one in reversed(ports):
        close(one.entering, errors @ weights[one.layer + 1])
        errors = one.leaving


def test_outputs_in_turn_are_the_sums_of_what_entered(bench, shown):
    if bench.arrangement.lit_both_ways() != list(range(len(bench.layers))):
        pytest.skip("all stages are lit at once: what is off in a bank stays in its readings")
    passed = bench.forward(shown[0])
    close(passed.output, passed.activations[-1] @ bench.parameters()[-1].T)


def test_weights_alone_send_back_errors_alone(bench, shown):
    last = len(bench.layers) - 1
    assert last in bench.arrangement.lit_both_ways()
    close(bench.through_weights(last, shown[1]), shown[1] @ bench.parameters()[last])
