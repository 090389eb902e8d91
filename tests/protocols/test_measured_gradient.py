"""The gradient that light measures points where the ideal one does.

What the ideal one is, is asked in two ways.

Single weights are moved on the bench itself, and its outputs show how its loss changes: the slopes
of what is being trained, with everything that is wrong with that bench, and without taps, light
from behind or algebra in between.

The ideal network holds the matrices that are in the light, read off the twin's hidden truth, the
last one as its taps read it. With measured tables whole gradients agree, at the start and after
training. With nominal ones the light's own work does: activations, errors brought back, their
products, from the output errors the bench had. There modulators are off their null and taps off
zero, and both add to every sum; training makes up for it, and the minimum it finds is not one of
the ideal network.
"""

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.opening import SharedResources
from protocols.calibration.sequence import opened_for_calibration, plan_steps, run_steps
from protocols.datasets import load_dataset
from protocols.health.finite_differences import spot_checks
from protocols.settings import TrainingSettings
from protocols.training import Training
from sim_backends.ideal_network import IdealNetwork
from sim_backends.twin.true_tables import optical_weights

BATCH = 64
MOVED = 240


def cosine(one, other):
    return float(np.vdot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other)))


def reading_of_outputs(bench, twin):
    """What the software reads of a field of 1 at each output: the loss is one of readings."""
    truth, table = twin.detectors["outputs"], bench.light.taps["outputs"]
    volts = truth.gain * np.cos(truth.phase_radians + truth.neuron_phase)
    return (volts / table.volts_per_field).astype(np.float32)


def cosines(bench, twin, digits):
    """Layer by layer, with the bench's output errors and with the ideal network's own."""
    inputs = digits.train_inputs[:BATCH]
    targets = np.eye(10, dtype=np.float32)[digits.train_labels[:BATCH]]
    passed = bench.forward(inputs)
    errors = passed.output - targets
    measured = bench.gradient(passed, bench.backward(passed, errors))
    ideal = IdealNetwork(bench.layers)
    hidden, output = (optical_weights(twin, index).astype(np.float32) for index in (0, 1))
    ideal.write([hidden, reading_of_outputs(bench, twin)[:, np.newaxis] * output])
    calculated = ideal.forward(inputs)
    found = []
    for at_output in (errors, calculated.output - targets):
        gradient = ideal.gradient(calculated, ideal.backward(calculated, at_output))
        found.append([cosine(*pair) for pair in zip(measured, gradient, strict=True)])
    return np.array(found)


class AtOneInstant:
    """A bench that writes all weights at the same moment: drifts and noise are what they were."""

    def __init__(self, bench):
        self.bench, self.state = bench, bench.state()
        self.parameters, self.forward = bench.parameters, bench.forward
        self.operating_point = bench.operating_point

    def write(self, weights, operating_point):
        self.bench.restore(self.state)
        self.bench.write(weights, operating_point)


def cosines_to_slopes(bench, digits):
    """Layer by layer, of the gradient as measured to the slopes of the bench's own loss."""
    inputs = digits.train_inputs[:BATCH]
    instant = AtOneInstant(bench)
    instant.write(bench.parameters(), bench.operating_point())
    passed = bench.forward(inputs)
    errors = passed.output - np.eye(10, dtype=np.float32)[digits.train_labels[:BATCH]]
    measured = bench.gradient(passed, bench.backward(passed, errors))
    generator = np.random.default_rng(1)
    found = spot_checks(instant, inputs, errors, measured, MOVED, generator, repeats=2)
    return np.array([one.cosine for one in found])


def bench_of(seed):
    text = built_in_text("digits").replace("[twin]\nseed = 1", f"[twin]\nseed = {seed}")
    return parse_bench_file(text, "digits")


def trained_bench(bench, seed, tables, shared, look):
    """Return what ``look`` finds on a bench with random weights, and with trained ones."""
    digits = load_dataset("digits")
    settings = TrainingSettings(
        epochs=50, learning_rate=3e-3, initial_std=0.15, fields_every=0, seed=seed
    )
    with open_bench(bench, tables=tables, shared=shared) as network:
        training = Training(network, digits, settings)
        twin = shared.built()["twin"]
        start = look(network, twin, digits)
        result = training.run()
        network.write(result.weights, result.operating_point)
        return start, look(network, twin, digits)


def report(capsys, what, start, after):
    with capsys.disabled():
        print(f"\ncosines, {what}: start {start.round(3)}, after {after.round(3)}")


SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3, 4, 5))]


@pytest.fixture(scope="module", params=SEEDS)
def nominal(request):
    """Cosines at the start and after training: light's work, whole gradients, slopes."""

    def look(bench, twin, digits):
        return np.vstack([cosines(bench, twin, digits), cosines_to_slopes(bench, digits)])

    seed = request.param
    return trained_bench(bench_of(seed), seed, None, SharedResources(), look)


def test_with_nominal_tables_it_is_the_slope_of_the_loss(nominal, capsys):
    start, after = nominal
    report(capsys, "nominal tables, to slopes of the loss", start[2], after[2])
    assert np.all(start[2] >= 0.9)
    assert np.all(after[2] >= 0.9)


def test_with_nominal_tables_the_light_does_what_algebra_would(nominal, capsys):
    start, after = nominal
    report(capsys, "nominal tables, light's own work", start[0], after[0])
    report(capsys, "nominal tables, whole gradients", start[1], after[1])
    assert np.all(start[:2] >= 0.9)
    assert np.all(after[0] >= 0.9)


@pytest.mark.parametrize("seed", SEEDS)
def test_with_measured_tables_whole_gradients_agree_after_training_too(seed, capsys):
    bench, shared = bench_of(seed), SharedResources()
    with opened_for_calibration(bench, shared=shared) as session:
        run_steps(session, plan_steps(session))
        tables = session.tables
    start, after = trained_bench(bench, seed, tables, shared, cosines)
    report(capsys, "measured tables, light's own work", start[0], after[0])
    report(capsys, "measured tables, whole gradients", start[1], after[1])
    assert np.all(start >= 0.99)
    assert np.all(after[0] >= 0.99)
    assert np.all(after[1] >= 0.9)
