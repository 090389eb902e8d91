"""Known shots behind the samples tell a slip of frames, and nothing else does."""

import numpy as np
import pytest

from instruments.arrangements import bench_light
from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.shot_marks import BACKWARD_MARKS, FORWARD_MARKS, MARKS, in_step, noise_of
from instruments.stage_hardware import Emitter

RANGE_VOLTS = 1.0
NOISE_VOLTS = 3e-4
SHIFTS = (1, 2, 3, -1, -2)
NEURONS = 12


def shown(marks, shift, generator):
    """Levels in the marks' shots of what is late by some shots, or early.

    What is late shows samples first; what is early holds its last level.
    """
    marks = np.array(marks)
    if shift >= 0:
        return np.concatenate([generator.uniform(-1, 1, shift), marks[: MARKS - shift]])
    return np.concatenate([marks[-shift:], np.repeat(marks[-1], -shift)])


def read(
    seed, *, backward, inputs=0, injector=0, detectors=0, pump=0.2, probe=0.03, reflection=0.05
):
    """Readings of marks: inputs, injector and detectors each late by some shots."""
    generator = np.random.default_rng(seed)
    forward = shown(FORWARD_MARKS, inputs, generator)
    # The absorber lets more of the probe pass the stronger the pump; modulators leak.
    pumped = generator.normal(0, pump, NEURONS)
    at_neurons = np.outer(forward + 0.03, pumped)
    light = at_neurons * np.exp(-1 / (1 + (10 * at_neurons) ** 2))
    if backward:
        injected = shown(BACKWARD_MARKS, injector, generator)
        arriving = np.outer(injected + 0.03, generator.normal(0, probe, NEURONS))
        light = reflection * at_neurons
        light += arriving * np.exp(-1 / (1 + (10 * at_neurons) ** 2))
    if detectors > 0:
        samples = generator.normal(0, light.std(), (detectors, NEURONS))
        light = np.concatenate([samples, light])[:MARKS]
    elif detectors < 0:
        light = np.concatenate([light, np.repeat(light[-1:], -detectors, axis=0)])[-detectors:]
    offset = generator.normal(0, 0.02, NEURONS)
    noise = NOISE_VOLTS * generator.standard_normal(light.shape)
    return (light + offset + noise).astype(np.float32)


def found(volts, backward, noise_volts=NOISE_VOLTS):
    return in_step(volts, noise_volts, backward=backward)


@pytest.mark.parametrize("backward", [False, True], ids=["activations", "errors"])
@pytest.mark.parametrize("seed", range(50))
def test_marks_are_in_step_whatever_weights_absorber_and_offset_do(backward, seed):
    assert found(read(seed, backward=backward), backward)


@pytest.mark.parametrize("backward", [False, True], ids=["activations", "errors"])
@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("seed", range(20))
def test_detectors_out_of_step_are_found(backward, shift, seed):
    assert not found(read(seed, backward=backward, detectors=shift), backward)


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("seed", range(20))
def test_inputs_out_of_step_are_found(shift, seed):
    assert not found(read(seed, backward=False, inputs=shift), backward=False)


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("seed", range(20))
def test_an_injector_out_of_step_is_found_though_the_reflected_pump_is_brighter(shift, seed):
    volts = read(seed, backward=True, injector=shift, probe=0.01, reflection=0.15)
    assert not found(volts, backward=True)


@pytest.mark.parametrize("backward", [False, True], ids=["activations", "errors"])
@pytest.mark.parametrize("seed", range(50))
def test_darkness_decides_nothing(backward, seed):
    noise = NOISE_VOLTS * np.random.default_rng(seed).standard_normal((MARKS, 3))
    assert found(noise.astype(np.float32), backward)


def test_a_laser_whose_power_wanders_is_no_slip():
    """By 1 % from shot to shot, which is far more than the detectors' noise."""
    wander = 1 + 0.01 * np.random.default_rng(1).standard_normal((MARKS, 1))
    assert found((wander * read(1, backward=False)).astype(np.float32), backward=False)


def test_clipped_readings_are_in_step_and_tell_a_slip_all_the_same():
    late, right = (read(1, backward=False, detectors=shift) for shift in (1, 0))
    narrow = 0.3 * np.abs(right).max()
    assert found(np.clip(right, -narrow, narrow), backward=False)
    assert not found(np.clip(late, -narrow, narrow), backward=False)


@pytest.mark.parametrize("backward", [False, True], ids=["activations", "errors"])
def test_false_alarms_of_three_detectors_are_rarer_than_one_in_ten_thousand(backward):
    """Noise itself is known from few shots only."""
    generator = np.random.default_rng(2)
    alarms = 0
    for _ in range(10_000):
        noise = noise_of(generator.standard_normal((16, 3)), 100.0)
        alarms += not in_step(generator.standard_normal((MARKS, 3)), noise, backward=backward)
    assert alarms <= 1


def test_noise_is_that_of_shots_in_which_nothing_changes():
    steady = np.random.default_rng(3).normal([0.1, -0.3, 0.02], 4e-3, (4000, 3))
    assert noise_of(steady.astype(np.float32), RANGE_VOLTS) == pytest.approx(4e-3, rel=0.03)


def test_detectors_at_the_edge_of_their_range_say_nothing_of_noise():
    steady = np.random.default_rng(3).normal([0.1, -1.2, 0.02], 4e-3, (4000, 3))
    clipped = np.clip(steady, -RANGE_VOLTS, RANGE_VOLTS).astype(np.float32)
    assert noise_of(clipped, RANGE_VOLTS) == pytest.approx(4e-3, rel=0.03)
    assert noise_of(clipped[:, 1:2], RANGE_VOLTS) == np.inf


def test_every_state_is_shown_twice():
    states = list(zip(FORWARD_MARKS, BACKWARD_MARKS, strict=True))
    assert sorted(states) == sorted(2 * list(set(states)))
    assert len(set(states)) == 4


def test_noise_that_was_measured_long_ago_is_measured_again(monkeypatch):
    """In light that stands still, which is loaded for nothing else."""
    monkeypatch.setattr(bench_light, "NOISE_HOLDS_FOR", 3)
    # Tracking phases takes exposures as well, which count.
    text = built_in_text("digits").replace("track_every = 20", "track_every = 0")
    steady, load_steady = [], Emitter.load_steady
    monkeypatch.setattr(
        Emitter,
        "load_steady",
        lambda emitter, shots: (steady.append(shots), load_steady(emitter, shots)),
    )
    measured = []
    with open_bench(parse_bench_file(text, "digits")) as bench:
        bench.write([np.full((one.outputs, one.inputs), 0.05, "f") for one in bench.layers])
        for _ in range(9):
            before = len(steady)
            bench.forward(np.full((2, 64), 0.3, "f"))
            measured.append(len(steady) > before)
    assert np.flatnonzero(measured).tolist() == [0, 4, 8]
