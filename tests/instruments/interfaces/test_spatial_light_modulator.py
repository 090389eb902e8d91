"""Spatial light modulators: frames of grey levels, and blocks of grating that make the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.errors import InstrumentError, LimitError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.spatial_light_modulator import BlockPattern, expand_blocks

KINDS = ("spatial_light_modulator",)


def some_pattern(rig, seed=1):
    generator = np.random.default_rng(seed)
    if rig.pattern is not None:
        return rig.pattern(generator)
    panel = rig.instrument
    geometry = BlockGeometry(panel.rows // 9, panel.columns // 9, 9, 9)
    levels = 2**panel.bit_depth
    return BlockPattern(
        generator.integers(0, levels + 1, geometry.shape).astype(np.uint16),
        generator.integers(0, levels, geometry.shape).astype(np.uint16),
        geometry,
        grating_period=9,
        levels_per_wave=levels,
    )


def blank(panel):
    return np.zeros((panel.rows, panel.columns), np.uint8 if panel.bit_depth <= 8 else np.uint16)


def assert_same_light(rig, light, expected):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(light, expected, atol=rig.light_tolerance * scale)


def looked_at(rig):
    rig.instrument.wait_until_settled(rig.timeout_seconds)
    return rig.light()


def test_it_knows_its_geometry_and_its_times(rig):
    panel = rig.instrument
    assert panel.rows > 0
    assert panel.columns > 0
    assert 1 <= panel.bit_depth <= 16
    assert panel.refresh_seconds >= 0
    assert panel.settling_seconds >= 0


def test_blocks_and_the_frame_they_expand_to_give_the_same_light(rig):
    if rig.light is None:
        pytest.skip("nobody looks at its light")
    pattern = some_pattern(rig)
    rig.instrument.show_blocks(pattern)
    from_blocks = looked_at(rig)
    rig.instrument.show_frame(blank(rig.instrument))
    assert not np.array_equal(looked_at(rig), from_blocks)
    rig.instrument.show_frame(expand_blocks(pattern, blank(rig.instrument)))
    assert_same_light(rig, looked_at(rig), from_blocks)


def test_it_knows_when_a_frame_is_on(rig):
    panel = rig.instrument
    assert panel.shown_at_seconds() is None
    panel.wait_until_settled(rig.timeout_seconds)
    panel.show_blocks(some_pattern(rig))
    panel.wait_until_settled(rig.timeout_seconds)
    first = panel.shown_at_seconds()
    panel.show_frame(blank(panel))
    panel.wait_until_settled(rig.timeout_seconds)
    assert panel.shown_at_seconds() > first


def test_a_frame_of_another_shape_or_type_is_refused(rig):
    panel = rig.instrument
    frame = blank(panel)
    with pytest.raises(InstrumentError, match="shape"):
        panel.show_frame(frame[:-1])
    with pytest.raises(InstrumentError, match="float"):
        panel.show_frame(frame.astype(np.float32))


def test_a_level_the_panel_does_not_have_is_refused(rig):
    panel = rig.instrument
    if panel.bit_depth in (8, 16):
        pytest.skip("its type holds no other levels")
    frame = blank(panel)
    frame[2, 3] = 2**panel.bit_depth
    with pytest.raises(LimitError, match=r"at \[2, 3\]"):
        panel.show_frame(frame)


def test_the_callers_frame_may_be_used_again_at_once(rig):
    if rig.light is None:
        pytest.skip("nobody looks at its light")
    frame = expand_blocks(some_pattern(rig), blank(rig.instrument))
    rig.instrument.show_frame(frame.copy())
    expected = looked_at(rig)
    rig.instrument.show_frame(frame)
    frame[...] = 0
    assert_same_light(rig, looked_at(rig), expected)


def test_a_pattern_that_does_not_fit_is_refused_and_changes_nothing(rig):
    panel = rig.instrument
    geometry = BlockGeometry(panel.rows // 9 + 1, 1, 9, 9)
    levels = np.zeros(geometry.shape, np.uint16)
    panel.show_frame(blank(panel))
    before = panel.shown_at_seconds()
    with pytest.raises(LimitError, match=f"{panel.rows // 9} x {panel.columns // 9} blocks do"):
        panel.show_blocks(BlockPattern(levels, levels, geometry, grating_period=9))
    assert panel.shown_at_seconds() == before


def test_safe_it_shows_the_same_whatever_it_showed_before(rig):
    if rig.light is None:
        pytest.skip("nobody looks at its light")
    lights = []
    for seed in (1, 2):
        rig.instrument.show_blocks(some_pattern(rig, seed))
        rig.instrument.make_safe()
        lights.append(looked_at(rig))
    assert_same_light(rig, lights[1], lights[0])


PATTERN = {
    "depth_levels": np.zeros((2, 3), np.uint16),
    "offset_levels": np.zeros((2, 3), np.uint16),
    "geometry": BlockGeometry(2, 3, 9, 6),
    "grating_period": 6,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth_levels": np.zeros((3, 2), np.uint16)}, r"grating depths of shape \[3, 2\]"),
        ({"depth_levels": np.full((2, 3), 257, np.uint16)}, "grating depth of 257"),
        ({"offset_levels": np.full((2, 3), 256, np.uint16)}, "grating offset of 256"),
        ({"grating_period": 4}, "period of 4 pixels was asked for in blocks of 6"),
        ({"grating_axis": "rows"}, "period of 6 pixels was asked for in blocks of 9"),
        ({"grating_period": 1}, "at least 2 pixels"),
        ({"levels_per_wave": 300}, "300 grey levels a wave"),
        ({"background_level": 256}, "background of 256"),
        ({"geometry": BlockGeometry(2, 3, 9, 18)}, r"do not fit 20 x 20 pixels; 2 x 1 blocks do"),
    ],
)
def test_patterns_that_cannot_be_are_refused(change, message):
    BlockPattern(**PATTERN).check("slm", 20, 20, 8)
    with pytest.raises(InstrumentError, match=message):
        BlockPattern(**(PATTERN | change)).check("slm", 20, 20, 8)


@pytest.mark.parametrize(
    "numbers", [(0, 1, 9, 9, 0, 0), (1, 1, 9, 0, 0, 0), (1, 1, 9, 9, -1, 0), (1, 1, 9, 9, 0, -1)]
)
def test_rasters_that_cannot_be_are_refused(numbers):
    with pytest.raises(LimitError, match="raster"):
        BlockGeometry(*numbers)


@st.composite
def patterns(draw):
    bit_depth = draw(st.sampled_from([4, 8, 10, 16]))
    wave = draw(st.sampled_from([2**bit_depth, 2**bit_depth - 3, 7]))
    axis = draw(st.sampled_from(["columns", "rows"]))
    period = draw(st.integers(2, 5))
    along, other = period * draw(st.integers(1, 3)), draw(st.integers(1, 5))
    height, width = (other, along) if axis == "columns" else (along, other)
    geometry = BlockGeometry(
        draw(st.integers(1, 4)),
        draw(st.integers(1, 4)),
        height,
        width,
        draw(st.integers(0, 3)),
        draw(st.integers(0, 3)),
    )
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pattern = BlockPattern(
        generator.integers(0, wave + 1, geometry.shape).astype(np.uint16)
        if wave < 2**16
        else generator.integers(0, wave, geometry.shape).astype(np.uint16),
        generator.integers(0, wave, geometry.shape).astype(np.uint16),
        geometry,
        period,
        axis,
        wave,
        background_level=draw(st.integers(0, 2**bit_depth - 1)),
    )
    rows = geometry.end_row + draw(st.integers(0, 3))
    columns = geometry.end_column + draw(st.integers(0, 3))
    return pattern, rows, columns, bit_depth


@given(patterns())
@settings(max_examples=80, deadline=None)
def test_every_pixel_is_what_the_definition_says(drawn):
    pattern, rows, columns, bit_depth = drawn
    pattern.check("slm", rows, columns, bit_depth)
    out = np.full((rows, columns), 9, np.uint8 if bit_depth <= 8 else np.uint16)
    assert expand_blocks(pattern, out) is out
    geometry = pattern.geometry
    for row in range(rows):
        for column in range(columns):
            down, across = row - geometry.origin_row, column - geometry.origin_column
            block = (down // geometry.height, across // geometry.width)
            if not all(0 <= at < n for at, n in zip(block, geometry.shape, strict=True)):
                assert out[row, column] == pattern.background_level
                continue
            along = across if pattern.grating_axis == "columns" else down
            k = along % pattern.grating_period
            climb = int(pattern.depth_levels[block]) * (k + 0.5) / pattern.grating_period
            level = int(pattern.offset_levels[block]) + int(np.floor(climb + 0.5))
            assert out[row, column] == level % pattern.levels_per_wave


def test_a_grating_sends_into_the_first_order_what_theory_says():
    # Davis et al. 1999: depth M and offset phi give sinc(1 - M) exp(i (phi + pi (M - 1))). A
    # staircase of q steps has sin(pi d) / (q sin(pi d / q)) sinc(1 / q) for sinc(d), d = M - 1,
    # and no pixel is further from it than half a grey level.
    period, wave = 9, 256
    depth, offset = np.meshgrid(np.arange(0, 256, 15), np.arange(0, 256, 32), indexing="ij")
    geometry = BlockGeometry(*depth.shape, 1, period)
    pattern = BlockPattern(depth.astype(np.uint16), offset.astype(np.uint16), geometry, period)
    frame = expand_blocks(pattern, np.empty((geometry.end_row, geometry.end_column), np.uint8))
    phase = 2 * np.pi * frame.reshape(*depth.shape, period) / wave
    centres = (np.arange(period) + 0.5) / period
    carrier = np.exp(-2j * np.pi * centres)
    first_order = (np.exp(1j * phase) * carrier).mean(axis=-1) * np.sinc(1 / period)
    missing = depth / wave - 1
    turned = np.exp(1j * (2 * np.pi * offset / wave + np.pi * missing))
    staircase = np.sin(np.pi * missing) / (period * np.sin(np.pi * missing / period))
    expected = staircase * np.sinc(1 / period) * turned
    assert np.abs(first_order - expected).max() < np.pi / wave
    assert np.abs(first_order - np.sinc(missing) * turned).max() < 0.025
