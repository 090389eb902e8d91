"""Mirror devices: frames of mirrors, and blocks of mirrors that make the same frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.errors import InstrumentError, LimitError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.mirror_device import (
    MirrorBlocks,
    expand_mirror_blocks,
    stripe_orders,
)

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


def lee_frame(counts, shifts, period, height, periods=2):
    """Blocks with a carrier, [block rows, height, block columns, width]."""
    geometry = BlockGeometry(*counts.shape, height, periods * period)
    blocks = MirrorBlocks(
        counts[np.newaxis].astype(np.uint16),
        geometry,
        carrier_period=period,
        shifts=shifts[np.newaxis].astype(np.uint16),
    )
    rows, columns = geometry.end_row, geometry.end_column
    blocks.check("mirrors", rows, columns)
    frame = frames_of(blocks, rows, columns)[0]
    return frame.reshape(counts.shape[0], height, counts.shape[1], periods * period)


def first_order(frame, period):
    carrier = np.exp(-2j * np.pi * (np.arange(frame.shape[-1]) + 0.5) / period)
    return (frame * carrier).mean(axis=-1) * np.sinc(1 / period)


def test_stripes_of_a_lee_hologram_have_the_amplitude_and_phase_of_their_fourier_component():
    # W. H. Lee 1974: a stripe of width w around x, in periods, gives sin(pi w) / pi in the first
    # order at the phase of x; here sampled at whole mirrors, times 1 / sinc.
    period = 12
    widths, shifts = np.meshgrid(np.arange(0, period + 1, 2), np.arange(period), indexing="ij")
    frame = lee_frame(2 * widths, shifts, period, 2)
    assert (frame[:, 0] == frame[:, 1]).all()
    expected = np.sin(np.pi * widths / period) / np.pi * np.exp(-2j * np.pi * shifts / period)
    np.testing.assert_allclose(first_order(frame[:, 0], period), expected, atol=1e-12)


@given(st.integers(1, 9), st.integers(1, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_stripes_hold_as_many_mirrors_as_were_asked_for_and_are_in_one_piece(height, half, seed):
    period = 2 * half
    generator = np.random.default_rng(seed)
    counts = generator.integers(0, height * period + 1, (2, 3))
    frame = lee_frame(counts, generator.integers(0, period, (2, 3)), period, height, periods=1)
    np.testing.assert_array_equal(frame.sum(axis=(1, 3)), counts)
    widths = frame.sum(axis=3)
    assert (widths.max(axis=1) - widths.min(axis=1)).max() <= 1
    # Around the period, every row changes from off to on once at most.
    begins = (frame & ~np.roll(frame, 1, axis=3)).sum(axis=3)
    assert begins.max() <= 1


@pytest.mark.parametrize(("height", "period"), [(8, 4), (12, 12), (16, 8)])
def test_a_block_with_a_carrier_has_a_level_for_every_mirror_of_half_a_period(height, period):
    counts = np.arange(height * period // 2 + 1)[np.newaxis]
    frame = lee_frame(counts, np.zeros_like(counts), period, height)
    orders = first_order(frame, period).mean(axis=1)[0]
    np.testing.assert_allclose(orders, stripe_orders(height, period)[: counts.size], atol=1e-12)
    assert (np.diff(orders.real) > 0).all()
    assert orders[-1] == pytest.approx(1 / np.pi)
    # Odd rows lie to either side in turn: what is left in quadrature is at most half a row's.
    assert np.abs(orders.imag).max() < 0.5 / height
    shifted = lee_frame(counts, np.full_like(counts, period // 2), period, height)
    np.testing.assert_allclose(first_order(shifted, period).mean(axis=1)[0], -orders, atol=1e-12)


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
