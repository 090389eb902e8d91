"""Cosine, gain and residual, and which part of them is noise: against gradients made by hand."""

import numpy as np
import pytest

from protocols.health.gradient_fidelity import (
    Level,
    compare_layer,
    level_of,
    takes_for,
)

SHAPE = (20, 30)


def reference(seed=0):
    return np.random.default_rng(seed).standard_normal(SHAPE)


def at_cosine(cosine, gain=1.0, seed=1):
    """A gradient that stands at this cosine to the reference, ``gain`` times as long along it."""
    straight, aside = reference(), np.random.default_rng(seed).standard_normal(SHAPE)
    aside -= straight * np.vdot(aside, straight) / np.vdot(straight, straight)
    aside *= np.linalg.norm(straight) / np.linalg.norm(aside)
    return gain * (straight + aside * np.sqrt(1 / cosine**2 - 1))


def takes(signal, noise, count=6, seed=2):
    """Takes of a gradient, with noise as long as ``noise`` times the gradient."""
    generator = np.random.default_rng(seed)
    width = noise * np.linalg.norm(signal) / np.sqrt(signal.size)
    return signal + width * generator.standard_normal((count, *SHAPE))


@pytest.mark.parametrize(("cosine", "gain"), [(1.0, 1.0), (0.8, 0.5), (0.3, 2.0)])
def test_without_noise_they_are_what_geometry_says(cosine, gain):
    found = compare_layer(1, takes(at_cosine(cosine, gain), 0.0), reference())
    assert found.cosine == pytest.approx(cosine)
    assert found.signal_cosine == pytest.approx(cosine)
    assert found.gain == pytest.approx(gain)
    assert found.residual == pytest.approx(np.sqrt(1 / cosine**2 - 1), abs=1e-6)
    assert found.noise_cosine == pytest.approx(1)


@pytest.mark.parametrize("noise", [0.3, 1.0, 1.2])
@pytest.mark.parametrize("cosine", [1.0, 0.8, 0.4])
def test_noise_and_signal_are_told_apart(noise, cosine):
    found = compare_layer(1, takes(at_cosine(cosine), noise, count=8), reference())
    assert found.signal_cosine == pytest.approx(cosine, abs=0.06)
    assert found.noise == pytest.approx(noise, rel=0.15)
    assert found.cosine == pytest.approx(cosine * found.noise_cosine, abs=0.06)


def test_a_gradient_lost_in_noise_gets_no_verdict():
    found = compare_layer(1, takes(at_cosine(0.2), 20.0, count=4), reference())
    assert found.level is Level.NOISE
    assert not found.certain
    assert "lost in noise" in found.sentence()


def test_noise_is_no_reason_to_stop_but_a_wrong_signal_is():
    noisy = compare_layer(1, takes(at_cosine(0.98), 2.0, count=32), reference())
    assert noisy.cosine < 0.5
    assert noisy.level is Level.NOISE
    assert "noise; without it 0.9" in noisy.sentence()
    wrong = compare_layer(2, takes(at_cosine(0.4), 0.3), reference())
    assert wrong.level is Level.STOP
    assert "layer 2: cosine 0.3" in wrong.sentence()
    assert "noise explains 0.9" in wrong.sentence()


@pytest.mark.parametrize(
    ("cosine", "level"),
    [(0.95, Level.GOOD), (0.9, Level.GOOD), (0.8, Level.WATCH), (0.6, Level.POOR), (0.4, "stop")],
)
def test_levels(cosine, level):
    assert level_of(cosine) is Level(level)


def test_averaging_so_many_takes_leaves_the_cosine_it_promises():
    noise = 1.4
    count = takes_for(noise)
    means = [takes(reference(), noise, count, seed).mean(axis=0) for seed in range(10)]
    found = np.mean([compare_layer(1, mean[np.newaxis], reference()).cosine for mean in means])
    assert found == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("noise", [0.6, 1.0, 1.4, 3.0, 7.7])
def test_no_more_takes_are_asked_for_than_the_cosine_needs(noise):
    def cosine_left_by(count):
        return 1 / np.sqrt(1 + noise**2 / count)

    count = takes_for(noise)
    assert cosine_left_by(count) >= 0.95
    assert cosine_left_by(count - 1) < 0.95


def test_no_gradient_at_all_is_no_number():
    found = compare_layer(1, np.zeros((3, *SHAPE)), reference())
    assert np.isnan(found.cosine)
    assert found.level is Level.NOISE
