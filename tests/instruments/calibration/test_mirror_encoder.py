"""Mirrors for fields: the curve of a block, the nearest count, signs by half a period."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.calibration.mirror_encoder import MirrorEncoderTable, nominal_curve
from instruments.calibration.table import Provenance
from instruments.errors import CalibrationError, LimitError, NetworkError
from sim_backends.optics import micromirrors

PROVENANCE = Provenance("mirrors", "digits")


def nominal(channels=3, side=8, carrier=4, **more):
    return MirrorEncoderTable.nominal(
        channels, side, side, instrument="mirrors", bench="digits", carrier_period=carrier, **more
    )


def drawn(channels, carrier, seed, offset=0.1):
    rng = np.random.default_rng(seed)
    return MirrorEncoderTable(
        nominal_curve(8, 8, carrier),
        rng.choice([-1.0, 1.0], channels) * rng.uniform(0.5, 2.0, channels),
        rng.normal(0.0, offset, channels),
        carrier or 0,
        provenance=PROVENANCE,
    )


def test_without_a_carrier_every_mirror_adds_its_share():
    table = nominal(1, side=10, carrier=None)
    amplitudes = np.linspace(0, 1, 37, dtype=np.float32)[:, np.newaxis]
    expected = micromirrors.mirrors_on(amplitudes, 10)
    # Rounding of halves aside, which fall on either side.
    assert np.abs(table.encode(amplitudes) - expected).max() <= 1
    error = table.decode(table.encode(amplitudes)) - amplitudes
    assert np.abs(error).max() <= 0.5 / 100 + 1e-4


def test_rounding_leaves_what_a_block_of_so_many_levels_must_leave():
    fields = np.random.default_rng(0).uniform(0, 1, (4000, 3)).astype(np.float32)
    table = nominal(side=10, carrier=None)
    error = table.decode(table.encode(fields)) - fields
    assert np.sqrt(np.mean(error**2)) == pytest.approx(
        micromirrors.rms_amplitude_error(10), rel=0.05
    )


def test_whole_stripes_follow_the_sine_of_their_width():
    # Stripes as wide in every row: sin(pi w) over its value at half a period.
    curve = nominal_curve(6, 12, 12)
    widths = np.arange(0, 7, 2)
    expected = np.abs(micromirrors.lee_first_order(widths / 12, 0.0)) * np.pi
    np.testing.assert_allclose(curve[6 * widths], expected, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 30), st.sampled_from([4, 8]), st.integers(0, 2**32 - 1))
def test_a_field_is_missed_by_half_a_mirror_at_most(samples, channels, carrier, seed):
    table = drawn(channels, carrier, seed)
    share = np.random.default_rng(seed + 1).uniform(0.0, 1.0, (samples, channels))
    fields = table.lowest_fields + share * (table.highest_fields - table.lowest_fields)
    found = table.decode(table.encode(fields.astype(np.float32)))
    step = np.diff(table.curve).max() * np.abs(table.field_at_full)
    assert (np.abs(found - fields) <= 0.5 * step + 1e-3).all()


def test_the_other_sign_is_as_many_mirrors_half_a_period_away():
    table = nominal()
    drive = table.encode(np.array([[0.6, -0.6, 0.0]], np.float32))[0]
    assert drive[0] > 0
    assert drive[1] == -drive[0]
    assert drive[2] == 0
    np.testing.assert_allclose(table.decode(drive)[:2], [0.6, -0.6], atol=0.05)


def test_no_field_can_be_asked_for_below_what_mirrors_leave_when_they_are_off():
    table = MirrorEncoderTable(nominal_curve(8, 8, None), [0.97], [0.03], 0, provenance=PROVENANCE)
    drive = table.encode(np.array([[0.0], [0.01], [0.5]], np.float32))
    assert drive[:2].tolist() == [[0], [0]]
    assert table.decode(drive[2:])[0, 0] == pytest.approx(0.5, abs=0.5 / 64)
    with pytest.raises(LimitError, match=r"field of -0\.1 .*reaches 0 to 1\..*carrier for both"):
        table.encode(np.array([[-0.1]], np.float32))


@pytest.mark.parametrize("carrier", [0, 4])
def test_limits_of_the_mirrors_bound_the_fields(carrier):
    table = MirrorEncoderTable(
        nominal_curve(8, 8, carrier or None),
        [0.9, -0.7],
        [0.02, 0.0],
        carrier,
        provenance=PROVENANCE,
    )
    lowest, highest = table.fields_within(-np.inf, np.inf)
    np.testing.assert_allclose(lowest, table.lowest_fields)
    np.testing.assert_allclose(highest, table.highest_fields)
    few = np.repeat(np.arange(-5 if carrier else 0, 6)[:, np.newaxis], 2, axis=1)
    lowest, highest = table.fields_within(-5, 5)
    reached = table.decode(few)
    if not carrier:
        reached = np.concatenate([reached, np.zeros((1, 2))])
    np.testing.assert_allclose(lowest, reached.min(axis=0), atol=1e-6)
    np.testing.assert_allclose(highest, reached.max(axis=0), atol=1e-6)


@pytest.mark.parametrize("asked", [1.001, -1.001, np.nan, np.inf])
def test_a_field_out_of_reach_is_refused_by_block(asked):
    fields = np.zeros((4, 3), np.float32)
    fields[2, 1] = asked
    with pytest.raises(
        LimitError, match=r"mirrors: field of .* in block 1, sample 2 \(1 of 12 .*Nothing was sent"
    ):
        nominal().encode(fields)


def test_fewer_fields_than_blocks_leave_the_others_dark_and_more_are_refused():
    table = drawn(5, 4, 3)
    drive = table.encode(np.full((2, 2), 0.1, np.float32))
    np.testing.assert_array_equal(drive[:, 2:], np.tile(table.dark_drive[2:], (2, 1)))
    assert np.abs(table.decode(drive)[:, 2:]).max() < 0.1
    with pytest.raises(NetworkError, match=r"fields of shape \[1, 6\] given.*up to 5 blocks"):
        table.encode(np.zeros((1, 6), np.float32))


def test_a_dead_block_stays_off_whatever_is_asked():
    table = MirrorEncoderTable(nominal_curve(8, 8, 4), [1.0, 0.0], 0.0, 4, provenance=PROVENANCE)
    drive = table.encode(np.array([[0.5, 0.5], [0.0, -3.0]], np.float32))
    np.testing.assert_array_equal(drive[:, 1], 0)


def test_saved_and_loaded_it_is_the_same_table(tmp_path):
    table = drawn(5, 8, 1)
    table.save(tmp_path / "mirror-encoder-mirrors.npz")
    found = MirrorEncoderTable.load(tmp_path / "mirror-encoder-mirrors.npz", instrument="mirrors")
    assert found.id == table.id
    fields = np.random.default_rng(1).uniform(-0.2, 0.2, (3, 5)).astype(np.float32)
    np.testing.assert_array_equal(found.encode(fields), table.encode(fields))


@pytest.mark.parametrize("curve", [[0.1, 1.0], [0.0, 0.5, 0.9], [0.0]])
def test_a_curve_that_does_not_run_from_nothing_to_one_is_refused(curve):
    with pytest.raises(CalibrationError, match="mirrors: its curve of"):
        MirrorEncoderTable(curve, [1.0], 0.0, provenance=PROVENANCE)
