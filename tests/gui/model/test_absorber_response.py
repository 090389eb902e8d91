"""The absorber's card shows the absorber that is meant."""

import numpy as np
import pytest

from gui.model.absorber_response import region_boundary, share_in_region_one, unit_response
from instruments.network import NonlinearUnit

# Where g'' = 0 for the absorber of Eq. 4, found with a root finder beforehand.
BOUNDARIES = [(1, 1.947), (3, 2.354), (10, 3.499), (30, 5.665)]


@pytest.mark.parametrize(("depth", "field"), BOUNDARIES)
def test_region_one_ends_where_the_curvature_changes_sign(depth, field):
    assert region_boundary(NonlinearUnit("absorber", depth)) == pytest.approx(field, abs=3e-3)


def test_weak_light_is_absorbed_by_the_optical_depth_and_strong_light_is_not():
    response = unit_response(NonlinearUnit("absorber", 10.0), 40.0)
    assert response.transmission[0] == pytest.approx(np.exp(-10), rel=1e-3)
    assert response.transmission[-1] > 0.99


def test_the_slope_is_the_derivative_of_what_comes_out():
    response = unit_response(NonlinearUnit("absorber", 5.0), 6.0, points=2001)
    activation = response.probe * response.fields
    slope = np.gradient(activation, response.fields)
    np.testing.assert_allclose(response.slope[1:-1], slope[1:-1], atol=2e-4)


def test_computed_units_have_no_regions():
    assert region_boundary(NonlinearUnit("relu")) is None
    assert unit_response(NonlinearUnit("tanh"), 2.0).boundary is None


def test_the_share_in_region_one_counts_magnitudes():
    assert share_in_region_one(np.array([-0.5, 0.5, -5.0, 5.0]), 2.0) == 0.5
