"""Optimizers against their published recurrences, written out in double precision."""

import numpy as np
import pytest

from instruments.errors import RecordError
from protocols.optimizers import Adam, MomentumDescent


def gradients_of(steps, shape=(3, 4)):
    generator = np.random.default_rng(1)
    return [generator.normal(size=shape).astype("f") for _ in range(steps)]


@pytest.mark.usefixtures("cores")
def test_adam_follows_algorithm_1_of_its_paper():
    weights = [np.ones((3, 4), np.float32)]
    optimizer = Adam(weights, 1e-2)
    theta, first, second = np.ones((3, 4)), 0.0, 0.0
    for t, gradient in enumerate(gradients_of(20), start=1):
        optimizer.step(weights, [gradient])
        g = gradient.astype(float)
        first = 0.9 * first + 0.1 * g
        second = 0.999 * second + 0.001 * g**2
        theta = theta - 1e-2 * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(weights[0], theta, rtol=1e-5)


def test_adam_accepts_gradients_in_any_memory_order():
    one, other = [np.ones((3, 4), np.float32)], [np.ones((3, 4), np.float32)]
    gradient = gradients_of(1)[0]
    Adam(one, 1e-2).step(one, [gradient])
    Adam(other, 1e-2).step(other, [np.asfortranarray(gradient)])
    np.testing.assert_array_equal(one[0], other[0])


def test_momentum_descent_follows_its_recurrence():
    weights = [np.zeros((3, 4), np.float32)]
    optimizer = MomentumDescent(weights, 0.1, 0.5)
    position, velocity = np.zeros((3, 4)), np.zeros((3, 4))
    for gradient in gradients_of(10):
        optimizer.step(weights, [gradient])
        velocity = 0.5 * velocity + gradient
        position = position - 0.1 * velocity
    np.testing.assert_allclose(weights[0], position, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("build", [lambda w: Adam(w, 1e-2), lambda w: MomentumDescent(w, 0.1)])
def test_a_restored_optimizer_goes_on_bit_for_bit(build):
    gradients = gradients_of(6)
    weights = [np.ones((3, 4), np.float32)]
    optimizer = build(weights)
    for gradient in gradients[:3]:
        optimizer.step(weights, [gradient])
    stored, resumed = optimizer.arrays(), [weights[0].copy()]
    other = build(resumed)
    other.restore(stored)
    for gradient in gradients[3:]:
        optimizer.step(weights, [gradient])
        other.step(resumed, [gradient])
    np.testing.assert_array_equal(weights[0], resumed[0])


def test_moments_of_another_optimizer_are_refused():
    weights = [np.ones((3, 4), np.float32)]
    with pytest.raises(RecordError, match="no moment 'first/0'"):
        Adam(weights, 1e-2).restore(MomentumDescent(weights, 0.1).arrays())
