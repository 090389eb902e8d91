"""Drift that hurts: references through more than a quarter wave, a wandering background.

With the references tracked and the background measured batch by batch, training does as well as
on a bench that stands still. Without tracking it does not. The default run takes few seeds;
``python -m pytest -m slow tests/protocols/test_drift.py`` takes ten.
"""

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.opening import SharedResources
from protocols.datasets import load_dataset
from protocols.evaluation import evaluate
from protocols.losses import LOSSES
from protocols.settings import TrainingSettings
from protocols.training import Training

DIGITS = load_dataset("digits")
STILL = "phase_drift = '0 rad'\nreflection_drift = 0"
DRIFTING = "phase_drift = '2 rad'\nphase_drift_time = '60 s'\nreflection_drift = 1.2"
PASSES_AFTERWARDS = 1200
SECONDS_BETWEEN = 0.05


class Wandering:
    """Progress that keeps where the references and reflections of a twin are, epoch by epoch."""

    def __init__(self, twin):
        self.banks = twin.detectors
        self.phases, self.reflections = [], []

    def step(self, training, loss):
        pass

    def epoch(self, training, row):
        self.phases.append([bank.drift_radians for bank in self.banks.values()])
        self.reflections.append(self.banks["taps_delta"].reflection_wander)

    @property
    def least_drift(self):
        """How far apart a bank's phases were in the run, of the bank that drifted least."""
        return float(np.ptp(self.phases, axis=0).min())

    @property
    def wander(self):
        """rms change of the backward background from the first epoch on, relative to itself."""
        change = np.array(self.reflections) - self.reflections[0]
        return float(np.sqrt(np.mean(change[len(change) // 2 :] ** 2)))


def accuracies(seed, taps, every):
    """Accuracy after training and of the frozen weights after more drift; how far all drifted."""
    text = built_in_text("digits").replace("track_every = 20", f"track_every = {every}")
    text = text.replace("[twin]\nseed = 1", f"[twin]\nseed = {seed}\n[twin.taps]\n{taps}")
    settings = TrainingSettings(
        epochs=50,
        learning_rate=3e-3,
        initial_std=0.15,
        fields_every=0,
        check_every=0,
        seed=seed,
    )
    shared = SharedResources()
    with open_bench(parse_bench_file(text, "digits"), shared=shared) as bench:
        training = Training(bench, DIGITS, settings)
        twin = shared.built()["twin"]
        wandering = Wandering(twin)
        result = training.run(None, wandering)
        bench.write(result.weights, result.operating_point)
        for _ in range(PASSES_AFTERWARDS):
            twin.clock.wait(SECONDS_BETWEEN)
            bench.forward(DIGITS.test_inputs[:1])
        frozen = evaluate(bench, DIGITS.test_inputs, DIGITS.test_labels, LOSSES["mse"])
    trained = 100 * result.test_accuracy
    return trained, 100 * frozen.accuracy, wandering.least_drift, wandering.wander


@pytest.mark.parametrize(
    "seeds",
    [(1, 2, 4), pytest.param(tuple(range(1, 11)), marks=pytest.mark.slow)],
    ids=["few seeds", "ten seeds"],
)
@pytest.mark.timeout(1800)
def test_tracking_makes_up_for_drift(seeds, capsys):
    still = np.array([accuracies(seed, STILL, 20) for seed in seeds])
    tracked = np.array([accuracies(seed, DRIFTING, 20) for seed in seeds])
    left = np.array([accuracies(seed, DRIFTING, 0) for seed in seeds])
    with capsys.disabled():
        print()
        for name, found in (("still", still), ("tracked", tracked), ("left", left)):
            trained, frozen, phase, wander = found.mean(axis=0)
            print(
                f"{name}: trained {trained:.1f} %, frozen afterwards {frozen:.1f} %; phases drift "
                f"by {phase:.1f} rad at least, the background by {wander:.1f} times itself"
            )
    for drifting in (tracked, left):
        assert drifting[:, 2].mean() > np.pi / 2
        assert drifting[:, 3].mean() > 1
    for column in (0, 1):
        assert (still - tracked)[:, column].mean() < 1
        assert (still - left)[:, column].mean() > 5
