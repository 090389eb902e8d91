"""Scales of channels: shares to fields and back, dead channels, the field that is always there."""

import numpy as np

from instruments.calibration.field_scales import FieldScales

FULL = np.array([2.0, -0.5, 0.0])
OFFSET = np.array([0.1, 0.05, 0.02])


def test_a_share_is_of_the_largest_amplitude_and_comes_on_top_of_the_offset():
    scales = FieldScales(FULL, OFFSET)
    np.testing.assert_allclose(
        scales.fields(np.array([[0.0], [0.5]])), [[0.1, 0.05, 0.02], [1.1, -0.2, 0.02]], rtol=1e-6
    )


def test_slope_and_shift_lead_back_from_a_field_to_its_share():
    scales = FieldScales(FULL, OFFSET)
    shares = np.linspace(-1.0, 1.0, 9)[:, np.newaxis]
    back = scales.slope * scales.fields(shares) + scales.shift
    np.testing.assert_allclose(back[:, :2], np.tile(shares, 2), atol=1e-6)


def test_a_dead_channel_is_given_no_share_whatever_field_is_asked_of_it():
    scales = FieldScales(FULL, OFFSET)
    assert (scales.slope * np.float32(7.0) + scales.shift)[2] == 0.0
    assert scales.rest[2] == 0.0


def test_at_rest_there_is_no_field():
    scales = FieldScales(FULL, OFFSET)
    np.testing.assert_allclose(scales.fields(scales.rest)[:2], 0.0, atol=1e-9)


def test_bounds_are_in_order_for_channels_of_either_sign():
    lowest, highest = FieldScales(FULL, OFFSET).bounds(np.array([[-1.0], [0.5]]))
    np.testing.assert_allclose(lowest, [-1.9, -0.2, 0.02])
    np.testing.assert_allclose(highest, [1.1, 0.55, 0.02])
