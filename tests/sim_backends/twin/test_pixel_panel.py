"""The first order of every block, worked out from all its pixels."""

import numpy as np
import pytest

from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.spatial_light_modulator import BlockPattern, expand_blocks
from sim_backends.twin.imperfections import Imperfections
from sim_backends.twin.pixel_panel import PixelPanel
from sim_backends.twin.weight_panel import PanelTruth

CURVED = Imperfections.perfect().panels.model_copy(
    update={"quantised": True, "stroke_spread": 0.1, "bow": 0.5, "region_spread": 1.0, "regions": 2}
)
GEOMETRY = BlockGeometry(4, 5, height=3, width=12, origin_row=2, origin_column=7)
ROWS, COLUMNS = 20, 80


def truth(levels=256, period=6):
    return PanelTruth(GEOMETRY.shape, levels, period, CURVED, np.random.default_rng(3))


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (10, np.uint16)])
def test_any_frame_is_summed_pixel_by_pixel(bits, dtype):
    panel = truth(levels=2**bits)
    frame = np.random.default_rng(4).integers(0, 2**bits, (ROWS, COLUMNS)).astype(dtype)
    real, imaginary = PixelPanel(panel, GEOMETRY, 2**bits).coefficients(frame)
    phases = panel.phases_of(np.arange(2**bits))
    for j in range(4):
        for i in range(5):
            block = frame[2 + 3 * j : 5 + 3 * j, 7 + 12 * i : 19 + 12 * i]
            carrier = np.exp(-2j * np.pi * (np.arange(12) + 0.5) / 6)
            fields = np.exp(1j * phases[panel.region_of_block[j, i]][block])
            expected = (fields * carrier).mean()
            assert real[j, i] + 1j * imaginary[j, i] == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("wave", [256, 200])
def test_the_pixels_of_a_block_pattern_give_what_the_tables_of_blocks_say(wave):
    # Single precision: sums of 36 pixels against tables of 6, each good to some 1e-6.
    panel = truth(levels=wave)
    generator = np.random.default_rng(5)
    depth = generator.integers(0, wave + 1, GEOMETRY.shape).astype(np.uint16)
    offset = generator.integers(0, wave, GEOMETRY.shape).astype(np.uint16)
    pattern = BlockPattern(depth, offset, GEOMETRY, 6, levels_per_wave=wave)
    frame = expand_blocks(pattern, np.empty((ROWS, COLUMNS), np.uint8))
    real, imaginary = PixelPanel(panel, GEOMETRY, 256).coefficients(frame)
    out = np.empty((8, 5), np.float32)
    panel.coefficients(depth, offset, np.ones(4, "f"), np.ones(5, "f"), out)
    np.testing.assert_allclose(real, out[:4], atol=5e-6)
    np.testing.assert_allclose(imaginary, out[4:], atol=5e-6)


def test_a_frame_of_one_level_sends_nothing_into_the_order():
    real, imaginary = PixelPanel(truth(), GEOMETRY, 256).coefficients(
        np.full((ROWS, COLUMNS), 77, np.uint8)
    )
    np.testing.assert_allclose([real, imaginary], 0.0, atol=1e-6)


def test_pixels_around_the_raster_do_not_count():
    pixels = PixelPanel(truth(), GEOMETRY, 256)
    frame = np.random.default_rng(6).integers(0, 256, (ROWS, COLUMNS)).astype(np.uint8)
    before = pixels.coefficients(frame)
    around = np.ones((ROWS, COLUMNS), np.bool_)
    around[2:14, 7:67] = False
    frame[around] = 0
    np.testing.assert_array_equal(pixels.coefficients(frame), before)
