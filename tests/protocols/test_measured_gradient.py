"""The gradient that light measures points where the ideal one does.

The ideal network holds the matrices that are in the light, read off the twin's hidden truth, and
gets the inputs and the output errors the bench had. What is compared is the light's own work:
activations, errors brought back, their products. Near a minimum the output errors are compared
no further: there the measured loss and an ideal one have their minima in different places, and
small differences of two small gradients point anywhere.
"""

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.opening import SharedResources
from protocols.datasets import load_dataset
from protocols.settings import TrainingSettings
from protocols.training import Training
from sim_backends.ideal_network import IdealNetwork
from sim_backends.twin.true_tables import optical_weights

BATCH = 64


def cosine(one, other):
    return float(np.vdot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other)))


def cosines(bench, twin, digits):
    """Layer by layer, with the bench's output errors and with the ideal network's own."""
    inputs = digits.train_inputs[:BATCH]
    targets = np.eye(10, dtype=np.float32)[digits.train_labels[:BATCH]]
    passed = bench.forward(inputs)
    errors = passed.output - targets
    measured = bench.gradient(passed, bench.backward(passed, errors))
    ideal = IdealNetwork(bench.layers)
    ideal.write([optical_weights(twin, index).astype(np.float32) for index in (0, 1)])
    calculated = ideal.forward(inputs)
    found = []
    for at_output in (errors, calculated.output - targets):
        gradient = ideal.gradient(calculated, ideal.backward(calculated, at_output))
        found.append([cosine(*pair) for pair in zip(measured, gradient, strict=True)])
    return np.array(found)


@pytest.mark.parametrize(
    "seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (3, 4, 5))]
)
def test_the_measured_gradient_is_the_ideal_one_at_the_start_and_after_training(seed, capsys):
    digits, shared = load_dataset("digits"), SharedResources()
    text = built_in_text("digits").replace("[twin]\nseed = 1", f"[twin]\nseed = {seed}")
    settings = TrainingSettings(
        epochs=50, learning_rate=3e-3, initial_std=0.15, fields_every=0, seed=seed
    )
    with open_bench(parse_bench_file(text, "digits"), shared=shared) as bench:
        training = Training(bench, digits, settings)
        twin = shared.built()["twin"]
        start = cosines(bench, twin, digits)
        result = training.run()
        bench.write(result.weights, result.operating_point)
        after = cosines(bench, twin, digits)
    with capsys.disabled():
        print(f"\ncosine, layers 1 and 2: start {start[0].round(3)}, after {after[0].round(3)}")
        print(f"with errors of their own: start {start[1].round(3)}, after {after[1].round(3)}")
    assert np.all(start >= 0.9)
    assert np.all(after[0] >= 0.9)
