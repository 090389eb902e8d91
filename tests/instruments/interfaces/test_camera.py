"""Cameras: one channel a region, and a counter that gives lost frames away."""

import numpy as np
import pytest

from instruments.errors import LimitError
from instruments.interfaces.camera import Region
from instruments.interfaces.sequence import SequenceError

KINDS = ("camera",)


def test_until_set_the_whole_sensor_is_one_region(rig):
    camera = rig.instrument
    assert camera.regions() == (Region(0, 0, camera.rows, camera.columns),)
    assert camera.channels == 1


def test_each_region_is_a_channel_and_they_may_overlap(rig):
    camera = rig.instrument
    regions = [Region(0, 0, 2, 2), Region(1, 1, 3, 2), Region(camera.rows - 1, 0, 1, 4)]
    camera.set_regions(regions)
    assert camera.regions() == tuple(regions)
    assert camera.channels == 3
    camera.arm(2)
    rig.fire(2)
    assert camera.read(rig.timeout_seconds).shape == (2, 3)


def test_regions_off_the_sensor_are_refused_and_the_old_ones_stay(rig):
    camera = rig.instrument
    before = camera.regions()
    for wrong in [
        [],
        [Region(0, 0, 0, 1)],
        [Region(-1, 0, 2, 2)],
        [Region(0, 0, 1, 1), Region(camera.rows - 1, 0, 2, 1)],
        [Region(0, camera.columns, 1, 1)],
    ]:
        with pytest.raises(LimitError):
            camera.set_regions(wrong)
    assert camera.regions() == before


def test_regions_and_exposure_cannot_change_under_an_armed_sequence(rig):
    camera = rig.instrument
    camera.arm(1)
    with pytest.raises(SequenceError):
        camera.set_regions([Region(0, 0, 1, 1)])
    with pytest.raises(SequenceError):
        camera.set_exposure_seconds(camera.exposure_seconds())


def test_the_frame_counter_counts_the_shots_and_nothing_else(rig):
    camera = rig.instrument
    before = camera.frame_counter()
    camera.arm(3)
    assert camera.frame_counter() == before
    rig.fire(3)
    camera.read(rig.timeout_seconds)
    assert camera.frame_counter() == before + 3


def test_frames_are_handed_over_in_place_of_readings(rig):
    camera = rig.instrument
    camera.arm(2)
    rig.fire(2)
    frames = camera.read_frames(rig.timeout_seconds)
    assert frames.shape == (2, camera.rows, camera.columns)
    assert frames.dtype == np.uint16
    assert frames.max() <= camera.full_well_counts
    with pytest.raises(SequenceError):
        camera.read(rig.timeout_seconds)


def test_the_exposure_can_be_set_within_its_limit(rig):
    camera = rig.instrument
    limit = camera.limits()["exposure_seconds"]
    wanted = min(max(1e-3, limit.low), limit.high)
    camera.set_exposure_seconds(wanted)
    assert camera.exposure_seconds() == pytest.approx(wanted, rel=rig.reading_tolerance)
    for wrong in (limit.high * 2, limit.low / 2, float("nan")):
        with pytest.raises(LimitError, match="exposure"):
            camera.set_exposure_seconds(wrong)


def test_its_counts_are_in_order(rig):
    camera = rig.instrument
    assert 0 <= camera.black_level_counts < camera.full_well_counts
    assert camera.electrons_per_count > 0
