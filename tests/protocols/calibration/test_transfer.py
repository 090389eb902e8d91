"""Weights trained on the ideal network, shown through nominal, measured and true tables.

A few twins by default; ten take two minutes:
``python -m pytest -m slow tests/protocols/calibration/test_transfer.py -s``.
"""

import numpy as np
import pytest
from calibrated_twins import calibrated, digits_bench
from scipy import stats

from instruments.bench_opening import open_bench
from instruments.calibration.nominal import nominal_tables
from instruments.opening import SharedResources, prepare_instruments
from protocols.datasets import load_dataset
from protocols.evaluation import evaluate
from protocols.losses import LOSSES
from protocols.settings import TrainingSettings
from protocols.training import train
from sim_backends.ideal_network import IdealNetwork
from sim_backends.simulated.true_bench_tables import true_bench_tables
from sim_backends.simulated.twin_of_bench import twin_of_bench
from sim_backends.twin.true_tables import true_amplifier

DIGITS = load_dataset("digits")
EPOCHS = 50
CURRENT_LIMIT = 0.2


def accuracies(seed):
    """Per cent of test digits, through nominal, measured and true tables."""
    bench = digits_bench(seed)
    with open_bench(bench) as described:
        ideal = IdealNetwork(described.layers)
    settings = TrainingSettings(epochs=EPOCHS, learning_rate=3e-3, fields_every=0, seed=seed)
    weights = train(ideal, DIGITS, settings, show_progress=False).weights
    found = calibrated(bench)
    assert found.compared.refused == []
    true = true_bench_tables(bench)
    for name in true.amplifiers:
        # The bench's own limit of the current.
        true.amplifiers[name] = true_amplifier(
            twin_of_bench(bench), name, bench.name, CURRENT_LIMIT
        )
    row = []
    nominal = nominal_tables(bench, prepare_instruments(bench, SharedResources()))
    for tables in (nominal, found.tables, true):
        with open_bench(bench, tables=tables) as network:
            network.write(weights)
            score = evaluate(network, DIGITS.test_inputs, DIGITS.test_labels, LOSSES["mse"])
        row.append(100 * score.accuracy)
    return row


@pytest.mark.parametrize(
    "seeds", [(1, 2), pytest.param(tuple(range(1, 11)), marks=pytest.mark.slow)], ids=len
)
def test_measured_tables_are_as_good_as_the_truth(seeds, capsys):
    table = np.array([accuracies(seed) for seed in seeds])
    with capsys.disabled():
        print("\nseed: nominal, measured, true")
        for seed, row in zip(seeds, table, strict=True):
            print(f"{seed:4d}: " + ", ".join(f"{value:.2f} %" for value in row))
        print("mean: " + ", ".join(f"{value:.2f} %" for value in table.mean(axis=0)))
    nominal, measured, _ = table.mean(axis=0)
    assert measured - nominal >= 5
    differences = table[:, 1] - table[:, 2]
    assert abs(differences.mean()) <= 0.5
    if len(seeds) >= 10:
        spread = stats.sem(differences)
        half = stats.t.ppf(0.975, len(seeds) - 1) * spread
        with capsys.disabled():
            print(f"measured - true: {differences.mean():.2f} +- {half:.2f} points (95 %)")
        assert abs(differences.mean()) + half <= 0.5
