"""What calibration tables are good for, and which errors training absorbs by itself.

Weights brought from elsewhere are as good as the tables they are written through. In the loop,
training absorbs errors of the tables that are static and monotone: it sees the light they make.
It cannot absorb wrong relative signs of taps, nor what is added to the backward taps.
"""

import math

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.calibration.nominal import nominal_tables
from instruments.calibration.tap import TapTable
from instruments.opening import SharedResources, prepare_instruments
from protocols.datasets import load_dataset
from protocols.evaluation import evaluate
from protocols.losses import LOSSES
from protocols.settings import TrainingSettings
from protocols.training import train
from sim_backends.ideal_network import IdealNetwork
from sim_backends.simulated.true_bench_tables import true_bench_tables
from sim_backends.twin.true_tables import optical_weights

EPOCHS = 50
FEW, MANY = (1, 2), (3, 4, 5, 6, 7)
DIGITS = load_dataset("digits")


def bench_of(seed, taps=""):
    text = built_in_text("digits").replace("[twin]\nseed = 1", f"[twin]\nseed = {seed}\n{taps}")
    return parse_bench_file(text, "digits")


def settings(seed):
    return TrainingSettings(epochs=EPOCHS, learning_rate=3e-3, fields_every=0, seed=seed)


def accuracy_in_the_loop(bench, seed, tables=None, around=lambda network: network):
    with open_bench(bench, tables=tables) as network:
        result = train(around(network), DIGITS, settings(seed), show_progress=False)
    return 100 * result.test_accuracy


def nominal(bench):
    return nominal_tables(bench, prepare_instruments(bench, SharedResources()))


class Around:
    """A network whose taps are tampered with on the way to the software."""

    def __init__(self, network):
        self._network = network

    def __getattr__(self, name):
        return getattr(self._network, name)


def random_signs(bench, seed):
    """Nominal tables in which half the hidden taps have the wrong sign."""
    generator, tables = np.random.default_rng(seed), nominal(bench)
    for bank in ("taps_a", "taps_delta"):
        table = tables.taps[bank]
        signs = generator.choice([-1.0, 1.0], table.values["volts_per_field"].shape)
        tables.taps[bank] = TapTable(
            table.values["volts_per_field"] * signs,
            table.values["offset_volts"],
            saturation_volts=float(table.values["saturation_volts"]),
            provenance=table.provenance,
        )
    return tables


class OffsetErrors(Around):
    """Adds half the errors' rms, in a pattern that stays, to the backward taps."""

    pattern = np.random.default_rng(8).standard_normal(48).astype(np.float32)

    def backward(self, passed, output_errors):
        hidden, output = self._network.backward(passed, output_errors)
        return [hidden + np.float32(0.5) * hidden.std() * self.pattern, output]


class WithoutBackground(Around):
    """Leaves in the backward taps what they see of the pump."""

    def forward(self, inputs):
        passed = self._network.forward(inputs)
        for volts in passed.exposure.background.values():
            volts[:] = 0
        return passed


def transferred(seed):
    """Accuracy of ideal weights through nominal and true tables, and how far light is off."""
    bench = bench_of(seed)
    ideal = IdealNetwork.dense(bench.network.layers, nominal_unit(bench))
    weights = train(ideal, DIGITS, settings(seed), show_progress=False).weights
    accuracies, distances = [], []
    for tables in (nominal(bench), true_bench_tables(bench)):
        shared = SharedResources()
        with open_bench(bench, tables=tables, shared=shared) as network:
            network.write(weights)
            score = evaluate(network, DIGITS.test_inputs, DIGITS.test_labels, LOSSES["mse"])
            twin = shared.built()["twin"]
            light = [optical_weights(twin, index) for index in (0, 1)]
        accuracies.append(100 * score.accuracy)
        distances.append(
            [
                np.linalg.norm(shown - asked) / np.linalg.norm(asked)
                for shown, asked in zip(light, weights, strict=True)
            ]
        )
    return accuracies, distances


def nominal_unit(bench):
    from instruments.bench_opening import network_layers

    return network_layers(bench)[0].unit


def test_weights_brought_from_elsewhere_need_true_tables(capsys):
    """Mean of five twins: at least 5 points, and matrices at least 5 times closer."""
    accuracies, distances = zip(*(transferred(seed) for seed in range(1, 6)), strict=True)
    through_nominal, through_true = np.mean(accuracies, axis=0)
    far, near = np.mean(distances, axis=0)
    with capsys.disabled():
        print(f"\ntransferred: nominal {through_nominal:.1f} %, true {through_true:.1f} %")
        print(f"||W_optical - W|| / ||W||: nominal {far.round(3)}, true {near.round(4)}")
    assert through_true - through_nominal >= 5
    assert np.all(far >= 5 * near)


def differences(seed):
    """Accuracies in the loop, in per cent, each with everything else at its default."""
    bench = bench_of(seed)
    # 3 % of the probe's full scale, 0.3, for each unit of the pump.
    reflecting = bench_of(seed, '[twin.taps]\nreflection = "0.9 %"')
    return {
        "nominal tables": accuracy_in_the_loop(bench, seed),
        "true tables": accuracy_in_the_loop(bench, seed, true_bench_tables(bench)),
        "random signs": accuracy_in_the_loop(bench, seed, random_signs(bench, seed)),
        "offset errors": accuracy_in_the_loop(bench, seed, around=OffsetErrors),
        "no reflection": accuracy_in_the_loop(
            bench_of(seed, '[twin.taps]\nreflection = "0 %"'), seed
        ),
        "reflection subtracted": accuracy_in_the_loop(reflecting, seed),
        "reflection left": accuracy_in_the_loop(reflecting, seed, around=WithoutBackground),
    }


@pytest.mark.parametrize("seeds", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=str)
def test_what_training_in_the_loop_absorbs_and_what_not(seeds, capsys):
    table = [differences(seed) for seed in seeds]
    mean = {name: float(np.mean([row[name] for row in table])) for name in table[0]}
    with capsys.disabled():
        print(
            "\nin the loop: " + ", ".join(f"{name} {value:.1f} %" for name, value in mean.items())
        )
    assert mean["nominal tables"] >= 96
    assert mean["true tables"] >= 96
    assert mean["nominal tables"] - mean["random signs"] >= 3
    assert mean["nominal tables"] - mean["offset errors"] >= 3
    assert mean["no reflection"] - mean["reflection left"] >= 3
    # One of 224 test images is 0.45 points, and accuracies of two runs of one twin differ by some
    # 0.6: the limit of 0.5 is for the mean of five twins, two of them are allowed two sigma more.
    allowed = 0.5 if seeds == MANY else 0.5 + 2 * 0.6 / math.sqrt(len(seeds))
    assert mean["no reflection"] - mean["reflection subtracted"] < allowed
