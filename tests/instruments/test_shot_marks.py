"""Known shots behind the samples tell a slip of frames, and nothing else does."""

import numpy as np
import pytest

from instruments.shot_marks import MARKS, ShotMarks

RANGE_VOLTS = 1.0
NOISE_VOLTS = 1e-3
BRIGHT = np.array([0.3, -0.2, 0.1, 0.25])


def read(brightness=MARKS, offset=0.02, noise=NOISE_VOLTS, seed=0):
    generator = np.random.default_rng(seed)
    volts = np.outer(brightness, BRIGHT) + offset
    return (volts + noise * generator.standard_normal(volts.shape)).astype(np.float32)


def sample(seed):
    """One row as a sample of the batch would leave it."""
    return np.random.default_rng(seed).normal(0, 0.2, 4)


@pytest.mark.parametrize("seed", range(20))
def test_marks_are_in_step_whatever_offset_and_noise(seed):
    offset = np.random.default_rng(seed).normal(0, 0.05)
    assert ShotMarks().in_step("z", "", read(offset=offset, seed=seed), RANGE_VOLTS)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("late", [1, 2, 3])
def test_marks_that_come_late_are_out_of_step(seed, late):
    everything = np.concatenate([[sample(seed + 100 * k) for k in range(3)], read(seed=seed)])
    assert not ShotMarks().in_step("z", "", everything[3 - late : 6 - late], RANGE_VOLTS)


def test_marks_that_come_early_are_out_of_step():
    marks = read()
    early = np.stack([marks[1], marks[2], marks[2]])
    assert not ShotMarks().in_step("z", "", early, RANGE_VOLTS)


def test_darkness_decides_nothing():
    """A new network may send no light to a bank; that is no slip."""
    assert ShotMarks().in_step("z", "", read((0, 0, 0)), RANGE_VOLTS)


def test_marks_that_fade_within_a_batch_are_out_of_step():
    """In the second pass the pump may be out of step while the probe is not."""
    marks = ShotMarks()
    assert marks.in_step("delta", "absorber", read(), RANGE_VOLTS)
    assert not marks.in_step("delta", "absorber", read((0, 0.1, 0)), RANGE_VOLTS)
    assert marks.in_step("delta", "weights", read((0, 0.1, 0)), RANGE_VOLTS)
    marks.forget()
    assert marks.in_step("delta", "absorber", read((0, 0.1, 0)), RANGE_VOLTS)
