"""A wire fails in the middle of a run: the run goes on, or ends safe and says what to do.

Never does it go on with something wrong: a run that got over a fault ends with the very weights of
one that had none. The twin is perfect here, so that nothing but the fault can make a difference.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from instruments.bench_file.reading import read_bench_file
from instruments.bench_opening import open_bench
from instruments.errors import InstrumentError
from instruments.opening import SharedResources
from protocols.datasets import Dataset
from protocols.settings import TrainingSettings
from protocols.training import Training
from sim_backends.simulated.stand_ins import simulated_bench

BENCH = Path(__file__).parents[2] / "examples" / "benches" / "table_top_4_4_3.toml"
SETTINGS = TrainingSettings(
    epochs=1, batch_size=16, learning_rate=1e-2, initial_std=0.3, fields_every=0
)
STEPS = 4
STEP_OF_FAULT = 2


def clouds():
    generator = np.random.default_rng(1)
    y = generator.integers(0, 3, STEPS * SETTINGS.batch_size + 64)
    x = 0.3 + 0.4 * np.eye(4)[y] + 0.1 * generator.normal(size=(len(y), 4))
    inputs = np.ascontiguousarray(x.clip(0, 1), np.float32)
    parts = np.split(np.arange(len(y)), [len(y) - 64, len(y) - 32])
    pairs = [array[part] for part in parts for array in (inputs, y)]
    return Dataset("clouds", *pairs, classes=3, image_shape=None, split_seed=0)


def bench_file(reconnect=0):
    bench = simulated_bench(read_bench_file(BENCH), "wire")
    patient = {
        name: section.model_copy(update={"settings": {**section.settings, "reconnect": reconnect}})
        for name, section in bench.instruments.items()
        if section.every_address
    }
    return bench.model_copy(
        update={"instruments": {**bench.instruments, **patient}, "twin": {"perfect": True}}
    )


class SpoilAt:
    """Progress that lets a fault befall an instrument behind a step."""

    def __init__(self, faults, instrument, kind, after):
        self.fault = (instrument, kind, after)
        self.faults = faults
        self.steps = 0

    def step(self, training, loss):
        self.steps = training.step
        if training.step == STEP_OF_FAULT:
            self.faults.wire.spoil(*self.fault)

    def epoch(self, training, row):
        pass


def run(instrument, kind, after=0, reconnect=0):
    """Return the boxes, the last weights, how far it came, and what ended it."""
    shared, ended, weights = SharedResources(), None, None
    with open_bench(bench_file(reconnect), shared=shared) as bench:
        built = shared.built()
        progress = SpoilAt(built["twin"].faults, instrument, kind, after)
        try:
            Training(bench, clouds(), SETTINGS).run(None, progress)
            weights = bench.parameters()
        except InstrumentError as error:
            ended = error
    return built["simulated boxes"], weights, progress.steps, ended


@pytest.fixture(scope="module")
def undisturbed():
    _, weights, steps, ended = run("nobody", "closed")
    assert ended is None
    assert steps == STEPS
    return weights


def is_safe(boxes):
    """Ask every current source itself, past the wire that may be broken."""
    sources = [one.model for one in boxes.links.values() if one.model.model == "ITC4001"]
    answers = [box.receive(b"OUTP1?;:SOUR1:CURR?").split(b";") for box in sources]
    assert len(answers) == 6
    return all(on == b"0" and float(amperes) == 0 for on, amperes in answers)


@pytest.mark.parametrize(
    ("instrument", "kind", "says"),
    [
        ("trigger", "late reply", r"no answer within 2 s to .*timeout"),
        ("taps_a", "dropped reply", r"no answer within 2 s to 'SYST:ERR\?'; .*timeout"),
        ("outputs", "half reply", r"no answer within 2 s to .*timeout"),
        ("taps_delta", "garbled reply", r"makes no sense after .*check the cable"),
        ("inputs", "error in queue", r"refused something, last .*-310.*manual"),
        ("inputs", "power cycle", r"lost at 'SOUR1.*check its power"),
        ("errors", "closed", r"lost at 'SOUR1.*check its power"),
    ],
)
def test_a_fault_ends_the_run_safe_with_an_error_that_says_what_to_do(instrument, kind, says):
    boxes, _, steps, ended = run(instrument, kind)
    assert steps == STEP_OF_FAULT
    assert ended is not None
    assert re.match(rf"[^(]*{instrument}[^(]*\(.*::.*\): .*{says}", str(ended)), ended
    assert "\n" not in str(ended)
    assert is_safe(boxes)


@pytest.mark.parametrize("instrument", ["trigger", "inputs", "errors", "taps_a", "outputs"])
def test_a_box_that_loses_power_anywhere_in_a_step_is_found_again_and_costs_nothing(
    instrument, undisturbed
):
    for after in (0, 1, 9, 19, 24):
        _, weights, steps, ended = run(instrument, "power cycle", after, reconnect=3)
        assert ended is None, f"after {after} messages: {ended}"
        assert steps == STEPS
        for found, expected in zip(weights, undisturbed, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_an_amplifier_that_loses_power_is_not_switched_on_again_by_itself():
    boxes, _, _, ended = run("amplifier_1", "power cycle", reconnect=3)
    assert "amplifier_1" in str(ended)
    assert "start anew" in str(ended)
    assert is_safe(boxes)


def test_a_laser_whose_wire_fails_while_it_is_made_safe_is_made_safe_all_the_same():
    shared = SharedResources()
    with open_bench(bench_file(reconnect=3), shared=shared) as bench:
        bench.switch_on()
        built = shared.built()
        built["twin"].faults.wire.spoil("laser", "closed", after=3)
        assert bench.make_safe().reached
        assert is_safe(built["simulated boxes"])
