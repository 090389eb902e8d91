"""With every imperfection off, light computes what the paper's algebra computes.

Panels have no steps, converters none either, nothing is noisy and nominal tables are true: what
the taps of the bench read has to be the ideal network's fields, to single precision.
"""

import numpy as np
import pytest
from example_benches import ARRANGEMENTS, bench_file, opened

from sim_backends.ideal_network import IdealNetwork

SAMPLES = 32
TOLERANCE = 1e-5
MEDIA = {
    "absorber, Eq. 4": {"kind": "absorber", "model": "eq4", "optical_depth": 10.0},
    "absorber, propagated": {"kind": "absorber", "model": "propagated", "optical_depth": 3.0},
    "gain, Eq. 4": {"kind": "gain", "model": "eq4", "optical_depth": 3.0},
    "gain, propagated": {"kind": "gain", "model": "propagated", "optical_depth": 3.0},
}
# Amplified probes need a larger range; without steps that costs no resolution.
WIDE = {"photodetector array": {"full_scale": "50 V"}}


@pytest.fixture(scope="module", params=ARRANGEMENTS, ids=str)
def arrangement(request):
    return ARRANGEMENTS[request.param]


@pytest.fixture(scope="module", params=MEDIA, ids=str)
def pair(request, arrangement):
    """The bench and the algebra, with the same weights."""
    bench, _ = opened(
        bench_file(
            arrangement,
            twin={"perfect": True},
            absorber=MEDIA[request.param],
            settings=WIDE,
            smooth_panels=True,
        )
    )
    with bench:
        ideal = IdealNetwork(bench.layers)
        generator = np.random.default_rng(8)
        weights = [
            generator.normal(0, 1 / np.sqrt(one.inputs), (one.outputs, one.inputs)).astype("f")
            for one in bench.layers
        ]
        for network in (bench, ideal):
            network.write(weights)
        yield bench, ideal


@pytest.fixture(scope="module")
def step(pair):
    """Forward, backward and gradient of both, with the same inputs and errors."""
    bench, ideal = pair
    generator = np.random.default_rng(9)
    inputs = generator.random((SAMPLES, bench.layers[0].inputs), dtype=np.float32)
    errors = generator.normal(size=(SAMPLES, bench.layers[-1].outputs)).astype("f")
    results = []
    for network in (bench, ideal):
        passed = network.forward(inputs)
        deltas = network.backward(passed, errors)
        results.append((passed, deltas, network.gradient(passed, deltas)))
    return results


def agree(measured, computed):
    assert len(measured) == len(computed)
    for read, wanted in zip(measured, computed, strict=True):
        assert read.shape == wanted.shape
        scale = max(1.0, float(np.abs(wanted).max()))
        assert np.abs(wanted).max() > 1e-3
        np.testing.assert_allclose(read, wanted, rtol=0, atol=TOLERANCE * scale)


def test_forward_taps_read_the_fields_of_the_algebra(step):
    (measured, _, _), (computed, _, _) = step
    agree(measured.unit_inputs, computed.unit_inputs)
    agree(measured.activations, computed.activations)
    agree([measured.output], [computed.output])


def test_backward_taps_read_the_errors_of_the_algebra(step):
    (_, measured, _), (_, computed, _) = step
    agree(measured, computed)


def test_the_measured_gradient_is_the_one_of_the_algebra(step):
    (_, _, measured), (_, _, computed) = step
    for read, wanted in zip(measured, computed, strict=True):
        norm = np.linalg.norm(wanted)
        assert np.linalg.norm(read - wanted) <= TOLERANCE * norm
