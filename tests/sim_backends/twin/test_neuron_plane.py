"""Light through the medium of a layer and past its taps, against the formulas of each."""

import numpy as np
import pytest

from instruments import shared_loops
from instruments.loop_helpers import loop_helpers
from sim_backends.twin.devices import DetectorTruth
from sim_backends.twin.imperfections import Imperfections
from sim_backends.twin.layout import DetectorLayout
from sim_backends.twin.neuron_plane import Medium, absorb, cross, read
from sim_backends.twin.noise import NoiseStream

NEURONS = 7
VOLTS_PER_FIELD = 0.25
QUIET = Imperfections.perfect().taps


@pytest.fixture
def generator():
    return np.random.default_rng(5)


def tap(seed, **imperfections):
    layout = DetectorLayout(NEURONS, VOLTS_PER_FIELD, 50.0, 0.0)
    own = QUIET.model_copy(update=imperfections)
    return DetectorTruth(layout, own, 1e4, np.random.default_rng(seed))


def field(generator, shots, parts=2):
    return generator.normal(size=(parts, shots, NEURONS)).astype(np.float32)


def medium_of(generator, shots, saturates=False):
    depth = generator.uniform(1, 10, NEURONS).astype(np.float32)
    power = generator.exponential(3, (shots, NEURONS)).astype(np.float32)
    return Medium(depth, power, saturates)


def left_of(light, medium):
    power = medium.power + (np.square(light).sum(axis=0) if medium.saturates else 0)
    return light * np.exp(-0.5 * medium.depth / (1 + power))


@pytest.mark.parametrize("shots", [1, 2, 33])
@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("saturates", [False, True])
def test_light_is_absorbed_and_read_on_both_sides(cores, generator, shots, parts, saturates):
    light, medium = field(generator, shots, parts), medium_of(generator, shots, saturates)
    behind = np.full_like(light, np.nan)
    before, after = cross(light, behind, NoiseStream(1), medium=medium, before=tap(0), after=tap(1))
    expected = left_of(light, medium)
    np.testing.assert_allclose(behind, expected, rtol=1e-5)
    np.testing.assert_allclose(before, VOLTS_PER_FIELD * light[0], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(after, VOLTS_PER_FIELD * expected[0], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("saturates", [False, True])
def test_where_nobody_reads_light_is_absorbed_alike(cores, generator, saturates):
    light, medium = field(generator, 33), medium_of(generator, 33, saturates)
    behind, alike = np.empty_like(light), np.empty_like(light)
    assert cross(light, behind, NoiseStream(1), medium=medium) == (None, None)
    absorb(light, alike, medium)
    np.testing.assert_allclose(behind, left_of(light, medium), rtol=1e-5)
    np.testing.assert_array_equal(behind, alike)


def test_without_medium_taps_behind_see_what_they_are_given(cores, generator):
    light, behind = field(generator, 6), field(generator, 6)
    given = behind.copy()
    _, after = cross(light, behind, NoiseStream(1), after=tap(1))
    np.testing.assert_array_equal(behind, given)
    np.testing.assert_allclose(after, VOLTS_PER_FIELD * given[0], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("parts", [1, 2])
def test_the_pump_is_reflected_into_taps_behind_alone(cores, generator, parts):
    light, pump = field(generator, 9), field(generator, 9, parts)
    bank = tap(3, reflection=0.1)
    before, after = cross(light, light, NoiseStream(1), before=bank, after=bank, pump=pump)
    whole = pump[0] + (1j * pump[1] if parts == 2 else 0)
    mixed = ((bank.response[3] + 1j * bank.response[4]) * whole).real
    np.testing.assert_allclose(before, VOLTS_PER_FIELD * light[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(after - before, VOLTS_PER_FIELD * mixed, rtol=1e-3, atol=1e-6)


def test_noise_of_both_taps_is_independent(cores, generator):
    shots, width = 3_001, 0.02
    light = np.zeros((2, shots, NEURONS), np.float32)
    noisy = tap(0, electronic_noise=width)
    before, after = cross(light, light, NoiseStream(4), before=noisy, after=noisy)
    for readings in (before, after):
        assert readings.std() == pytest.approx(width, rel=0.03)
    together = np.corrcoef(before.ravel(), after.ravel())[0, 1]
    assert abs(together) < 4.5 / np.sqrt(before.size)


def test_readings_are_the_same_on_any_number_of_cores(monkeypatch, generator):
    light, medium = field(generator, 33), medium_of(generator, 33)
    noisy = tap(0, electronic_noise=0.1, quantised=True)
    monkeypatch.setattr(shared_loops, "LEAST_SHARE", 1)

    def readings(helpers):
        with loop_helpers().helping(helpers):
            return cross(
                light,
                np.empty_like(light),
                NoiseStream(4),
                medium=medium,
                before=noisy,
                after=noisy,
            )

    np.testing.assert_array_equal(readings(0), readings(3))


def test_a_tap_that_reads_alone_sees_what_it_sees_with_another(cores, generator):
    light = field(generator, 5)
    noisy = tap(0, electronic_noise=0.1)
    before, _ = cross(light, light, NoiseStream(4), before=noisy, after=tap(1))
    np.testing.assert_array_equal(read(light, None, noisy, NoiseStream(4)), before)


def test_where_there_is_nothing_to_do_no_noise_is_used_up(generator):
    light, noise = field(generator, 5), NoiseStream(4)
    assert cross(light, light, noise) == (None, None)
    assert noise.place == 0
