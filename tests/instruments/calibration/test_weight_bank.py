import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instruments.calibration.table import Provenance
from instruments.calibration.weight_bank import WeightBankTable
from instruments.errors import CalibrationError, NetworkError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.spatial_light_modulator import BlockPattern, expand_blocks
from sim_backends.optics import blazed_grating, liquid_crystal

PROVENANCE = Provenance("slm", "digits")


def nominal(rows, columns, levels=256, period=9, full_scale=1.0, **more):
    return WeightBankTable.nominal(
        rows, columns, levels, period, full_scale, instrument="slm", bench="digits", **more
    )


def drawn(rows, columns, seed, levels=256, period=9):
    """A measured bank: two bent regions, uneven rows and columns of either sign."""
    rng = np.random.default_rng(seed)
    phases = np.stack(
        [
            liquid_crystal.grey_to_phase(
                np.arange(levels),
                levels,
                2 * np.pi * rng.normal(1.0, 0.03),
                *rng.normal(0, 0.02, 2),
            )
            for _ in range(2)
        ]
    )
    signs = rng.choice([-1.0, 1.0], columns)
    return WeightBankTable(
        rng.uniform(0.8, 1.2, rows),
        signs * rng.uniform(0.8, 1.2, columns),
        0.3,
        period,
        phases,
        rng.integers(0, 2, (rows, columns)),
        provenance=PROVENANCE,
    )


def fitting(table, seed, gain=1.0):
    """Weights within the reach of every block."""
    largest = table.largest_weights(gain)
    return (np.random.default_rng(seed).uniform(-1, 1, largest.shape) * largest).astype(np.float32)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.floats(0.1, 50.0), st.integers(0, 2**31))
def test_decoding_undoes_encoding_within_the_steps_of_the_panel(rows, columns, gain, seed):
    table = drawn(rows, columns, seed)
    weights = fitting(table, seed, gain)
    shown = table.encode(weights, gain)
    assert shown.clipped == 0
    # 256 levels of a curve whose steepest slope is 1.4: half a step of depth, and its rounding;
    # up to 1.3 % where a jump between brightest and darkest level is in the way (seed 14).
    scale = gain * 0.3 * np.abs(np.outer(table.row_gains, table.column_gains))
    assert np.all(np.abs(table.decode(shown.depth, shown.offset, gain) - weights) < 0.015 * scale)


@pytest.mark.parametrize("period", [2, 4, 9])
def test_without_steps_the_weights_are_exact(period):
    table = nominal(40, 50, None, period, 0.02)
    weights = fitting(table, 1, 12.5)
    weights[0, :3] = 0.0, 0.25, -0.25
    shown = table.encode(weights, 12.5)
    assert shown.depth.dtype == shown.offset.dtype == np.float32
    assert shown.clipped == 0
    assert shown.depth.min() >= 0.0
    assert shown.depth.max() <= 1.0
    assert shown.offset.min() >= 0.0
    assert shown.offset.max() < 1.0
    found = blazed_grating.staircase_coefficient(shown.depth, period) / np.sinc(1.0 / period)
    found = 12.5 * 0.02 * found * np.exp(2j * np.pi * shown.offset)
    np.testing.assert_allclose(found.real, weights, atol=1e-6 * 0.25)
    np.testing.assert_allclose(found.imag, 0.0, atol=2e-6 * 0.25)
    np.testing.assert_allclose(table.decode(shown.depth, shown.offset, 12.5), weights, atol=3e-7)


def test_the_rounding_to_256_levels_is_as_small_as_it_can_be():
    # The nearest depth alone leaves 0.28 % rms of full scale and 0.75 % at most at 10 pixels a
    # period; choosing the offset together with it must do no worse.
    table = nominal(100, 100, 256, 10)
    weights = fitting(table, 3)
    shown = table.encode(weights)
    error = table.decode(shown.depth, shown.offset) - weights
    assert np.sqrt(np.mean(error**2)) < 0.0028
    assert np.abs(error).max() < 0.0075
    assert np.abs(table.coefficients(shown.depth, shown.offset).imag).max() < 0.015


def test_what_is_decoded_is_what_the_pixels_of_the_frame_diffract():
    table = drawn(6, 7, 5)
    shown = table.encode(fitting(table, 6))
    pattern = BlockPattern(shown.depth, shown.offset, BlockGeometry(6, 7, 9, 9), 9)
    pattern.check("slm", 54, 63, 8)
    frame = expand_blocks(pattern, np.empty((54, 63), np.uint8))
    pixels = frame[::9].reshape(6, 7, 9)
    phases = table.phase_radians[table.region_of_block[..., np.newaxis], pixels]
    order = blazed_grating.pixel_order_coefficient(phases).real / np.sinc(1 / 9)
    expected = 0.3 * np.outer(table.row_gains, table.column_gains) * order
    np.testing.assert_allclose(table.decode(shown.depth, shown.offset), expected, atol=1e-6)


# All examples are meant to be worked on by as many cores.
@pytest.mark.usefixtures("cores")
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from([None, 256]), st.floats(0, 0.02), st.floats(0.1, 50.0), st.integers(0, 2**31)
)
def test_what_blocks_hold_of_weights_is_what_their_encoding_decodes_to(levels, share, gain, seed):
    """Clipped ones, a matrix smaller than the bank and cross-talk included."""
    drawn_table = drawn(7, 9, seed)
    table = WeightBankTable(
        drawn_table.row_gains,
        drawn_table.column_gains,
        0.3,
        9,
        levels and drawn_table.phase_radians,
        levels and drawn_table.region_of_block,
        share,
        provenance=PROVENANCE,
    )
    weights = 1.5 * fitting(table, seed, gain)[:5, :8]
    shown = table.encode(weights, gain)
    expected = table.decode(shown.depth, shown.offset, gain)[:5, :8]
    np.testing.assert_allclose(table.held(weights, gain), expected, atol=1e-6 * gain)


def test_a_weight_too_large_stands_at_the_limit_and_is_counted():
    table = nominal(1, 5)
    weights = np.array([[0.5, 1.5, -1.01, 40.0, -np.float32(3e38)]], np.float32)
    shown = table.encode(weights)
    assert shown.clipped == 4
    found = table.decode(shown.depth, shown.offset)[0]
    np.testing.assert_allclose(found, [0.5, 1.0, -1.0, 1.0, -1.0], atol=5e-3)


def test_without_steps_too_large_a_weight_is_clipped_too():
    table = nominal(1, 3, None)
    shown = table.encode(np.array([[1.5, -1.01, 1.0]], np.float32))
    assert shown.clipped == 2
    np.testing.assert_allclose(table.decode(shown.depth, shown.offset), [[1, -1, 1]], atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**31), st.booleans())
def test_the_required_gain_is_where_clipping_begins(rows, columns, seed, smooth):
    table = nominal(rows, columns, None, full_scale=0.1) if smooth else drawn(rows, columns, seed)
    weights = np.random.default_rng(seed).normal(0, 3.0, (rows, columns)).astype(np.float32)
    gain = table.required_field_gain(weights)
    shown = table.encode(weights, gain)
    assert shown.clipped == 0
    assert table.encode(weights, gain / 1.01).clipped > 0
    if smooth:
        assert shown.largest == pytest.approx(1.0, abs=1e-3)
        assert table.encode(weights, 4 * gain).largest == pytest.approx(0.25, abs=1e-3)
    else:
        assert shown.largest <= 1.0


def test_the_largest_weights_are_held_with_both_signs():
    table = drawn(8, 9, 11)
    largest = table.largest_weights(2.0)
    for sign in (1.0, -1.0):
        assert table.encode((sign * largest).astype(np.float32), 2.0).clipped == 0
    one_more = (
        table.encode(1.01 * largest, 2.0).clipped + table.encode(-1.01 * largest, 2.0).clipped
    )
    assert one_more >= largest.size


def test_zero_is_dark_and_a_smaller_matrix_leaves_the_rest_dark():
    table = nominal(4, 5)
    weights = np.array([[0.5, 0.0]], np.float32)
    depth, offset, *_ = table.encode(weights)
    assert np.count_nonzero(depth) == np.count_nonzero(offset) == 1
    found = table.decode(depth, offset)
    assert found[0, 0] == pytest.approx(0.5, abs=5e-3)
    np.testing.assert_allclose(found.ravel()[1:], 0.0, atol=1e-15)


def test_dead_rows_and_columns_are_left_dark_and_ask_for_no_gain():
    table = WeightBankTable(
        [1.0, 0.0], [1.0, 1.0, 0.0], 0.5, 9, np.arange(256) * np.pi / 128, provenance=PROVENANCE
    )
    weights = np.full((2, 3), 0.25, np.float32)
    weights[1], weights[:, 2] = 9.0, 9.0
    assert table.required_field_gain(weights) == pytest.approx(0.5, rel=1e-3)
    shown = table.encode(weights)
    assert shown.clipped == 0
    np.testing.assert_array_equal(shown.depth != 0, [[True, True, False], [False, False, False]])
    assert np.isfinite(table.decode(shown.depth, shown.offset)).all()


def test_a_wrong_stroke_is_made_up_for_where_the_nominal_table_is_off():
    stroke = 0.95 * 2 * np.pi
    true = nominal(50, 50, 256, 9, stroke_radians=stroke)
    weights = 0.5 * fitting(true, 2)
    missed = {
        name: np.linalg.norm(true.decode(*table.encode(weights)[:2]) - weights)
        for name, table in (("true", true), ("nominal", nominal(50, 50)))
    }
    assert missed["nominal"] > 3 * missed["true"]


@pytest.mark.parametrize("levels", [256, None])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_no_number_is_refused_by_place(levels, value):
    weights = np.zeros((2, 3), np.float32)
    weights[1, 2] = value
    with pytest.raises(NetworkError, match=r"slm: weight \[1, 2\] is (nan|inf).*Nothing was sent"):
        nominal(2, 3, levels).encode(weights)


def test_a_matrix_larger_than_the_bank_is_refused():
    with pytest.raises(NetworkError, match=r"\[3, 3\] given; the bank has 2 rows .* 3 columns"):
        nominal(2, 3).encode(np.zeros((3, 3), np.float32))


@pytest.mark.parametrize("gain", [0.0, -1.0, np.nan, np.inf])
def test_a_gain_that_is_none_is_refused(gain):
    with pytest.raises(NetworkError, match=r"field gain of .* a finite number above 0"):
        nominal(1, 1).encode(np.zeros((1, 1), np.float32), gain)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"full_scale": 0.0}, "full scale 0 with a period of 9"),
        ({"period": 1}, "full scale 1 with a period of 1"),
        ({"phase_radians": [0.0]}, "1 grey levels a wave"),
        ({"phase_radians": np.zeros(8)}, "gives no first order"),
        ({"region_of_block": [[0, 0], [0, 1]]}, "regions 0 to 1, phases of 1 regions"),
        ({"region_of_block": [[0, 0]]}, r"region_of_block has shape \[1, 2\]"),
    ],
)
def test_tables_that_make_no_sense_are_refused(more, message):
    sensible = {"full_scale": 1.0, "period": 9, "phase_radians": np.linspace(0.0, 6.0, 8)}
    with pytest.raises(CalibrationError, match=message):
        WeightBankTable([1.0, 1.0], [1.0, 1.0], **{**sensible, **more}, provenance=PROVENANCE)


def fastest(call, repeats=30):
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def test_a_full_panel_from_weights_to_pixels_takes_less_than_a_millisecond():
    table = nominal(128, 213)
    weights = fitting(table, 1)
    geometry = BlockGeometry(128, 213, 9, 9)
    frame = np.zeros((1152, 1920), np.uint8)

    def write():
        depth, offset, *_ = table.encode(weights)
        expand_blocks(BlockPattern(depth, offset, geometry, 9), frame)

    assert fastest(write) < 1e-3


def test_a_large_matrix_takes_a_few_nanoseconds_a_weight():
    table = drawn(128, 784, 1)
    weights = fitting(table, 1)
    assert fastest(lambda: table.encode(weights)) < 1e-3
    assert fastest(lambda: table.required_field_gain(weights)) < 0.5e-3


def test_a_table_is_ready_in_milliseconds():
    nominal(2, 2)
    assert fastest(lambda: nominal(2, 2), 5) < 0.05


def test_the_gain_weights_need_is_that_of_the_largest_ratio_however_many_cores_look(cores):
    table = drawn(9, 14, 3)
    generator = np.random.default_rng(5)
    largest = table.largest_weights()
    for _ in range(20):
        weights = (generator.normal(size=(9, 14)) * largest).astype(np.float32)
        needed = table.required_field_gain(weights)
        assert table.encode(weights, 1.001 * needed).clipped == 0
        assert table.encode(weights, 0.99 * needed).clipped > 0
