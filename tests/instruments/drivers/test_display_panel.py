"""A panel at a video output: what a bench shows is what is on the screen."""

import numpy as np
import pytest
from simulated_bench import TIMEOUT, random_levels
from virtual_screens import SIZES
from wire_bench import wire_bench, wire_bench_file

from instruments.errors import InstrumentError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.spatial_light_modulator import BlockPattern, expand_blocks
from instruments.opening import SharedResources, prepare_instrument

pytest.importorskip("qtpy")

ROWS, COLUMNS = SIZES[1]


def panel_on_a_screen(**settings):
    own = {"screen": "screen#2", "rows": ROWS, "columns": COLUMNS, "settling": "1 ms", **settings}
    bench = wire_bench_file(
        libraries={"slm_1": "display panel"}, settings={"slm_1": own}, wire="real"
    )
    return prepare_instrument(bench, "slm_1", SharedResources()).open()


@pytest.fixture
def panel(screens):
    opened = panel_on_a_screen()
    yield opened
    opened.close()


def random_pattern():
    geometry = BlockGeometry(6, 10, 9, 9, 2, 3)
    generator = np.random.default_rng(1)
    return BlockPattern(
        generator.integers(0, 257, geometry.shape).astype(np.uint16),
        generator.integers(0, 256, geometry.shape).astype(np.uint16),
        geometry,
        grating_period=9,
        background_level=7,
    )


def test_blocks_are_on_the_screen_as_they_expand(panel, screens):
    pattern = random_pattern()
    panel.show_blocks(pattern)
    panel.wait_until_settled(TIMEOUT)
    expected = expand_blocks(pattern, np.empty((ROWS, COLUMNS), np.uint8))
    for colour in range(3):
        np.testing.assert_array_equal(screens.pixels(1)[:, :, colour], expected)
    assert not panel.simulated
    assert panel.refresh_seconds == pytest.approx(1 / 60)


def test_made_safe_it_shows_one_level_everywhere(panel, screens):
    panel.show_blocks(random_pattern())
    panel.make_safe()
    assert not screens.pixels(1).any()


def test_a_frame_counts_as_on_when_latency_and_settling_are_over(screens):
    panel = panel_on_a_screen(latency="40 ms", settling="20 ms")
    panel.show_blocks(random_pattern())
    panel.wait_until_settled(TIMEOUT)
    shown = panel._window.shown_at_seconds()
    assert panel.shown_at_seconds() == pytest.approx(shown + 0.06)
    assert panel._clock.now() >= panel.shown_at_seconds()
    panel.close()


def test_a_screen_of_another_size_than_the_file_says_is_refused(screens):
    with pytest.raises(InstrumentError, match=r"60 rows of 100 pixels; the bench file says 54"):
        panel_on_a_screen(rows=54)


def test_light_goes_through_what_the_window_shows_and_not_through_what_was_asked_for():
    """The twin is told pixels only: one that is wrong on the screen is wrong in the light."""
    bench = wire_bench(
        "trigger", libraries={"slm_1": "display panel"}, settings={"slm_2": {"bit_depth": 8}}
    )
    bench.switch_on()
    panel = bench["slm_1"]
    depth, offset = random_levels(panel, np.random.default_rng(1))
    pattern = BlockPattern(depth, offset, BlockGeometry(5, 6, 9, 9), 9)
    frame = expand_blocks(pattern, np.empty((45, 54), np.uint8))
    stage = bench.twin.stages[0]

    panel.show_frame(frame)
    panel.wait_until_settled(TIMEOUT)
    right = stage.settled_mask.copy()
    frame[4, 4] ^= 0x80
    panel.show_frame(frame)
    panel.wait_until_settled(TIMEOUT)
    changed = np.argwhere(np.abs(stage.settled_mask - right) > 1e-6)
    rows = {tuple(place % [5, 6]) for place in changed}
    assert rows == {(0, 0)}
