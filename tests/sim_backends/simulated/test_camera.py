"""The simulated camera: spots of power on a black level, with noise and a full well."""

import numpy as np
import pytest
from simulated_bench import HIDDEN, INPUTS, TIMEOUT, simulated_bench, volts_for

from instruments.errors import InstrumentError
from instruments.interfaces.camera import Region

# The middle of a spot of 8 pixels lies between four of them.
NEXT_TO_MIDDLE = np.exp(-2 * 0.5 / (0.3 * 8) ** 2)
QUIET = {"read_noise": 0.0, "electrons_per_count": 1e12}


def lit(port="z", **camera):
    bench = simulated_bench(settings={"camera": {"port": port, **camera}})
    bench.switch_on()
    bench.show(
        "slm_1", np.ones((HIDDEN, INPUTS), np.float32), np.zeros((HIDDEN, INPUTS), np.float32)
    )
    return bench


def frames_of(bench, *fields):
    camera = bench["camera"]
    bench.load(volts_for(np.outer(fields, np.ones(INPUTS))))
    camera.arm(len(fields))
    bench["trigger"].fire(len(fields))
    return camera.read_frames(TIMEOUT)


def test_the_brightest_pixels_of_a_spot_show_the_power_above_the_black_level():
    bench = lit(**QUIET)
    frames = frames_of(bench, 0.3, -0.3, 0.0)
    power = bench.twin.stages[0].z[0, 0, 0] ** 2
    assert power > 0.1
    region = bench["camera"].region_of(0)
    spot = frames[:, region.row : region.row + 8, region.column : region.column + 8]
    # A thousand counts at field 1, rounded.
    assert spot[0].max() == pytest.approx(100 + 1000 * power * NEXT_TO_MIDDLE, abs=0.5)
    np.testing.assert_array_equal(spot[1], spot[0])
    np.testing.assert_array_equal(frames[2], 100)


def test_it_sees_what_its_port_lets_it_see():
    behind = lit(port="a", **QUIET)
    in_front = lit(port="z", **QUIET)
    fields = (0.4,)
    ratio = (frames_of(behind, *fields).max() - 100) / (frames_of(in_front, *fields).max() - 100)
    stage = behind.twin.stages[0]
    power = stage.z[0, 0, 0] ** 2
    assert ratio == pytest.approx(np.exp(-10 / (1 + power)), rel=0.05)


def test_each_neuron_has_a_spot_of_its_own():
    bench = lit(**QUIET)
    depth = np.zeros((HIDDEN, INPUTS), np.float32)
    depth[3] = 1
    bench.show("slm_1", depth, 0 * depth)
    camera = bench["camera"]
    camera.set_regions([camera.region_of(neuron) for neuron in range(HIDDEN)])
    camera.arm(1)
    bench.load(volts_for(np.full((1, INPUTS), 0.3)))
    bench["trigger"].fire(1)
    bright = camera.read(TIMEOUT)[0] - 100
    assert bright[3] > 1
    # A Gaussian of 1.2 pixels rms sends half a thousandth of its light beyond 4 pixels.
    assert (np.delete(bright, 3) < 0.01 * bright[3]).all()


def test_half_the_exposure_gives_half_the_counts():
    bench = lit(**QUIET)
    whole = frames_of(bench, 0.4)[0].astype(float) - 100
    bench["camera"].set_exposure_seconds(50e-6)
    half = frames_of(bench, 0.4)[0].astype(float) - 100
    assert half.max() == pytest.approx(whole.max() / 2, abs=0.75)


def test_a_pixel_ends_at_its_full_well():
    bench = lit(full_well=600.0)
    frames = frames_of(bench, 1.0)
    assert bench.twin.stages[0].z[0, 0, 0] ** 2 > 1
    assert frames.max() == 600
    assert bench["camera"].full_well_counts == 600


def test_noise_is_that_of_the_electrons_and_of_reading():
    # 4 electrons a count: the variance of the counts is a quarter of the light, plus 3 counts
    # squared of reading and 1/12 of rounding.
    bench = lit(read_noise=3.0, electrons_per_count=4.0, rows=16, columns=40)
    frames = frames_of(bench, *([0.3] * 1500)).astype(float)
    region = bench["camera"].region_of(0)
    centre = frames[:, region.row + 3, region.column + 3]
    light = 1000 * bench.twin.stages[0].z[0, 0, 0] ** 2 * NEXT_TO_MIDDLE
    assert centre.mean() == pytest.approx(100 + light, rel=0.01)
    # 1500 values give a variance to 3.7 % (one standard error).
    assert centre.var() == pytest.approx(light / 4 + 9 + 1 / 12, rel=0.13)
    corner = frames[:, 15, 39]
    assert corner.mean() == pytest.approx(100, abs=0.4)
    assert corner.var() == pytest.approx(9 + 1 / 12, rel=0.13)


def test_a_region_is_the_mean_of_its_pixels():
    bench = lit()
    camera = bench["camera"]
    camera.set_regions([Region(2, 3, 4, 5)])
    camera.arm(1)
    bench["trigger"].fire(1)
    mean = camera.read(TIMEOUT)[0, 0]
    # Twenty pixels with a read noise of one count.
    assert mean == pytest.approx(100, abs=1.5)
    assert mean * 20 == pytest.approx(round(float(mean) * 20), abs=1e-3)


def test_triggers_that_come_faster_than_its_exposures_are_refused():
    camera = lit()["camera"]
    camera.set_exposure_seconds(2e-3)
    with pytest.raises(InstrumentError, match=r"exposes for 0\.002 s and triggers come every"):
        camera.arm(1)


def test_a_stage_that_is_not_there_names_those_that_are():
    with pytest.raises(InstrumentError, match=r"no stage 'frist'.*did you mean 'first'"):
        simulated_bench(settings={"camera": {"stage": "frist"}})


def test_more_neurons_than_spots_are_refused():
    with pytest.raises(InstrumentError, match="5 neurons; 4 spots"):
        simulated_bench(settings={"camera": {"rows": 16, "columns": 16}})
