import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.errors import SettingsError
from sim_backends.optics import data_converters as converters
from sim_backends.optics import mach_zehnder as modulator


def _two_arms(voltage, half_wave_voltage, bias, extinction_decibels):
    """Couplers and arms written out: the output of a 50:50 splitter and combiner."""
    gamma = 10 ** (-extinction_decibels / 20)
    theta = np.pi * voltage / (2 * half_wave_voltage) + bias
    upper = 0.5 * (1 + gamma) * np.exp(1j * theta)
    lower = 0.5 * (1 - gamma) * np.exp(-1j * theta)
    return (upper - lower) / 1j


def test_is_the_interference_of_two_unequal_arms():
    voltage = np.linspace(-10, 10, 101)
    found = modulator.field(voltage, 3.4, 0.1, 25.0)
    np.testing.assert_allclose(found, _two_arms(voltage, 3.4, 0.1, 25.0), atol=1e-14)


@pytest.mark.parametrize("extinction", [15.0, 25.0, 40.0])
def test_extinction_is_the_ratio_of_greatest_to_least_power(extinction):
    power = np.abs(modulator.field(np.linspace(-5, 5, 10_001), 5.0, 0.0, extinction)) ** 2
    assert 10 * np.log10(power.max() / power.min()) == pytest.approx(extinction, abs=1e-3)


def test_half_wave_voltage_goes_from_null_to_full_power():
    assert modulator.field(0.0, 3.4) == 0.0
    assert modulator.field(3.4, 3.4) == pytest.approx(1.0)
    assert modulator.field(-3.4, 3.4) == pytest.approx(-1.0)


def test_leakage_is_in_quadrature_and_no_bias_removes_it():
    at_null = modulator.field(0.0, 3.4, 0.0, 20.0)
    assert at_null == pytest.approx(-0.1j)
    assert np.abs(modulator.field(0.0, 3.4, np.linspace(-1, 1, 2001), 20.0)).min() >= 0.1 - 1e-12


def test_in_phase_field_is_what_a_reference_in_phase_sees():
    voltage = np.linspace(-4, 4, 41)
    bypass = 0.03 + 0.02j
    whole = modulator.field(voltage, 3.4, 0.05, 30.0, bypass)
    np.testing.assert_allclose(
        modulator.in_phase_field(voltage, 3.4, 0.05, bypass), whole.real, atol=1e-15
    )


def test_a_bias_error_adds_an_offset_that_renulling_removes():
    voltage = np.linspace(-1, 1, 11)
    offset = modulator.in_phase_field(voltage, 3.4, 0.1)
    renulled = modulator.in_phase_field(voltage - 0.1 * 2 * 3.4 / np.pi, 3.4, 0.1)
    assert offset[5] == pytest.approx(np.sin(0.1))
    np.testing.assert_allclose(renulled, modulator.in_phase_field(voltage, 3.4), atol=1e-15)


@settings(max_examples=60, deadline=None)
@given(st.floats(-0.9, 0.9), st.floats(1, 8), st.floats(-0.5, 0.5), st.floats(-0.1, 0.1))
def test_the_inverse_gives_the_field_back(wanted, half_wave_voltage, bias, bypass):
    voltage = modulator.voltage_for_field(wanted, half_wave_voltage, bias, bypass)
    back = modulator.in_phase_field(voltage, half_wave_voltage, bias, bypass)
    assert back == pytest.approx(wanted, abs=1e-12)


def test_the_inverse_stays_on_one_branch():
    voltage = modulator.voltage_for_field(np.linspace(-1, 1, 1001), 3.4)
    assert np.all(np.diff(voltage) > 0)
    assert np.abs(voltage).max() == pytest.approx(3.4)


def test_refuses_more_field_than_enters():
    with pytest.raises(SettingsError, match=r"modulator field of 1\.1 where -1 to 1"):
        modulator.voltage_for_field([0.2, 1.1], 3.4)


def test_converter_bits_limit_the_field_most_at_null():
    wanted = np.linspace(-1, 1, 20_001)
    volts = converters.converted(modulator.voltage_for_field(wanted, 3.4), 4.0, 12)
    error = np.abs(modulator.in_phase_field(volts, 3.4) - wanted)
    slope_at_null = np.pi / (2 * 3.4)
    assert error.max() == pytest.approx(slope_at_null * converters.step_size(4.0, 12) / 2, rel=0.02)
