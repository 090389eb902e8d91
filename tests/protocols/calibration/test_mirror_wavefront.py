"""The phase of the light of single mirror blocks is found, apart from the slit's centre."""

import numpy as np
import pytest
from calibrated_twins import calibrated
from mirror_bench import mirror_bench

from protocols.calibration.slit_centre import slit_centre, wavefront

BLOCKS = 64
PLACES = (np.arange(BLOCKS) + 0.5) / BLOCKS - 0.5


def without_tilt(phases):
    """Mean and even tilt taken off: the tilt moves the light over the slit."""
    return phases - np.polyval(np.polyfit(PLACES, phases, 1), PLACES)


def test_a_tilt_is_the_slit_and_the_rest_the_wavefront_with_its_uncertainty():
    generator = np.random.default_rng(1)
    pulls = []
    for _ in range(50):
        ahead = without_tilt(0.1 * generator.normal(size=BLOCKS))
        lag = 2 * np.pi * 0.4 * PLACES - ahead + 2.0 + 0.01 * generator.normal(size=BLOCKS)
        lit = np.ones(BLOCKS, bool)
        covariance = 1e-4 * np.eye(BLOCKS)
        centre = slit_centre(lag, covariance, lit)
        found, sigmas = wavefront(lag, covariance, lit, centre)
        pulls.append((found - ahead) / sigmas)
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1.0, abs=0.05)


def test_blocks_without_light_have_none():
    lit = np.ones(BLOCKS, bool)
    lit[9] = False
    lag = np.where(lit, 0.0, 1.0)
    centre = slit_centre(lag, 1e-4 * np.eye(BLOCKS), lit)
    found, sigmas = wavefront(lag, 1e-4 * np.eye(BLOCKS), lit, centre)
    np.testing.assert_allclose(found, 0.0, atol=1e-12)
    assert sigmas[9] == 0.0


@pytest.mark.parametrize(
    ("seed", "slit"), [(1, 0.0), pytest.param(2, 0.05, marks=pytest.mark.slow)]
)
def test_the_wavefront_of_a_twins_mirrors_is_found_through_its_instruments(seed, slit):
    """``python -m pytest -m slow tests/protocols/calibration/test_mirror_wavefront.py``."""
    truth = {"seed": seed, "path": {"slit_decentring": slit}}
    bench = mirror_bench().model_copy(update={"twin": truth})
    found = calibrated(bench, until=("spatial light modulator", "first"))
    result = found.of("spatial light modulator", "first")
    assert result.accepted
    expected = without_tilt(np.angle(found.twin.mirrors["inputs"].block_fields))
    (curve,) = [one for one in result.curves if one.title == "inputs, wavefront"]
    np.testing.assert_allclose(curve.measured, expected, atol=2e-3)
    rms = next(one for one in result.quantities if "wavefront over blocks" in one.name)
    assert rms.value == pytest.approx(expected.std(), abs=5 * rms.sigma)
    assert rms.sigma < 1e-3
    # A wavefront's tilt cannot be told from the slit: its scatter is in the slit's uncertainty.
    centre = next(one for one in result.quantities if one.name == "slit centre")
    assert abs(centre.value - found.twin.stages[0].slit_decentring) < 3 * centre.sigma
