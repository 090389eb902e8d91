import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.calibration.table import Provenance
from instruments.calibration.tap import TapTable
from instruments.errors import CalibrationError, NetworkError
from sim_backends.optics import homodyne

PROVENANCE = Provenance("z taps", "digits")


def drawn(channels, seed):
    rng = np.random.default_rng(seed)
    return TapTable(
        rng.choice([-1.0, 1.0], channels) * rng.uniform(0.1, 1.0, channels),
        rng.normal(0.0, 2e-3, channels),
        rng.normal(0.0, 0.1, channels),
        1.0,
        provenance=PROVENANCE,
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_reading_undoes_what_light_does(samples, channels, seed):
    table = drawn(channels, seed)
    fields = np.random.default_rng(seed + 1).uniform(-0.9, 0.9, (samples, channels))
    reading = table.read(table.volts(fields))
    np.testing.assert_allclose(reading.fields, fields, atol=3e-6)
    assert reading.saturated == 0


def test_volts_per_field_of_a_homodyne_detector_give_its_fields_back():
    # 1 uV an electron; field 1 is 10^6 photons.
    fields = np.array([[-0.5], [0.0], [0.8]])
    electrons = homodyne.mean_difference(1e3 * fields, 1e8, 0.8, 0.95, 0.1)
    gain = 2 * 0.8 * 0.95 * np.sqrt(1e8) * 1e3 * np.cos(0.1) * 1e-6
    table = TapTable.nominal(1, gain, instrument="z taps", bench="digits", phase_radians=0.1)
    np.testing.assert_allclose(table.read(1e-6 * electrons).fields, fields, atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 6), (1, 6), (6,)])
def test_a_background_is_taken_off_as_it_was_read(shape):
    table = drawn(6, 1)
    rng = np.random.default_rng(2)
    light, behind = rng.uniform(-0.5, 0.5, (4, 6)), rng.uniform(-0.5, 0.5, shape)
    reading = table.read(table.volts(light + behind), table.volts(behind))
    np.testing.assert_allclose(reading.fields, light, atol=5e-6)


def test_saturated_readings_are_counted_and_so_are_those_that_are_no_number():
    table = TapTable.nominal(3, 0.5, instrument="z taps", bench="digits", saturation_volts=1.0)
    volts = np.array([[0.99, 1.0, -1.0], [-5.0, 0.0, np.nan]], np.float32)
    assert table.read(volts).saturated == 4
    unlimited = TapTable.nominal(3, 0.5, instrument="z taps", bench="digits")
    assert unlimited.read(np.full((2, 3), 1e9, np.float32)).saturated == 0


def test_fewer_readings_than_detectors_are_those_of_the_first():
    table = drawn(6, 4)
    fields = np.full((3, 6), 0.25)
    reading = table.read(table.volts(fields)[:, :2])
    np.testing.assert_allclose(reading.fields, fields[:, :2], atol=1e-6)


def test_a_dead_detector_reads_nothing():
    table = TapTable([0.5, 0.0], 1e-3, provenance=PROVENANCE)
    reading = table.read(np.full((2, 2), 0.501, np.float32))
    np.testing.assert_allclose(reading.fields, [[1.0, 0.0], [1.0, 0.0]], atol=1e-6)


@pytest.mark.parametrize("behind", [None, (4, 6), (6,)])
def test_the_first_channels_of_a_bank_are_read_as_if_there_were_no_others(behind):
    table = TapTable(np.linspace(0.2, 0.7, 6), 1e-3, saturation_volts=1.0, provenance=PROVENANCE)
    rng = np.random.default_rng(5)
    volts = rng.uniform(-1.5, 1.5, (4, 6)).astype(np.float32)
    background = None if behind is None else rng.normal(0.0, 0.1, behind).astype(np.float32)
    some = table.read(volts, background, channels=3)
    alone = table.read(volts[:, :3], None if background is None else background[..., :3])
    np.testing.assert_array_equal(some.fields, alone.fields)
    assert some.saturated == alone.saturated == np.count_nonzero(np.abs(volts[:, :3]) >= 1.0)


def test_shapes_that_do_not_fit_are_refused():
    table = drawn(6, 1)
    volts = np.zeros((4, 6), np.float32)
    with pytest.raises(NetworkError, match=r"readings of shape \[4, 7\].*up to 6 channels"):
        table.read(np.zeros((4, 7), np.float32))
    with pytest.raises(NetworkError, match=r"a background of shape \[3, 6\]"):
        table.read(volts, volts[:3])


def test_saturation_has_to_be_above_zero():
    with pytest.raises(CalibrationError, match="saturation at 0 V is not above 0"):
        TapTable([0.5], 0.0, 0.0, 0.0, provenance=PROVENANCE)


def test_two_banks_of_128_for_64_samples_take_a_fraction_of_a_millisecond():
    table = drawn(256, 1)
    volts = np.random.default_rng(1).uniform(-1, 1, (64, 256)).astype(np.float32)
    table.read(volts, volts)
    times = []
    for _ in range(50):
        start = time.perf_counter()
        table.read(volts, volts)
        times.append(time.perf_counter() - start)
    assert min(times) < 300e-6
