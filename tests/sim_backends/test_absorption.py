"""Two models of a two-level medium, checked against integration, differences and figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.special import wrightomega

from sim_backends import absorption

FIELDS = np.array([1e-3, 0.3, 1.0, 2.0, 3.0, 7.0])


@pytest.mark.parametrize("optical_depth", [0.5, 3.0, 10.0, -3.0])
def test_propagated_transmission_equals_integration_slice_by_slice(optical_depth):
    def slope(_, intensity):
        return -optical_depth * intensity / (1 + intensity)

    solved = solve_ivp(slope, (0, 1), FIELDS**2, rtol=1e-10, atol=1e-16)
    expected = np.sqrt(solved.y[:, -1] / FIELDS**2)
    measured = absorption.transmission_propagated(FIELDS, optical_depth)
    np.testing.assert_allclose(measured, expected, rtol=1e-6)


def test_propagated_transmission_equals_the_wright_omega_solution():
    intensity = FIELDS**2
    for optical_depth in (1.0, 10.0, 30.0):
        transmitted = wrightomega(np.log(intensity) + intensity - optical_depth).real
        np.testing.assert_allclose(
            absorption.transmission_propagated(FIELDS, optical_depth) ** 2,
            transmitted / intensity,
            rtol=1e-11,
        )


@pytest.mark.parametrize(
    ("field", "propagated", "eq4"), [(1, 0.011, 0.082), (2, 0.050, 0.368), (3, 0.350, 0.607)]
)
def test_transmissions_at_optical_depth_10(field, propagated, eq4):
    at = np.array([float(field)])
    assert absorption.transmission_propagated(at, 10)[0] == pytest.approx(propagated, abs=5e-4)
    assert absorption.transmission_eq4(at, 10)[0] == pytest.approx(eq4, abs=5e-4)


@pytest.mark.parametrize("optical_depth", [0.1, 1.0, 10.0, 30.0, -3.0])
@pytest.mark.parametrize("model", ["eq4", "propagated"])
def test_derivatives_equal_finite_differences(model, optical_depth):
    transmission = getattr(absorption, f"transmission_{model}")
    derivative = getattr(absorption, f"derivative_{model}")
    step = 1e-4 * FIELDS

    def responded(field):
        return field * transmission(field, optical_depth)

    # Fourth-order central difference.
    slope = (
        8 * (responded(FIELDS + step) - responded(FIELDS - step))
        - (responded(FIELDS + 2 * step) - responded(FIELDS - 2 * step))
    ) / (12 * step)
    np.testing.assert_allclose(derivative(FIELDS, optical_depth), slope, rtol=1e-8, atol=1e-9)


@given(st.floats(-20, 20), st.floats(0, 60))
def test_an_absorber_never_amplifies_and_treats_both_signs_alike(field, optical_depth):
    for transmission in (absorption.transmission_eq4, absorption.transmission_propagated):
        forward = transmission(np.array([field]), optical_depth)[0]
        assert 0 <= forward <= 1 + 1e-12
        assert forward == transmission(np.array([-field]), optical_depth)[0]


@given(st.floats(0.01, 20), st.floats(0, 60))
def test_light_through_two_halves_equals_light_through_the_whole(field, optical_depth):
    at = np.array([field])
    half = at * absorption.transmission_propagated(at, optical_depth / 2)
    twice = half * absorption.transmission_propagated(half, optical_depth / 2)
    whole = at * absorption.transmission_propagated(at, optical_depth)
    np.testing.assert_allclose(twice, whole, rtol=1e-9)


@pytest.mark.parametrize("model", ["eq4", "propagated"])
@pytest.mark.parametrize("what", ["transmission", "derivative"])
def test_neurons_may_have_depths_of_their_own(what, model):
    function, depths = getattr(absorption, f"{what}_{model}"), np.array([0.5, 10.0, -3.0])
    fields = np.stack([FIELDS, 2 * FIELDS, -FIELDS], axis=1)
    alone = [function(fields[:, j], depth) for j, depth in enumerate(depths.tolist())]
    np.testing.assert_allclose(function(fields, depths), np.stack(alone, axis=1), rtol=1e-12)


def test_weak_light_sees_the_unsaturated_optical_depth():
    at = np.array([0.0, 1e-6])
    for transmission in (absorption.transmission_eq4, absorption.transmission_propagated):
        np.testing.assert_allclose(transmission(at, 10.0), np.exp(-5.0), rtol=1e-9)


def test_gain_above_four_turns_the_thin_derivative_negative_near_saturation():
    fields = np.linspace(0.1, 3, 300)
    assert absorption.derivative_eq4(fields, -3.9).min() > 0
    assert absorption.derivative_eq4(fields, -5.0).min() == pytest.approx(-0.94, abs=0.01)
    assert absorption.derivative_propagated(fields, -5.0).min() > 0


def test_single_precision_stays_single_and_close():
    single = FIELDS.astype(np.float32)
    for name in (
        "transmission_eq4",
        "transmission_propagated",
        "derivative_eq4",
        "derivative_propagated",
    ):
        function = getattr(absorption, name)
        assert function(single, 10.0).dtype == np.float32
        np.testing.assert_allclose(function(single, 10.0), function(FIELDS, 10.0), rtol=2e-5)


@pytest.mark.parametrize(
    ("optical_depth", "thin", "thick"), [(1, 0.45, 0.7), (3, 1.4, 3.6), (10, 5.6, 16)]
)
def test_approximation_error_of_the_probe_as_appendix_b_defines_it(optical_depth, thin, thick):
    """1 - S (Eq. B2), weight N(0, E*/2) where E* is the steepest point of Eq. 4's response."""
    fields = np.linspace(1e-6, 40, 400_001)
    steepest = fields[np.argmax(absorption.derivative_eq4(fields, optical_depth))]
    for model, expected in (("eq4", thin), ("propagated", thick)):
        slope = getattr(absorption, f"derivative_{model}")(fields, optical_depth)
        probe = getattr(absorption, f"transmission_{model}")(fields, optical_depth)
        if model == "propagated":
            steepest = fields[np.argmax(slope)]
        weight = np.exp(-0.5 * (fields / (steepest / 2)) ** 2)
        overlap = np.sum(probe * slope * weight) ** 2
        norm = np.sum(probe**2 * weight) * np.sum(slope**2 * weight)
        # The figures were computed with two digits.
        assert 100 * (1 - overlap / norm) == pytest.approx(expected, rel=0.05)
