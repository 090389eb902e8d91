"""A seed decides everything a twin does: its truth, its noise, its drifts, in every arrangement.

All benches here have every imperfection at its default, and are trained for a few steps.
"""

import copy
import os
import subprocess
import sys

import numpy as np
import pytest
from example_benches import ARRANGEMENTS, bench_file, opened

STEPS = 4
SAMPLES = 16
LEARNING_RATE = 0.02


def bench_of(arrangement, seed):
    twin = {"seed": seed, "amplifiers": {"saturation_power": "1 W"}}
    return opened(bench_file(ARRANGEMENTS[arrangement], twin=twin))[0]


@pytest.fixture(params=ARRANGEMENTS, ids=str)
def arrangement(request):
    return request.param


def first_weights(bench):
    generator = np.random.default_rng(5)
    return [generator.normal(0, 0.2, w.shape).astype("f") for w in bench.parameters()]


def batch_of(bench, number):
    generator = np.random.default_rng([6, number])
    inputs = generator.random((SAMPLES, bench.layers[0].inputs), dtype=np.float32)
    wanted = generator.random((SAMPLES, bench.layers[-1].outputs), dtype=np.float32)
    return inputs, wanted


def spied(bench):
    """Return a list that every bank of detectors adds its name and its readings to."""
    seen = []

    def spy(name, detectors):
        read = detectors.read

        def read_and_note(timeout_seconds):
            volts = read(timeout_seconds)
            seen.append((name, volts.copy()))
            return volts

        detectors.read = read_and_note

    for name, instrument in bench.instruments.items():
        if "taps" in name or name == "outputs":
            spy(name, instrument)
    return seen


def measured_step(bench, number):
    inputs, wanted = batch_of(bench, number)
    passed = bench.forward(inputs)
    errors = bench.backward(passed, passed.output - wanted)
    return bench.gradient(passed, errors)


def train(bench, weights, steps):
    """Train from ``weights``; return those at the end, which were written last."""
    for number in steps:
        gradient = measured_step(bench, number)
        weights = [w - LEARNING_RATE * g for w, g in zip(weights, gradient, strict=True)]
        bench.write(weights)
        # Long enough for biases and phases to wander, and no whole number of their steps.
        bench.instruments["inputs"].twin.clock.wait(0.7)
    return weights


def trained(arrangement, seed):
    with bench_of(arrangement, seed) as bench:
        seen = spied(bench)
        weights = first_weights(bench)
        bench.write(weights)
        weights = train(bench, weights, range(STEPS))
        return seen, weights


def same(first, second):
    return len(first) == len(second) and all(
        one == other and np.array_equal(volts, others)
        for (one, volts), (other, others) in zip(first, second, strict=True)
    )


def test_the_same_seed_reads_the_same_volts_and_learns_the_same_weights(arrangement):
    (first, weights), (second, others) = trained(arrangement, 7), trained(arrangement, 7)
    assert len(first) >= 4 * STEPS
    assert same(first, second)
    assert all(np.array_equal(w, o) for w, o in zip(weights, others, strict=True))


def test_another_seed_is_another_bench(arrangement):
    (first, _), (second, _) = trained(arrangement, 7), trained(arrangement, 8)
    for (bank, volts), (other, others) in zip(first, second, strict=True):
        assert bank == other
        # Gains, offsets and noise of all detectors differ; digitised volts may still coincide.
        assert (volts != others).mean() > 0.9, bank


def test_what_is_read_differs_from_shot_to_shot_and_from_time_to_time(arrangement):
    with bench_of(arrangement, 7) as bench:
        bench.write(first_weights(bench))
        same_sample = np.repeat(batch_of(bench, 0)[0][:1], SAMPLES, axis=0)
        first = bench.forward(same_sample).output
        second = bench.forward(same_sample).output
    assert (first.std(axis=0) > 0).all()
    # Noise of two of the digitiser's steps: one reading in seven is the same by chance.
    assert (first != second).mean() > 0.7


@pytest.mark.parametrize("moment", ["after a step", "after a look at other samples"])
def test_a_bench_restored_in_the_middle_goes_on_bit_for_bit(arrangement, moment):
    def first_half(bench):
        weights = first_weights(bench)
        bench.write(weights)
        weights = train(bench, weights, range(2))
        if moment != "after a step":
            bench.forward(batch_of(bench, 100)[0])
        return weights

    with bench_of(arrangement, 7) as bench:
        weights = first_half(bench)
        kept = [w.copy() for w in weights], copy.deepcopy(bench.state())
        seen = spied(bench)
        wanted = train(bench, weights, range(2, STEPS))

    with bench_of(arrangement, 7) as other:
        weights, state = kept
        other.write(weights)
        other.restore(state)
        seen_again = spied(other)
        found = train(other, weights, range(2, STEPS))

    assert same(seen, seen_again)
    assert all(np.array_equal(w, o) for w, o in zip(wanted, found, strict=True))


def test_a_bench_can_be_taken_back_to_an_earlier_state_of_its_own(arrangement):
    with bench_of(arrangement, 7) as bench:
        weights = first_weights(bench)
        bench.write(weights)
        weights = train(bench, weights, range(2))
        state = copy.deepcopy(bench.state())
        seen = spied(bench)
        wanted = train(bench, weights, range(2, STEPS))
        first_run = list(seen)
        seen.clear()

        bench.write(weights)
        bench.restore(state)
        found = train(bench, weights, range(2, STEPS))

    assert same(first_run, seen)
    assert all(np.array_equal(w, o) for w, o in zip(wanted, found, strict=True))


LIGHT = """
import sys, zlib
import numpy as np
from instruments.calibration import weight_blocks
from sim_backends.twin import passage, weight_panel
from sim_backends.twin.light_loops import GainCurves
from sim_backends.twin.noise import NoiseStream
from sim_backends.twin.workspace import Workspace

generator = np.random.default_rng(0)

def some(*shape):
    return generator.random(shape, dtype=np.float32)

curves = GainCurves(some(11, 64), some(11, 64), some(64) + 1, some(64), some(64))
parts, one, noise = some(2, 48, 64), np.float32(1), NoiseStream(1)
mask = passage.Mask(parts, parts.sum(axis=0))
shone = passage.shine(some(2, 33, 64), mask, curves, one, None, noise, Workspace())
back = passage.return_to_source(some(2, 33, 48), mask, curves, shone.gains, noise, Workspace())
tables = (some(1, 65, 64) + 1j * some(1, 65, 64)).astype(np.complex64)
levels = generator.integers(0, 64, (2, 48, 64)).astype(np.uint16)
shown, regions = some(96, 64), np.zeros((48, 64), np.uint8)
sums = some(48, 64)
weight_panel._look_up(
    0, tables, regions, *levels, np.float32(0.01), some(48), some(64), shown, sums
)
print(*(zlib.crc32(np.ascontiguousarray(a).tobytes()) for a in (*shone, back, shown, sums)))
"""


@pytest.mark.slow
def test_loops_just_compiled_and_loops_compiled_before_give_the_same(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", LIGHT]
    runs = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert list(tmp_path.rglob("*.nbi")), "nothing was compiled into the folder given"
    assert runs[0] == runs[1]
