"""Fields from fringes: a camera read like an array of detectors, on frames drawn by hand."""

import numpy as np
import pytest

from instruments.camera_taps import CameraTaps
from instruments.errors import FrameSlipError
from instruments.interfaces.camera import Region

SIDE, FRINGES, BLACK, FULL, REFERENCE = 12, (0.3, 0.25), 100.0, 4095.0, 400.0
REGIONS = [Region(2, 3, SIDE, SIDE), Region(2, 17, SIDE, SIDE), Region(16, 8, SIDE, SIDE)]


class DrawnCamera:
    """A camera whose frames a test draws."""

    name = "camera"
    rows, columns = 32, 34
    black_level_counts, full_well_counts, electrons_per_count = BLACK, FULL, 4.0

    def __init__(self):
        self.frames = np.zeros((0, self.rows, self.columns))
        self.counter = 7
        self.lost = 0

    def set_regions(self, regions):
        self.seen_regions = regions

    def frame_counter(self):
        return self.counter

    def arm(self, shots):
        pass

    def stop(self):
        pass

    def read_frames(self, timeout_seconds):
        self.counter += len(self.frames) - self.lost
        return np.clip(np.rint(self.frames), 0, FULL).astype(np.uint16)


def draw(fields, fringes=FRINGES, peak=6.0):
    """Frames of Gaussian spots of complex fields ``[shots, 3]`` with a tilted reference."""
    down, across = np.mgrid[: DrawnCamera.rows, : DrawnCamera.columns]
    light = np.zeros((len(fields), *down.shape), complex)
    for index, one in enumerate(REGIONS):
        centre = one.row + (SIDE - 1) / 2, one.column + (SIDE - 1) / 2
        spot = np.exp(-((down - centre[0]) ** 2 + (across - centre[1]) ** 2) / 3.6**2)
        light += peak * fields[:, index, np.newaxis, np.newaxis] * spot
    waves = np.exp(2j * np.pi * (fringes[0] * down + fringes[1] * across))
    return BLACK + np.abs(np.sqrt(REFERENCE) * waves + light) ** 2


def taps(frames, fringes=FRINGES, lost=0):
    camera = DrawnCamera()
    reader = CameraTaps(camera, REGIONS, fringes, BLACK + REFERENCE)
    camera.frames, camera.lost = frames, lost
    reader.arm(len(frames))
    return reader


def test_readings_are_the_real_parts_of_the_fields_and_turn_with_the_phase():
    generator = np.random.default_rng(0)
    fields = generator.normal(size=(40, 3)) + 1j * generator.normal(size=(40, 3))
    fields[0] = 1.0
    reader = taps(draw(fields))
    full = reader.read(1.0)[0]
    for turned in (0.0, 0.7, np.pi / 2, 3.0):
        reader.arm(40)
        reader.turn(turned)
        expected = full * (fields * np.exp(-1j * turned)).real
        # Light next door, and whole counts.
        np.testing.assert_allclose(reader.read(1.0), expected, atol=0.02 * full[0])


def test_both_quadratures_can_be_had():
    fields = np.array([[1.0, 1j, -1.0], [0.0, 0.0, 0.0]])
    found = taps(draw(fields)).read_fields(1.0)
    np.testing.assert_allclose(found[0] / np.abs(found[0]), fields[0], atol=0.02)
    assert np.abs(found[1]).max() < 1.0


def test_even_light_and_the_light_of_the_signal_itself_are_not_read():
    # Without a reference all that is left is |s|^2; its share at the fringes' frequency is small.
    bright = np.full((1, 3), 6.0)
    alone = draw(bright) * 0 + BLACK + np.abs(draw(bright, (0.0, 0.0)) - BLACK - REFERENCE)
    with_fringes = taps(draw(bright)).read(1.0)
    assert np.abs(taps(alone).read(1.0)).max() < 0.01 * with_fringes.min()
    assert np.abs(taps(np.full((1, 32, 34), 1500.0)).read(1.0)).max() < 1e-2


def test_a_full_pixel_makes_its_neurons_reading_saturated_and_no_others():
    fields = np.array([[0.5, -0.5, 12.0], [0.5, 0.5, 0.5]])
    reader = taps(draw(fields))
    saturated = np.abs(reader.read(1.0)) >= reader.saturation_volts
    np.testing.assert_array_equal(saturated, [[False, False, True], [False, False, False]])
    # What just fits the well is below.
    largest = (np.sqrt(FULL - BLACK) - np.sqrt(REFERENCE)) / 6.0
    fits = taps(draw(np.full((1, 3), 0.9 * largest)))
    assert (fits.read(1.0) < fits.saturation_volts * 1.05).all()


@pytest.mark.parametrize("lost", [1, -2])
def test_lost_and_stray_frames_are_noticed(lost):
    reader = taps(draw(np.ones((5, 3))), lost=lost)
    with pytest.raises(FrameSlipError, match=rf"took {5 - lost} frames and was armed for 5"):
        reader.read(1.0)


def test_moved_regions_read_the_same_phase():
    fields = np.exp(1j * np.array([[0.3, -1.0, 2.0]]))
    reader = taps(draw(fields))
    before = np.angle(reader.read_fields(1.0))
    moved = [Region(one.row + 1, one.column - 1, SIDE, SIDE) for one in REGIONS]
    reader.use_regions(moved)
    reader.arm(1)
    np.testing.assert_allclose(np.angle(reader.read_fields(1.0)), before, atol=0.02)


def test_a_single_port_reads_what_is_above_the_reference():
    # In line with the reference every pixel counts |r + s|^2.
    frames = draw(np.array([[0.2, -0.2, 0.0]]), fringes=(0.0, 0.0))
    readings = taps(frames, fringes=None).read(1.0)[0]
    assert readings[0] > 5
    # The signal's own light adds to both signs.
    own = 0.5 * (readings[0] + readings[1])
    assert readings[1] == pytest.approx(-readings[0] + 2 * own)
    assert 0 < own < 0.1 * readings[0]
    assert abs(readings[2]) < 1
