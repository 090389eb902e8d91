import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instruments.calibration.encoder import EncoderTable
from instruments.calibration.table import Provenance
from instruments.errors import CalibrationError, LimitError, NetworkError
from sim_backends.optics import mach_zehnder

PROVENANCE = Provenance("inputs", "digits")


def drawn(channels, seed):
    rng = np.random.default_rng(seed)
    return EncoderTable(
        rng.uniform(2.0, 7.0, channels),
        rng.normal(0.0, 0.3, channels),
        rng.choice([-1.0, 1.0], channels) * rng.uniform(0.5, 2.0, channels),
        rng.normal(0.0, 0.1, channels),
        provenance=PROVENANCE,
    )


# All examples are meant to be worked on by as many cores.
@pytest.mark.usefixtures("cores")
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_decoding_undoes_encoding(samples, channels, seed):
    table = drawn(channels, seed)
    share = np.random.default_rng(seed + 1).uniform(0.0, 1.0, (samples, channels))
    fields = table.lowest_fields + share * (table.highest_fields - table.lowest_fields)
    found = table.decode(table.encode(fields.astype(np.float32)))
    np.testing.assert_allclose(found, fields, atol=2e-6)


def test_the_curve_is_that_of_a_mach_zehnder_modulator():
    volts = np.linspace(-3.0, 3.0, 25)
    table = EncoderTable([3.5], [0.05], [1.0], [0.02], provenance=PROVENANCE)
    expected = mach_zehnder.in_phase_field(volts, 3.5, 0.05, bypass=0.02)
    np.testing.assert_allclose(table.decode(volts[:, np.newaxis])[:, 0], expected, atol=1e-7)
    encoded = table.encode(expected[:, np.newaxis].astype(np.float32))[:, 0]
    np.testing.assert_allclose(
        encoded, mach_zehnder.voltage_for_field(expected, 3.5, 0.05, bypass=0.02), atol=1e-5
    )


def test_the_arcsine_is_right_to_a_millionth_of_the_half_wave_voltage():
    fields = np.linspace(-1.0, 1.0, 100_001, dtype=np.float32)[:, np.newaxis]
    table = EncoderTable.nominal(1, 1.0, instrument="inputs", bench="digits")
    exact = 2.0 / np.pi * np.arcsin(fields.astype(np.float64))
    np.testing.assert_allclose(table.encode(fields), exact, atol=2e-7)


def test_full_transmission_is_the_half_wave_voltage_away_from_null():
    table = EncoderTable.nominal(2, 3.5, instrument="inputs", bench="digits", field_at_full=2.0)
    volts = table.encode(np.array([[-2.0, 2.0], [0.0, 0.0]], np.float32))
    np.testing.assert_allclose(volts, [[-3.5, 3.5], [0.0, 0.0]], rtol=1e-6)


@pytest.mark.parametrize("asked", [1.001, -1.001, np.nan, np.inf])
def test_a_field_out_of_reach_is_refused_by_channel(asked):
    table = EncoderTable.nominal(3, 3.5, instrument="inputs", bench="digits")
    fields = np.zeros((4, 3), np.float32)
    fields[2, 1] = asked
    with pytest.raises(
        LimitError,
        match=r"inputs: field of .* in channel 1, sample 2 \(1 of 12 .*reaches -1 to 1\..*Nothing",
    ):
        table.encode(fields)


def test_rounding_at_full_transmission_is_no_reason_to_refuse():
    table = EncoderTable.nominal(1, 3.5, instrument="inputs", bench="digits", field_at_full=0.7)
    edge = np.nextafter(np.float32(0.7), np.float32(1.0))
    assert table.encode(np.full((1, 1), edge))[0, 0] == pytest.approx(3.5, rel=1e-3)


@pytest.mark.usefixtures("cores")
def test_fewer_fields_than_channels_leave_the_others_dark():
    table = drawn(5, 3)
    volts = table.encode(np.full((2, 2), 0.1, np.float32))
    assert volts.shape == (2, 5)
    np.testing.assert_allclose(table.decode(volts)[:, :2], 0.1, atol=1e-6)
    np.testing.assert_allclose(table.decode(volts)[:, 2:], 0.0, atol=1e-6)
    np.testing.assert_array_equal(volts[:, 2:], np.tile(table.dark_volts[2:], (2, 1)))


def test_more_fields_than_channels_are_refused():
    with pytest.raises(NetworkError, match=r"fields of shape \[1, 6\] given.*up to 5 channels"):
        drawn(5, 3).encode(np.zeros((1, 6), np.float32))


def test_a_dead_channel_stays_at_null_whatever_is_asked():
    table = EncoderTable([3.5, 3.5], 0.1, [1.0, 0.0], 0.0, provenance=PROVENANCE)
    volts = table.encode(np.array([[0.5, 0.5], [0.0, -3.0]], np.float32))
    np.testing.assert_allclose(volts[:, 1], -2.0 / np.pi * 3.5 * 0.1, rtol=1e-6)
    np.testing.assert_array_equal(table.decode(volts)[:, 1], 0.0)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_limits_of_the_voltage_bound_the_fields_on_the_branch_in_use(sign):
    table = EncoderTable([3.5, 10.0], 0.1, sign, 0.05, provenance=PROVENANCE)
    lowest, highest = table.fields_within(-5.0, 5.0)
    ladder = table.decode(np.repeat(np.linspace(-5.0, 5.0, 20_001)[:, np.newaxis], 2, axis=1))
    np.testing.assert_allclose(lowest, ladder.min(axis=0), atol=1e-6)
    np.testing.assert_allclose(highest, ladder.max(axis=0), atol=1e-6)


def test_volts_are_written_where_one_wants_them():
    table = drawn(4, 5)
    fields = np.zeros((3, 4), np.float32)
    out = np.empty((3, 4), np.float32)
    assert table.encode(fields, out) is out
    np.testing.assert_array_equal(out, table.encode(fields))


def test_a_half_wave_voltage_of_nothing_is_refused():
    with pytest.raises(CalibrationError, match=r"inputs: a half-wave voltage is not above 0"):
        EncoderTable([3.5, 0.0], 0.0, 1.0, 0.0, provenance=PROVENANCE)


def test_a_batch_of_64_for_784_modulators_takes_a_fraction_of_a_millisecond():
    table = drawn(784, 1)
    fields = np.random.default_rng(2).uniform(-0.3, 0.3, (64, 784)).astype(np.float32)
    out = np.empty_like(fields)
    table.encode(fields, out)
    times = []
    for _ in range(50):
        start = time.perf_counter()
        table.encode(fields, out)
        times.append(time.perf_counter() - start)
    assert min(times) < 500e-6
