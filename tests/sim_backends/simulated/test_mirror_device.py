"""Simulated mirror devices: the share of mirrors, and the first order of a Lee hologram."""

import numpy as np
import pytest
from simulated_bench import TIMEOUT, simulated_bench

from instruments.errors import InstrumentError
from instruments.interfaces.mirror_device import MirrorBlocks


def device(**settings):
    bench = simulated_bench(settings={"mirrors": settings})
    return bench["mirrors"], bench["trigger"]


def run(mirrors, trigger, shots):
    mirrors.arm()
    trigger.fire(shots)
    mirrors.wait_until_done(TIMEOUT)
    return mirrors.fields()


def test_each_mirror_of_a_block_adds_its_share_of_the_field():
    # 24 x 36 mirrors: 2 x 3 blocks of 10 x 10, a hundred and one levels.
    mirrors, trigger = device()
    counts = np.array([[[0, 1, 25], [50, 99, 100]]], np.uint16)
    mirrors.load_blocks(MirrorBlocks(counts, mirrors.raster))
    np.testing.assert_allclose(run(mirrors, trigger, 1)[0], counts[0] / 100, atol=1e-6)


def test_any_frame_gives_the_mean_of_each_block():
    mirrors, trigger = device(block_side=4)
    frame = np.random.default_rng(0).random((2, 24, 36)) < 0.3
    mirrors.load(frame)
    fields = run(mirrors, trigger, 2)
    for down, across in [(0, 0), (5, 8), (3, 4)]:
        block = frame[1, 4 * down : 4 * down + 4, 4 * across : 4 * across + 4]
        assert fields[1, down, across] == pytest.approx(block.sum() / 16)


def test_a_lee_hologram_has_a_tenth_of_the_power_at_most():
    # sin(pi w) / pi: 1 / pi for stripes of half a period, 10.1 % of the power.
    mirrors, trigger = device(carrier_period=10)
    widths = np.array([[[0, 2, 4], [4, 8, 10]]], np.uint16)
    shifts = np.zeros_like(widths)
    # Blocks are ten rows high and stripes as wide in each.
    mirrors.load_blocks(MirrorBlocks(10 * widths, mirrors.raster, 10, shifts))
    power = np.abs(run(mirrors, trigger, 1)[0]) ** 2
    sine = np.sin(np.pi * widths[0] / 10)
    np.testing.assert_allclose(power, (sine / np.pi) ** 2, atol=1e-7)
    # Half a period is the most; of five mirrors, an odd number, every row lies to one side.
    assert power.max() == pytest.approx(0.1013 * np.sin(0.4 * np.pi) ** 2, abs=1e-4)


def test_half_a_period_of_shift_turns_the_sign_of_a_lee_hologram():
    mirrors, trigger = device(carrier_period=10)
    widths = np.full((1, 2, 3), 40, np.uint16)
    shifts = np.array([[[0, 5, 1], [6, 2, 7]]], np.uint16)
    mirrors.load_blocks(MirrorBlocks(widths, mirrors.raster, 10, shifts))
    fields = run(mirrors, trigger, 1)[0].ravel()
    np.testing.assert_allclose(fields[1::2], -fields[::2], atol=1e-6)
    assert np.angle(fields[2] / fields[0]) == pytest.approx(-2 * np.pi / 10, abs=1e-5)


def test_frames_are_seen_when_the_trigger_comes_and_not_before():
    mirrors, trigger = device()
    frames = np.zeros((3, 24, 36), np.bool_)
    frames[1:] = True
    mirrors.load(frames)
    mirrors.arm()
    assert not mirrors.fields().any()
    trigger.fire(2)
    seen = mirrors.fields()
    assert [bool(one.all()) for one in seen] == [False, True]
    mirrors.make_safe()
    assert not mirrors.fields().any()


def test_triggers_that_come_faster_than_its_pictures_are_refused():
    # The bench triggers every 100 us.
    mirrors, trigger = device()
    mirrors.load(np.zeros((1, 24, 36), np.bool_))
    mirrors.set_picture_seconds(250e-6)
    with pytest.raises(InstrumentError, match=r"0\.00025 s and triggers come every 0\.0001 s"):
        mirrors.arm()
    trigger.set_period_seconds(250e-6)
    run(mirrors, trigger, 1)
