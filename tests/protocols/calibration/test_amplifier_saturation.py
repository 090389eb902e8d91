"""Saturation of amplifiers that are made up, against the twin's own, independent gain."""

import numpy as np
import pytest

from protocols.calibration.amplifier_saturation import GainLoss, fit_saturation, saturated_gain
from sim_backends.optics.semiconductor_amplifier import power_gain

WATTS = np.linspace(1e-8, 2.5e-7, 5)
GAIN = 2000.0


@pytest.mark.parametrize("gain", [2.0, 100.0, 2000.0])
def test_the_gain_left_is_that_of_the_implicit_equation(gain):
    powers = np.geomspace(1e-9, 1.0, 30)
    np.testing.assert_allclose(
        saturated_gain(gain, powers), power_gain(powers * 1e-2, gain, 1e-2), rtol=1e-6
    )


def made_up(saturation, noise, seed):
    generator = np.random.default_rng(seed)
    sizes = np.sqrt(power_gain(WATTS[:, np.newaxis], GAIN, saturation[np.newaxis, :]))
    ratios = sizes / sizes[0] + noise * generator.normal(size=sizes.shape)
    return GainLoss(WATTS, GAIN, ratios.astype(complex), np.full(sizes.shape, noise), 0.0)


def test_saturation_powers_are_found_with_their_uncertainty():
    saturation = np.geomspace(5e-3, 20e-3, 40)
    pulls = []
    for seed in range(20):
        found = fit_saturation(made_up(saturation, 3e-4, seed))
        inverse, sigmas = found.parameters[:, 0], found.sigmas[:, 0]
        assert found.converged.all()
        np.testing.assert_allclose(inverse, 1 / saturation, rtol=0.2)
        pulls.append((inverse - 1 / saturation) / sigmas)
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1.0, abs=0.15)
