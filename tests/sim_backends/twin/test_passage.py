"""Light through one stage, against complex algebra, on one core and on several."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from instruments import shared_loops
from sim_backends.twin import passage
from sim_backends.twin.light_loops import GAIN_TERMS, GainCurves
from sim_backends.twin.noise import NoiseStream
from sim_backends.twin.workspace import Workspace

SHOTS, INPUTS, OUTPUTS = 33, 20, 14
ONE = np.float32(1)


@pytest.fixture
def generator():
    return np.random.default_rng(11)


def parts(values):
    return np.stack([values.real, values.imag]).astype(np.float32)


def what_light_meets(mask):
    return passage.Mask(parts(mask), (mask.real + mask.imag).astype(np.float32))


def whole(field):
    return field[0] + 1j * field[1]


def complex_normal(generator, *shape):
    return generator.normal(size=shape) + 1j * generator.normal(size=shape)


def constant_gains(gain, count, width):
    """Amplifiers whose complex field gain does not depend on the light."""
    curves = np.zeros((2, GAIN_TERMS, count), np.float32)
    curves[0, -1], curves[1, -1] = gain.real, gain.imag
    ones = np.ones(count, np.float32)
    widths = np.full(count, width, np.float32) if width else np.zeros(0, np.float32)
    return GainCurves(curves[0], curves[1], ones, ones, widths)


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("amplified", [True, False])
def test_light_is_amplified_weighted_and_joined(cores, generator, real, amplified):
    x = complex_normal(generator, SHOTS, INPUTS)
    x = x.real + 0j if real else x
    mask = complex_normal(generator, OUTPUTS, INPUTS)
    emitted = complex_normal(generator, SHOTS, OUTPUTS)
    gain = 1.5 - 0.5j if amplified else 1.0
    shone = passage.shine(
        parts(x)[:1] if real else parts(x),
        what_light_meets(mask),
        constant_gains(gain, INPUTS, 0.0) if amplified else None,
        np.float32(0.7),
        parts(emitted),
        NoiseStream(1),
        Workspace(),
    )
    z = 0.7 * (gain * x) @ mask.T + emitted
    power = np.abs(z) ** 2
    np.testing.assert_allclose(whole(shone.z), z, atol=1e-5 * INPUTS)
    np.testing.assert_allclose(shone.power, power, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("amplified", [True, False])
def test_light_from_behind_meets_the_same_weights_transposed_and_the_same_gains(
    cores, generator, real, amplified
):
    delta = complex_normal(generator, SHOTS, OUTPUTS)
    delta = delta.real + 0j if real else delta
    mask = complex_normal(generator, OUTPUTS, INPUTS)
    gains = complex_normal(generator, SHOTS, INPUTS)
    back = passage.return_to_source(
        parts(delta)[:1] if real else parts(delta),
        what_light_meets(mask),
        constant_gains(1.0, INPUTS, 0.0) if amplified else None,
        parts(gains) if amplified else np.zeros((2, 0, INPUTS), np.float32),
        NoiseStream(1),
        Workspace(),
    )
    expected = (delta @ mask) * (gains if amplified else 1.0)
    np.testing.assert_allclose(whole(back), expected, atol=1e-4 * OUTPUTS)


def test_noise_is_the_same_however_many_cores_share_the_work(generator, monkeypatch):
    x = parts(complex_normal(generator, SHOTS, INPUTS))
    mask = complex_normal(generator, OUTPUTS, INPUTS)

    def shone(width, cores):
        monkeypatch.setattr(shared_loops, "cores", lambda: cores)
        curves = constant_gains(2.0, INPUTS, width)
        met, noise = what_light_meets(mask), NoiseStream(5)
        return passage.shine(x, met, curves, ONE, None, noise, Workspace())

    monkeypatch.setattr(shared_loops, "LEAST_SHARE", 1)
    with threadpool_limits(1, user_api="blas"):
        alone, together, quiet = shone(0.1, 1), shone(0.1, 4), shone(0.0, 1)
    np.testing.assert_array_equal(alone.gains, together.gains)
    np.testing.assert_allclose(alone.z, together.z, rtol=1e-5, atol=1e-5)
    # Each output gathers the noise of all inputs, weighted; both quadratures of it.
    gathered = 0.1 * np.sqrt(2 * np.square(np.abs(mask)).sum(axis=1).mean())
    noise = whole(alone.z) - whole(quiet.z)
    assert np.sqrt(np.mean(np.abs(noise) ** 2)) == pytest.approx(gathered, rel=0.15)
