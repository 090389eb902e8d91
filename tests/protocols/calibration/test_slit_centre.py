"""The slit's centre is found from the phases of the columns, and said where it costs light.

More twins: ``python -m pytest -m slow tests/protocols/calibration/test_slit_centre.py``.
"""

import numpy as np
import pytest
from calibrated_twins import calibrated, digits_bench

from protocols.calibration.results import ProtocolResult
from protocols.calibration.slit_centre import SlitCentre, report_slit, slit_centre

COLUMNS = 64
PLACES = (np.arange(COLUMNS) + 0.5) / COLUMNS - 0.5
LIT = np.ones(COLUMNS, bool)


def quantity(result, name):
    return next(one for one in result.quantities if one.name == name)


@pytest.mark.parametrize("wavefront", [0.0, 0.05])
def test_error_and_uncertainty_agree_whatever_scatters_the_phases(wavefront):
    generator = np.random.default_rng(2)
    pulls = []
    for _ in range(300):
        lag = 2 * np.pi * 0.07 * PLACES + 2.5
        lag += 0.01 * generator.normal(size=COLUMNS) + wavefront * generator.normal(size=COLUMNS)
        found = slit_centre(lag, 1e-4 * np.eye(COLUMNS), LIT)
        pulls.append((found.decentring - 0.07) / found.sigma)
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1.0, abs=0.15)


def test_phases_that_wrap_and_columns_without_light_do_not_matter():
    lit = LIT.copy()
    lit[[0, 17, 40]] = False
    lag = np.where(lit, 2 * np.pi * 0.9 * PLACES + 3.0, 77.0)
    found = slit_centre(np.angle(np.exp(1j * lag)), 1e-4 * np.eye(COLUMNS), lit)
    assert found.decentring == pytest.approx(0.9, abs=1e-6)


def test_too_few_columns_tell_nothing():
    assert slit_centre(np.zeros(5), np.eye(5), np.ones(5, bool)) is None


@pytest.mark.parametrize(("centre", "loss"), [(0.0, 0.0), (0.05, 0.0041), (0.1, 0.0163)])
def test_loss_is_that_of_the_integral_and_warned_of_above_a_hundredth(centre, loss):
    gains = np.sinc(0.2 * PLACES) * np.cos(2 * np.pi * centre * PLACES)
    result = ProtocolResult("vector-matrix", "first")
    report_slit(result, gains, LIT, SlitCentre(centre, 1e-3))
    # Without a slit's own width the mean of the cosine over the aperture is sinc(e).
    assert quantity(result, "mean weight lost to a slit beside the axis").value == pytest.approx(
        loss, rel=0.05, abs=1e-9
    )
    assert bool(result.notes) == (loss > 0.01)
    # The width is not mistaken for a decentring.
    assert quantity(result, "slit half width").value == pytest.approx(0.1, abs=1e-3)


SEEDS = (1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 4, 5, 6)))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_slit_of_a_twin_is_found_through_its_instruments(seed):
    bench = digits_bench(seed, "[twin.path]\nslit_decentring = 0.08\n")
    found = calibrated(bench, until=("vector-matrix", "first"))
    assert found.compared.refused == []
    result = found.of("vector-matrix", "first")
    centre, truth = quantity(result, "slit centre"), found.twin.stages[0].slit_decentring
    assert abs(truth) > 0.01
    assert centre.unit == "lambda f / D"
    assert centre.sigma < 1e-3
    assert abs(centre.value - truth) < 4 * centre.sigma
    warned = any("beside the axis" in note for note in result.notes)
    assert warned == (1 - np.sinc(truth) > 0.01)


def test_the_slit_behind_a_second_stage_is_found_apart_from_the_light_that_enters_it():
    bench = digits_bench(1, "[twin.path]\nslit_decentring = 0.05\n")
    found = calibrated(bench, until=("vector-matrix", "second"))
    assert found.compared.refused == []
    for place, name in enumerate(("first", "second")):
        centre = quantity(found.of("vector-matrix", name), "slit centre")
        truth = found.twin.stages[place].slit_decentring
        assert abs(centre.value - truth) < 4 * centre.sigma
        assert centre.sigma < 2e-3
