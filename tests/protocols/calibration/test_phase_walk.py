"""Walks that are made up: how far an actuator turns too far, and how a phase wanders beside it."""

import numpy as np
import pytest

from protocols.calibration.phase_walk import phase_walk

FRAMES = 21
TURNED = 2.0 * np.pi / 3.0 * (np.arange(FRAMES) % 3)


def made_up(seed, step, noise, excess):
    generator = np.random.default_rng(seed)
    walk = np.cumsum(step * generator.normal(size=FRAMES))
    return walk + noise * generator.normal(size=FRAMES) + excess * TURNED


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_the_actuator_s_error_is_told_from_the_walk(noise):
    found = [
        phase_walk(made_up(seed, 1.3e-3, noise, 4e-3), TURNED, np.full(FRAMES, noise))
        for seed in range(300)
    ]
    excess, variance = np.array(found).T
    assert excess.mean() == pytest.approx(4e-3, abs=1e-4)
    # One standard deviation of what 19 degrees of freedom tell is added on purpose.
    steps = 1.3e-3**2 + 2 * noise**2
    assert variance.mean() == pytest.approx(1.3e-3**2 + np.sqrt(2 / 19) * steps, rel=0.1)


def test_noise_alone_is_no_walk():
    found = [
        phase_walk(made_up(seed, 0.0, 1e-3, 0.0), TURNED, np.full(FRAMES, 1e-3))[1]
        for seed in range(100)
    ]
    assert np.median(found) < 1e-6


def test_a_reference_that_cannot_be_turned_still_wanders():
    excess, variance = phase_walk(made_up(1, 1e-2, 0.0, 0.0), np.zeros(FRAMES), np.zeros(FRAMES))
    assert excess == 0.0
    assert variance == pytest.approx(1e-4, rel=0.8)
