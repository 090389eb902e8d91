"""A panel's blocks: first-order coefficients of curved and straight panels, cross-talk, regions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_backends.twin.imperfections import Imperfections
from sim_backends.twin.weight_panel import PanelTruth, coefficient_table

PERFECT = Imperfections.perfect().panels
SHAPE = (5, 7)


def panel(shape=SHAPE, levels=256, period=9, seed=0, **own):
    imperfections = PERFECT.model_copy(update={"quantised": True, **own})
    return PanelTruth(shape, levels, period, imperfections, np.random.default_rng(seed))


def shown(truth, depth, offset, rows=None, columns=None):
    """Return the complex coefficients of a panel's blocks."""
    down, across = truth.shape
    out = np.empty((2 * down, across), np.float32)
    rows = np.ones(down, np.float32) if rows is None else np.float32(rows)
    columns = np.ones(across, np.float32) if columns is None else np.float32(columns)
    truth.coefficients(depth, offset, rows, columns, out)
    return out[:down] + 1j * out[down:]


def random_levels(seed=1, shape=SHAPE, levels=256):
    generator = np.random.default_rng(seed)
    depth = generator.integers(0, levels + 1, shape).astype(np.uint16)
    return depth, generator.integers(0, levels, shape).astype(np.uint16)


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.sampled_from([16, 61, 256]))
@settings(max_examples=20, deadline=None)
def test_a_table_is_the_first_order_of_the_pixels_a_block_really_shows(seed, period, levels):
    generator = np.random.default_rng(seed)
    phases = np.cumsum(generator.uniform(0, 0.05, levels))
    table = coefficient_table(phases, period)
    assert table.shape == (levels + 1, levels)
    for _ in range(10):
        depth, offset = int(generator.integers(levels + 1)), int(generator.integers(levels))
        expected = 0
        for k in range(period):
            level = (offset + int(np.floor(depth * (k + 0.5) / period + 0.5))) % levels
            carrier = np.exp(-2j * np.pi * (k + 0.5) / period)
            expected += np.exp(1j * phases[level]) * carrier / period
        assert table[depth, offset] == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("levels", [2, 61, 256])
def test_every_depth_at_every_offset_is_looked_up_in_the_region_of_its_block(levels):
    own = {"stroke_spread": 0.05, "bow": 0.4, "region_spread": 0.5, "regions": 2}
    truth = panel((levels + 1, levels), levels, **own)
    depth, offset = np.indices(truth.shape, np.uint16)
    tables = np.stack([coefficient_table(phases, 9) for phases in truth.phase_radians])
    expected = tables[truth.region_of_block, depth, offset]
    np.testing.assert_array_equal(shown(truth, depth, offset), expected)


@pytest.mark.parametrize(
    ("stroke", "at_one", "at_half"), [(0.95, 0.9959, 0.4729), (1.05, 0.9959, 0.5268)]
)
@pytest.mark.parametrize("quantised", [True, False])
def test_a_wrong_stroke_hurts_most_at_half_amplitude(stroke, at_one, at_half, quantised):
    # Gratings meant for 1 and for 0.5 (M = 0.3966), their depth wrong by 5 %: sinc(1 - 0.95 M)
    # and sinc(1 - 1.05 M). 32 pixels a period and 512 levels a wave are as good as a smooth
    # ramp.
    truth = panel((1, 2), levels=512, period=32, quantised=quantised)
    truth._stroke = np.array([stroke])
    if quantised:
        depth = np.rint(512 * np.array([[1.0, 0.3966]])).astype(np.uint16)
        seen = shown(truth, depth, np.zeros((1, 2), np.uint16))
    else:
        depth = np.float32([[1.0, 0.3966]])
        seen = shown(truth, depth, np.zeros((1, 2), np.float32))
    np.testing.assert_allclose(np.abs(seen)[0], [at_one, at_half], atol=1e-3)


def test_without_steps_the_curve_is_the_same_but_for_the_rounding():
    # A pixel is off by half a level at most, on a curve that is at most 1.5 times too steep.
    own = {"stroke_spread": 0.05, "bow": 0.4, "region_spread": 0.5, "regions": 2}
    depth, offset = random_levels(3)
    stepped = shown(panel(seed=2, **own), depth, offset)
    waves = np.float32(depth / 256), np.float32(offset / 256)
    smooth = shown(panel(seed=2, quantised=False, **own), *waves)
    straight = shown(panel(seed=2, quantised=False), *waves)
    assert np.abs(stepped - smooth).max() < 1.5 * np.pi / 256
    assert np.abs(smooth - straight).max() > 0.05


def test_the_bow_is_a_bulge_in_the_middle_of_the_wave():
    truth = panel(bow=0.3, seed=4)
    bulge = truth.phases_of(np.arange(257)) - 2 * np.pi * np.arange(257) / 256
    assert np.abs(bulge[:, [0, 256]]).max() < 1e-9
    assert np.abs(bulge[0]).argmax() == 128
    np.testing.assert_allclose(bulge[:, 64] / bulge[:, 128], 0.5, rtol=1e-6)


def test_curves_are_drawn_around_the_panels_own():
    own = {"stroke_spread": 0.03, "region_spread": 0.3, "regions": 4}
    panels = [panel((40, 40), seed=seed, **own) for seed in range(300)]
    strokes = np.array([one.phases_of(np.array([256]))[:, 0] / (2 * np.pi) for one in panels])
    # Regions: the panel's own error, and a further 0.3 of it; 300 panels of 16 regions.
    within = strokes.std(axis=1, ddof=1)
    assert np.sqrt(np.mean(within**2)) == pytest.approx(0.009, rel=0.05)
    assert strokes.mean(axis=1).std() == pytest.approx(0.03, rel=0.15)
    assert strokes.mean() == pytest.approx(1.0, abs=0.006)


def test_regions_divide_the_panel_evenly():
    truth = panel((6, 9), regions=3)
    expected = np.repeat(np.repeat(np.arange(9).reshape(3, 3), 2, axis=0), 3, axis=1)
    np.testing.assert_array_equal(truth.region_of_block, expected)


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("quantised", [True, False])
def test_both_parts_are_added_up_where_there_is_room_for_it(quantised):
    truth = panel(quantised=quantised, cross_talk=0.05)
    depth, offset = random_levels()
    if not quantised:
        depth, offset = np.float32(depth / 256), np.float32(offset / 256)
    (down, across), ones = truth.shape, np.ones(7, np.float32)
    out, sums = np.empty((2 * down, across), np.float32), np.empty(truth.shape, np.float32)
    truth.coefficients(depth, offset, ones[:down], ones[:across], out, sums)
    np.testing.assert_array_equal(sums, out[:down] + out[down:])
    assert np.ptp(sums) > 0.5


class TestCrossTalk:
    """Eight pixels a period divide 256 levels evenly: a full grating diffracts everything."""

    SHARE = 0.02

    def one_bright_block(self, row, column):
        depth = np.zeros(SHAPE, np.uint16)
        depth[row, column] = 256
        return shown(panel(period=8, cross_talk=self.SHARE), depth, np.zeros(SHAPE, np.uint16))

    def test_a_block_loses_its_share_to_each_of_its_four_neighbours(self):
        seen = self.one_bright_block(2, 3)
        expected = np.zeros(SHAPE)
        expected[2, 3] = 1 - 4 * self.SHARE
        for row, column in ((1, 3), (3, 3), (2, 2), (2, 4)):
            expected[row, column] = self.SHARE
        np.testing.assert_allclose(seen, expected, atol=1e-5)

    @pytest.mark.parametrize(("row", "column", "neighbours"), [(0, 0, 2), (4, 6, 2), (0, 3, 3)])
    def test_at_an_edge_there_is_nobody_to_lose_it_to(self, row, column, neighbours):
        seen = self.one_bright_block(row, column)
        assert seen[row, column].real == pytest.approx(1 - neighbours * self.SHARE, abs=1e-5)
        assert seen.sum().real == pytest.approx(1.0, abs=1e-4)

    def test_equal_blocks_do_not_notice_it(self):
        depth, offset = np.full(SHAPE, 200, np.uint16), np.full(SHAPE, 30, np.uint16)
        plain = shown(panel(), depth, offset)
        np.testing.assert_allclose(shown(panel(cross_talk=0.05), depth, offset), plain, atol=1e-6)

    def test_field_is_shared_with_its_phase(self):
        depth = np.full(SHAPE, 256, np.uint16)
        offset = np.zeros(SHAPE, np.uint16)
        offset[2, 3] = 128
        seen = shown(panel(period=8, cross_talk=self.SHARE), depth, offset)
        assert seen[2, 3] == pytest.approx(-(1 - 4 * self.SHARE) + 4 * self.SHARE, abs=1e-5)
        assert seen[2, 2] == pytest.approx(1 - 2 * self.SHARE, abs=1e-5)

    def test_gains_of_rows_and_columns_come_behind_it(self):
        depth, offset = random_levels()
        rows, columns = np.arange(1, 6), np.arange(1, 8) / 2
        truth = panel(period=8, cross_talk=self.SHARE)
        plain = shown(truth, depth, offset)
        seen = shown(truth, depth, offset, rows, columns)
        np.testing.assert_allclose(seen, rows[:, np.newaxis] * plain * columns, rtol=1e-5)

    @pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 1), (2, 2), (4, 6), SHAPE])
    def test_coefficients_that_come_from_pixels_mix_as_those_of_blocks_do(self, shape):
        depth, offset = random_levels(shape=shape)
        rows, columns = np.arange(shape[0]) + np.float32(1), np.arange(shape[1]) - np.float32(9)
        truth, out = panel(shape, cross_talk=0.05), np.empty((2 * shape[0], shape[1]), np.float32)
        plain = shown(panel(shape), depth, offset)
        truth.mix(plain.real.copy(), plain.imag.copy(), rows, columns, out)
        seen = out[: shape[0]] + 1j * out[shape[0] :]
        np.testing.assert_allclose(seen, shown(truth, depth, offset, rows, columns), atol=1e-5)

    @pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 1), (2, 2)])
    def test_small_panels_keep_all_their_light(self, shape):
        depth, offset = np.full(shape, 256, np.uint16), np.zeros(shape, np.uint16)
        seen = shown(panel(shape, period=8, cross_talk=0.05), depth, offset)
        np.testing.assert_allclose(seen, 1.0, atol=1e-5)
