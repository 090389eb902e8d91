import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.calibration.amplifier import AmplifierTable
from instruments.calibration.table import Provenance
from instruments.errors import CalibrationError, LimitError
from sim_backends.optics import semiconductor_amplifier

PROVENANCE = Provenance("amplifier", "digits")


def nominal(channels=1):
    return AmplifierTable.nominal(
        channels,
        transparency_amperes=0.02,
        scale_amperes=0.06,
        highest_gain_decibels=30.0,
        highest_current_amperes=0.3,
        instrument="amplifier",
        bench="digits",
    )


def drawn(channels, knots, seed):
    rng = np.random.default_rng(seed)
    currents = np.cumsum(rng.uniform(1e-3, 0.05, knots))
    gains = np.cumsum(rng.uniform(1e-3, 5.0, (channels, knots)), axis=1) - 10.0
    return AmplifierTable(currents, gains, provenance=PROVENANCE)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 6), st.integers(2, 12), st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_the_current_for_a_gain_has_that_gain(channels, knots, share, seed):
    table = drawn(channels, knots, seed)
    low, high = table.gain_decibels[:, 0], table.gain_decibels[:, -1]
    wanted = np.minimum(low + share * (high - low), high)
    np.testing.assert_allclose(table.gain(table.current_for(wanted)), wanted, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 12), st.integers(0, 2**32 - 1))
def test_the_curve_rises_and_passes_through_its_points(knots, seed):
    table = drawn(1, knots, seed)
    ladder = np.linspace(table.current_amperes[0], table.current_amperes[-1], 200)
    gains = np.array([table.gain(current)[0] for current in ladder])
    assert (np.diff(gains) >= -1e-12).all()
    points = [table.gain(current)[0] for current in table.current_amperes]
    np.testing.assert_allclose(points, table.gain_decibels[0], atol=1e-12)


@pytest.mark.parametrize("decibels", [-3.0, 0.0, 0.01, 12.3, 29.0])
def test_the_nominal_curve_is_that_of_an_amplifier_filling_up(decibels):
    expected = semiconductor_amplifier.current_for_gain(10 ** (decibels / 10), 20.0, 60.0, 30.0)
    current = nominal(3).current_for(decibels)
    np.testing.assert_allclose(1e3 * current, np.full(3, expected), rtol=1e-7)


def test_nominal_field_gains_are_good_to_a_millionth():
    currents = np.linspace(0.005, 0.295, 37)
    found = [nominal().field_gain(current)[0] ** 2 for current in currents]
    expected = semiconductor_amplifier.small_signal_gain(1e3 * currents, 20.0, 60.0, 30.0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_field_gain_is_the_root_of_the_power_gain():
    table = nominal()
    np.testing.assert_array_equal(table.current_for_field_gain(10.0), table.current_for(20.0))
    assert table.field_gain(table.current_for(6.0))[0] == pytest.approx(10 ** (6 / 20))


def test_every_channel_has_a_current_of_its_own():
    table = AmplifierTable(
        [0.0, 0.1, 0.2], [[0.0, 10.0, 20.0], [-1.0, 9.5, 18.0]], provenance=PROVENANCE
    )
    assert table.channels == 2
    assert (table.lowest_decibels, table.highest_decibels) == (0.0, 18.0)
    one, other = table.current_for(10.0)
    assert one == pytest.approx(0.1)
    assert other > one


def test_the_ends_of_the_table_are_inside_it_after_rounding():
    table = nominal()
    ends = table.current_for_field_gain(10 ** (table.highest_decibels / 20))
    assert ends[0] == pytest.approx(0.3, rel=1e-9)
    assert ends[0] <= 0.3


@pytest.mark.parametrize("decibels", [30.0, -50.0, np.nan])
def test_a_gain_it_does_not_have_is_refused(decibels):
    with pytest.raises(LimitError, match=r"gain of .* dB asked for in channel 0; .* dB"):
        nominal().current_for(decibels)


@pytest.mark.parametrize("amperes", [-0.001, 0.31, np.nan])
def test_a_current_that_was_not_measured_is_refused(amperes):
    with pytest.raises(LimitError, match=r"channel 0; its amplifier table covers 0 to 0\.3 A"):
        nominal().gain(amperes)


def test_field_gains_are_above_zero_and_one_for_each_channel():
    with pytest.raises(LimitError, match="field gain of 0 asked for"):
        nominal().current_for_field_gain(0.0)
    with pytest.raises(LimitError, match=r"gain of shape \[2\] given; .* each of 3 channels"):
        nominal(3).current_for([1.0, 2.0])


@pytest.mark.parametrize(
    ("currents", "gains", "message"),
    [
        ([0.1], [[1.0]], "two currents or more"),
        ([-0.1, 0.1], [1.0, 2.0], "none of them negative"),
        ([0.1, 0.1], [1.0, 2.0], "currents do not rise"),
        ([0.1, 0.2], [[1.0, 2.0], [2.0, 2.0]], "gain of channel 1 does not rise"),
        ([0.1, 0.2, 0.3], [1.0, 2.0], r"current_amperes has shape \[3\]"),
    ],
)
def test_curves_that_cannot_be_inverted_are_refused(currents, gains, message):
    with pytest.raises(CalibrationError, match=message):
        AmplifierTable(currents, gains, provenance=PROVENANCE)
