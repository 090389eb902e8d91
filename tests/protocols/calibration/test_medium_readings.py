"""What a reference that wandered between two readings does to a depth, and what is said of it."""

import numpy as np
import pytest

from protocols.calibration.medium_readings import MediumReadings
from sim_backends import absorption

LEVELS = np.concatenate([np.linspace(0.01, 0.8, 32), -np.linspace(0.01, 0.8, 32)])
NEURONS, DEPTH, SCALE, NOISE = 3, 5.0, 0.1, 1e-5


def readings(front_off=0.0, behind_off=0.0, wander=(0.0, 0.0)):
    """Neurons of one depth, read with errors that are the same at every level."""
    front = np.repeat(LEVELS[:, np.newaxis], NEURONS, axis=1)
    passed = absorption.transmission_eq4(np.abs(front) / SCALE, DEPTH)
    whole = np.ones(front.shape, bool)
    each = np.ones(NEURONS)
    return MediumReadings(
        front * (1 + front_off),
        2.5 * front * passed * (1 + behind_off),
        front,
        2.5 * front,
        NOISE * each,
        NOISE * each,
        whole,
        whole,
        whole[0],
        wander[0] * each,
        wander[1] * each,
        1.0,
        DEPTH,
        0.9 * SCALE * each,
    )


def test_without_errors_the_depth_is_that_of_the_medium():
    found = readings().fitted("eq4")
    np.testing.assert_allclose(found.parameters, [[DEPTH, SCALE, 2.5]] * NEURONS, rtol=1e-5)


@pytest.mark.parametrize("off", [(2e-4, 0.0), (0.0, 2e-4)])
def test_a_common_error_moves_the_depth_as_far_as_is_claimed(off):
    wrong = readings(*off, wander=off)
    plain = wrong.fitted("eq4")
    honest = wrong.with_wander("eq4", plain)
    moved = np.abs(plain.parameters[:, 0] - DEPTH)
    assert np.all(moved > 10 * readings().fitted("eq4").sigmas[:, 0])
    np.testing.assert_allclose(honest.sigmas[:, 0], moved, rtol=0.3)
