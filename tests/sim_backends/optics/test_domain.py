import numpy as np
import pytest

from instruments.errors import SettingsError
from sim_backends.optics.domain import within


def test_values_inside_pass_unchanged_in_double_precision():
    values = np.array([0.0, 0.25, 1.0], np.float32)
    held = within(values, 0.0, 1.0, "amplitude")
    assert held.dtype == np.float64
    np.testing.assert_array_equal(held, values)


def test_single_precision_rounding_is_held_to_the_interval():
    assert within(np.float32(1.0) + np.float32(1.2e-7), 0.0, 1.0, "amplitude") == 1.0


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan, np.inf])
def test_values_outside_are_refused_with_value_and_interval(wrong):
    with pytest.raises(SettingsError, match=rf"amplitude of {wrong:g} where 0 to 1 is possible"):
        within([0.5, wrong], 0.0, 1.0, "amplitude")


def test_an_empty_array_is_fine():
    assert within(np.empty((0, 3)), 0.0, 1.0, "amplitude").shape == (0, 3)
