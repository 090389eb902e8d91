"""Known shots behind the samples tell a slip of frames, and nothing else does."""

import numpy as np
import pytest

from instruments.shot_marks import BACKWARD_MARKS, FORWARD_MARKS, in_step

RANGE_VOLTS = 1.0
NOISE_VOLTS = 3e-4
PUMP = np.array([0.3, -0.2, 0.1, 0.25])
PROBE = np.array([-0.04, 0.03, 0.05, 0.02])
REFLECTION = 0.05 * PUMP


def read(forward=FORWARD_MARKS, backward=BACKWARD_MARKS, *, tap, seed=0, offset=0.02):
    """Readings of marks at taps of activations or of errors; a probe needs the pump to pass."""
    forward, backward = np.array(forward), np.array(backward)
    if tap == "activation":
        light = np.outer(forward, PUMP)
    else:
        light = np.outer(forward, REFLECTION) + np.outer(forward * backward, PROBE)
    noise = np.random.default_rng(seed).standard_normal(light.shape)
    return (light + offset + NOISE_VOLTS * noise).astype(np.float32)


def found(volts, tap):
    return in_step(volts, RANGE_VOLTS, backward=tap == "error")


def samples(seed, count):
    return np.random.default_rng(seed).normal(0, 0.2, (count, 4)).astype(np.float32)


@pytest.mark.parametrize("tap", ["activation", "error"])
@pytest.mark.parametrize("seed", range(20))
def test_marks_are_in_step_whatever_offset_and_noise(tap, seed):
    offset = np.random.default_rng(seed).normal(0, 0.05)
    assert found(read(tap=tap, seed=seed, offset=offset), tap)


@pytest.mark.parametrize("tap", ["activation", "error"])
@pytest.mark.parametrize("late", [1, 2, 3])
@pytest.mark.parametrize("seed", range(20))
def test_detectors_that_are_late_read_samples_first(tap, late, seed):
    rows = np.concatenate([samples(seed, late), read(tap=tap, seed=seed)])
    assert not found(rows[:4], tap)


@pytest.mark.parametrize("tap", ["activation", "error"])
def test_detectors_that_are_early_miss_the_first_mark(tap):
    marks = read(tap=tap)
    assert not found(np.concatenate([marks[1:], marks[-1:]]), tap)


def test_inputs_that_are_late_leave_the_second_mark_dark():
    assert not found(read(forward=(0.4, 0, 1, 1), tap="activation"), "activation")


def test_an_injector_that_is_late_shines_with_the_inputs_one_mark_later():
    assert not found(read(backward=(0, 0, 1, 0), tap="error"), "error")


def test_a_probe_that_drowns_in_the_pump_s_reflection_decides_nothing():
    assert found(read(backward=(0, 0, 0, 0), tap="error"), "error")


@pytest.mark.parametrize("tap", ["activation", "error"])
def test_darkness_decides_nothing(tap):
    assert found(read(forward=(0, 0, 0, 0), tap=tap), tap)


@pytest.mark.parametrize("cosine", [1, 0.3, 0.02, -0.02, -1])
def test_a_reference_that_drifts_is_no_slip(cosine):
    volts = cosine * read(tap="activation", offset=0)
    assert found(volts.astype(np.float32), "activation")
