import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_backends.optics import data_converters as converters


@settings(max_examples=60, deadline=None)
@given(st.floats(-0.999, 0.9), st.integers(4, 16), st.floats(0.1, 20))
def test_inside_the_range_the_error_is_half_a_step_at_most(fraction, bits, full_scale):
    value = fraction * full_scale
    error = abs(converters.converted(value, full_scale, bits) - value)
    assert error <= 0.5 * converters.step_size(full_scale, bits) * (1 + 1e-9)


def test_steps_divide_the_whole_span():
    assert converters.step_size(5.0, 12) == pytest.approx(10.0 / 4096)


def test_codes_are_twos_complement_and_clip():
    codes = converters.codes([-9.0, -1.0, 0.0, 0.99, 9.0], 1.0, 8)
    np.testing.assert_array_equal(codes, [-128, -128, 0, 127, 127])


def test_rounding_noise_is_a_step_over_root_twelve():
    values = np.linspace(-0.9, 0.9, 100_003)
    error = converters.converted(values, 1.0, 10) - values
    assert error.std() == pytest.approx(converters.step_size(1.0, 10) / np.sqrt(12), rel=5e-3)


def test_both_ends_are_reported_as_saturated():
    flagged = converters.saturated([-2.0, -1.0, -0.5, 0.0, 0.98, 1.0, 2.0], 1.0, 8)
    np.testing.assert_array_equal(flagged, [True, True, False, False, False, True, True])
