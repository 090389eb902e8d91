"""Raw exposures of an open bench, in device units."""

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.calibration_light import CalibrationLight
from instruments.errors import LimitError
from instruments.opening import SharedResources

BANKS = ["taps_z", "taps_a", "taps_delta", "outputs"]


@pytest.fixture(scope="module")
def bench():
    return parse_bench_file(built_in_text("digits"), "digits")


@pytest.fixture
def opened(bench):
    shared = SharedResources()
    with open_bench(bench, shared=shared) as one:
        light = CalibrationLight(one, bench)
        yield light, shared.built()["twin"]


def uniform(light, stage, depth):
    shape = light.stages[stage].geometry.shape
    return np.full(shape, depth, np.uint16), np.zeros(shape, np.uint16)


def test_banks_are_in_the_order_of_the_reference_phases_channels(opened):
    light, twin = opened
    assert light.banks() == BANKS
    light.turn_references({"taps_delta": 2.5})
    turned = {name: one.actuator_radians for name, one in twin.detectors.items()}
    assert turned["taps_delta"] == pytest.approx(np.pi / 2)
    assert turned["taps_z"] == turned["taps_a"] == turned["outputs"] == 0


def test_an_exposure_steps_through_the_volts_of_one_array_while_the_others_rest(opened):
    light, _ = opened
    light.set_current("first", 0.05)
    light.show("first", *uniform(light, "first", 256))
    volts = np.zeros((5, 64), np.float32)
    volts[:, 3] = [-3.5, -1.75, 0.0, 1.75, 3.5]
    read = light.take({"inputs": volts}, ["taps_z"])["taps_z"]
    assert read.shape == (5, 48)
    assert np.all(np.diff(read.mean(axis=1)) > 0)


def test_arms_that_are_shut_pass_nothing(opened):
    light, _ = opened
    light.set_current("first", 0.1)
    light.show("first", *uniform(light, "first", 256))
    bright = np.full((4, 64), 1.0, np.float32)
    levels = []
    for arms in ((), ("reference",), ("reference", "forward")):
        light.open_arms(*arms)
        levels.append(np.abs(light.take({"inputs": bright}, ["taps_z"])["taps_z"]).mean())
    assert levels[0] < 0.01
    assert levels[1] < 0.01
    assert levels[2] > 0.05
    assert light.can_close("backward")


def test_the_bypass_makes_the_medium_clear_and_brings_it_back(opened):
    light, twin = opened
    depths = []
    for transparent in (True, False):
        light.bypass(transparent)
        depths.append(float(twin.stages[0].absorber.depth.mean()))
    assert light.can_bypass
    assert depths[0] < 1e-4
    assert depths[1] > 5


def test_a_dark_panel_passes_nothing(opened):
    light, _ = opened
    light.set_current("first", 0.1)
    bright = np.full((64, 64), 1.0, np.float32)
    light.darken("first")
    dark = light.take({"inputs": bright}, ["taps_z"])["taps_z"]
    light.open_arms("reference")
    without = light.take({"inputs": bright}, ["taps_z"])["taps_z"]
    np.testing.assert_allclose(dark.mean(axis=0), without.mean(axis=0), atol=3e-4)


def test_long_sequences_are_taken_in_parts(opened, monkeypatch):
    light, _ = opened
    monkeypatch.setattr("instruments.calibration_light.MOST_SHOTS_AT_ONCE", 7)
    volts = np.linspace(-1, 1, 20, dtype=np.float32)[:, None] * np.ones(64, np.float32)
    assert light.take({"inputs": volts}, ["taps_z"])["taps_z"].shape == (20, 48)


def test_limits_hold_and_the_next_exposure_goes_on(opened):
    light, _ = opened
    assert light.volts_range("inputs") == (-5.0, 5.0)
    assert light.highest_current("first") == pytest.approx(0.2)
    with pytest.raises(LimitError, match=r"volts of 9 V asked for"):
        light.take({"inputs": np.full((3, 64), 9.0)}, ["taps_z"])
    assert light.take({}, ["taps_z"], 3)["taps_z"].shape == (3, 48)
