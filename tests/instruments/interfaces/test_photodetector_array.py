"""Photodetector arrays: what is known of the readings before there is light."""

import numpy as np

KINDS = ("photodetector_array",)


def test_it_knows_its_saturation_and_its_nominal_dark_level(rig):
    detectors = rig.instrument
    assert detectors.channels >= 1
    assert detectors.dark_volts.shape == (detectors.channels,)
    assert (np.abs(detectors.dark_volts) < detectors.saturation_volts).all()


def test_a_shot_that_comes_after_the_last_one_changes_nothing(rig):
    rig.instrument.arm(2)
    rig.fire(3)
    assert rig.instrument.read(rig.timeout_seconds).shape == (2, rig.instrument.channels)


def test_readings_are_within_what_the_digitiser_can_say(rig):
    rig.instrument.arm(4)
    rig.fire(4)
    readings = rig.instrument.read(rig.timeout_seconds)
    assert (np.abs(readings) <= rig.instrument.saturation_volts).all()
