"""A slip of frames is caught in the batch in which it happens, and the run ends as without it.

The default run lets hundreds of slips happen in one training;
``python -m pytest -m slow tests/protocols/test_frame_slip.py`` thousands in twenty.
"""

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_bench, built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.errors import FrameSlipError
from instruments.opening import SharedResources
from protocols.datasets import load_dataset
from protocols.record.run import open_run
from protocols.settings import TrainingSettings
from protocols.training import Training
from protocols.training_record import start_record

SETTINGS = TrainingSettings(
    epochs=25, learning_rate=3e-3, initial_std=0.15, fields_every=0, patience=None
)
DIGITS = load_dataset("digits")


class SlipAt:
    """Progress that lets an instrument lose a trigger after a step."""

    def __init__(self, twin, step, instrument):
        self.twin, self.at, self.instrument = twin, step, instrument

    def step(self, training, loss):
        if training.step == self.at:
            self.twin.faults.slip(self.instrument, until_stopped=True)

    def epoch(self, training, row):
        pass


INSTRUMENTS = ("inputs", "errors", "taps_z", "taps_a", "taps_delta", "outputs")


class SlipNowAndThen:
    """Progress that lets some instrument lag by some shots for a batch, every few batches."""

    def __init__(self, bench, twin, seed):
        self.light, self.faults = bench.light, twin.faults
        self.generator = np.random.default_rng(seed)
        self.slipped = None
        self.found = {instrument: [] for instrument in INSTRUMENTS}
        self.false_alarms, self.batches_without = 0, 0

    def step(self, training, loss):
        # The bench counts the exposures it repeated; behind an epoch, those of the validation too.
        noticed, self.light.slips = self.light.slips > 0, 0
        if self.slipped is not None:
            self.found[self.slipped].append(noticed)
            self.faults.stopped(self.slipped)
            self.slipped = None
        else:
            self.false_alarms += noticed
            self.batches_without += 1
        if self.generator.random() < 0.4:
            self.slipped = str(self.generator.choice(INSTRUMENTS))
            shots = int(self.generator.choice([1, 1, 1, 2, 3, 8]))
            self.faults.slip(self.slipped, shots, until_stopped=True)

    def epoch(self, training, row):
        pass


@pytest.mark.parametrize(
    "seeds",
    [(1,), pytest.param(tuple(range(1, 21)), marks=pytest.mark.slow)],
    ids=["one training", "twenty"],
)
def test_every_slip_is_caught_in_its_batch_and_nothing_else_is_taken_for_one(seeds, capsys):
    found = {instrument: [] for instrument in INSTRUMENTS}
    false_alarms = batches = 0
    for seed in seeds:
        text = built_in_text("digits").replace("[twin]\nseed = 1", f"[twin]\nseed = {seed}")
        shared = SharedResources()
        with open_bench(parse_bench_file(text, "digits"), shared=shared) as bench:
            training = Training(bench, DIGITS, SETTINGS.model_copy(update={"seed": seed}))
            slips = SlipNowAndThen(bench, shared.built()["twin"], seed)
            training.run(None, slips)
        for instrument, noticed in slips.found.items():
            found[instrument] += noticed
        false_alarms += slips.false_alarms
        batches += slips.batches_without
    with capsys.disabled():
        caught = ", ".join(f"{name} {sum(one)} of {len(one)}" for name, one in found.items())
        print(f"\nslips caught in their batch: {caught}; {false_alarms} false in {batches} batches")
    assert all(len(noticed) >= 20 and all(noticed) for noticed in found.values())
    assert false_alarms == 0


@pytest.mark.parametrize("instrument", ["inputs", "errors", "taps_z", "taps_delta", "outputs"])
def test_a_slip_is_caught_in_its_batch_and_the_batch_repeated(instrument, tmp_path):
    step = int(np.random.default_rng(len(instrument)).integers(20, 500))
    shared = SharedResources()
    with open_bench(built_in_bench("digits"), shared=shared) as bench:
        training = Training(bench, DIGITS, SETTINGS)
        slip = SlipAt(shared.built()["twin"], step, instrument)
        result = training.run(start_record(training, tmp_path / "run"), slip)
    slips = open_run(tmp_path / "run").steps["frame_slips"]
    # Progress hears of a step when it is done; the batch behind it is the one that slips.
    assert np.flatnonzero(slips).tolist() == [step]
    with open_bench(built_in_bench("digits")) as bench:
        undisturbed = Training(bench, DIGITS, SETTINGS).run()
    # From the repeated batch on the noise is another; of 224 images a few fall differently.
    assert result.test_accuracy == pytest.approx(undisturbed.test_accuracy, abs=0.03)


def test_a_slip_that_lasts_ends_the_run_and_says_where_to_look():
    shared = SharedResources()
    with open_bench(built_in_bench("digits"), shared=shared) as bench:
        training = Training(bench, DIGITS, SETTINGS)
        shared.built()["twin"].faults.slip("inputs")
        with pytest.raises(FrameSlipError, match="look at the trigger cables"):
            training.run()
        assert not shared.built()["twin"].laser_on


def test_without_marks_nobody_notices():
    text = built_in_text("digits").replace("marks = true", "marks = false")
    shared = SharedResources()
    with open_bench(parse_bench_file(text), shared=shared) as bench:
        training = Training(bench, DIGITS, SETTINGS.model_copy(update={"epochs": 1}))
        shared.built()["twin"].faults.slip("inputs")
        training.run()
