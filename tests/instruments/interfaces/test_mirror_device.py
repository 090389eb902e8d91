"""Mirror devices: frames of mirrors, and blocks of mirrors that make the same frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.errors import InstrumentError, LimitError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.mirror_device import MirrorBlocks, expand_mirror_blocks

KINDS = ("mirror_device",)


def default_blocks(device, generator, shots):
    geometry = BlockGeometry(device.rows // 10, device.columns // 10, 10, 10)
    counts = generator.integers(0, 101, (shots, *geometry.shape)).astype(np.uint16)
    return MirrorBlocks(counts, geometry)


def some_blocks(rig, shots=3):
    generator = np.random.default_rng(1)
    if rig.blocks is not None:
        return rig.blocks(generator, shots)
    return default_blocks(rig.instrument, generator, shots)


def frames_of(blocks, rows, columns):
    frames = np.empty((blocks.shots, rows, columns), np.bool_)
    for shot in range(blocks.shots):
        expand_mirror_blocks(blocks, shot, frames[shot])
    return frames


def run(rig, shots):
    rig.instrument.arm()
    rig.fire(shots)
    rig.instrument.wait_until_done(rig.timeout_seconds)


def test_blocks_and_the_frames_they_expand_to_give_the_same_light(rig):
    if rig.light is None:
        pytest.skip("nobody looks at its light")
    blocks = some_blocks(rig)
    rig.instrument.load_blocks(blocks)
    run(rig, blocks.shots)
    from_blocks = rig.light()
    rig.instrument.load(frames_of(blocks, rig.instrument.rows, rig.instrument.columns))
    run(rig, blocks.shots)
    scale = np.abs(from_blocks).max()
    assert scale > 0
    np.testing.assert_allclose(rig.light(), from_blocks, atol=rig.light_tolerance * scale)


def test_frames_of_another_shape_are_refused(rig):
    rows, columns = rig.instrument.rows, rig.instrument.columns
    for shape in [(2, rows + 1, columns), (rows, columns)]:
        with pytest.raises(InstrumentError, match="shape"):
            rig.instrument.load(np.zeros(shape, np.bool_))


def test_blocks_that_do_not_fit_are_refused_with_how_many_would(rig):
    device = rig.instrument
    geometry = BlockGeometry(device.rows // 10 + 1, 1, 10, 10)
    blocks = MirrorBlocks(np.zeros((1, *geometry.shape), np.uint16), geometry)
    with pytest.raises(LimitError, match=f"{device.rows // 10} x {device.columns // 10} blocks do"):
        device.load_blocks(blocks)


def test_the_picture_time_can_be_set_within_its_limit(rig):
    limit = rig.instrument.limits()["picture_seconds"]
    wanted = min(max(1e-3, limit.low), limit.high)
    rig.instrument.set_picture_seconds(wanted)
    assert rig.instrument.picture_seconds() == pytest.approx(wanted, rel=rig.reading_tolerance)
    with pytest.raises(LimitError, match="picture"):
        rig.instrument.set_picture_seconds(limit.low / 2)
    with pytest.raises(LimitError):
        rig.instrument.set_picture_seconds(float("nan"))


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_as_many_mirrors_are_on_as_were_asked_for(height, width, seed):
    geometry = BlockGeometry(3, 4, height, width, origin_row=1, origin_column=2)
    generator = np.random.default_rng(seed)
    counts = generator.integers(0, height * width + 1, (1, 3, 4)).astype(np.uint16)
    blocks = MirrorBlocks(counts, geometry)
    rows, columns = 3 * height + 2, 4 * width + 5
    blocks.check("mirrors", rows, columns)
    frame = frames_of(blocks, rows, columns)[0]
    inside = frame[1 : 1 + 3 * height, 2 : 2 + 4 * width]
    summed = inside.reshape(3, height, 4, width).sum(axis=(1, 3))
    np.testing.assert_array_equal(summed, counts[0])
    assert frame.sum() == counts.sum()


@pytest.mark.parametrize(("height", "width"), [(10, 10), (9, 9), (4, 6)])
def test_mirrors_come_in_opposite_pairs_from_the_middle_outwards(height, width):
    counts = np.arange(height * width + 1, dtype=np.uint16).reshape(-1, 1, 1)
    frames = frames_of(MirrorBlocks(counts, BlockGeometry(1, 1, height, width)), height, width)
    down, across = np.mgrid[:height, :width]
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    farthest = 0.0
    odd = (height * width) % 2
    for count in range(1, height * width + 1):
        assert not (frames[count - 1] & ~frames[count]).any()
        new = np.argwhere(frames[count] & ~frames[count - 1])
        radius = np.hypot(*(new[0] - centre))
        assert radius >= farthest - 1e-9
        farthest = radius
        if (count - odd) % 2 == 0:
            mass = np.array([down[frames[count]].mean(), across[frames[count]].mean()])
            np.testing.assert_allclose(mass, centre, atol=1e-12)


def test_stripes_of_a_lee_hologram_have_the_amplitude_and_phase_of_their_fourier_component():
    # W. H. Lee 1974: a stripe of width w and start s, in periods, gives sin(pi w) / pi in the
    # first order at the phase of its centre; here sampled at whole mirrors, times 1 / sinc.
    period = 12
    widths, shifts = np.meshgrid(np.arange(period + 1), np.arange(period), indexing="ij")
    geometry = BlockGeometry(*widths.shape, 2, 2 * period)
    blocks = MirrorBlocks(
        widths[np.newaxis].astype(np.uint16),
        geometry,
        carrier_period=period,
        shifts=shifts[np.newaxis].astype(np.uint16),
    )
    rows, columns = geometry.end_row, geometry.end_column
    blocks.check("mirrors", rows, columns)
    frame = frames_of(blocks, rows, columns)[0]
    blocks_of = frame.reshape(widths.shape[0], 2, widths.shape[1], 2 * period)
    assert (blocks_of[:, 0] == blocks_of[:, 1]).all()
    carrier = np.exp(-2j * np.pi * (np.arange(2 * period) + 0.5) / period)
    first_order = (blocks_of[:, 0] * carrier).mean(axis=-1) * np.sinc(1 / period)
    expected = (
        np.sin(np.pi * widths / period)
        / np.pi
        * np.exp(-2j * np.pi * (shifts + widths / 2) / period)
    )
    np.testing.assert_allclose(first_order, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"carrier_period": 5}, "carrier needs shifts"),
        ({"carrier_period": 3, "shifts": np.zeros((1, 2, 2), np.uint16)}, "whole periods"),
        ({"mirrors_on": np.full((1, 2, 2), 101, np.uint16)}, "mirrors on of 101"),
        ({"carrier_period": 5, "shifts": np.full((1, 2, 2), 5, np.uint16)}, "stripe shift of 5"),
    ],
)
def test_blocks_that_cannot_be_are_refused(change, message):
    settings = {
        "mirrors_on": np.zeros((1, 2, 2), np.uint16),
        "geometry": BlockGeometry(2, 2, 10, 10),
    }
    with pytest.raises(LimitError, match=message):
        MirrorBlocks(**(settings | change)).check("mirrors", 20, 20)
