import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.calibration import first_order
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.spatial_light_modulator import BlockPattern, expand_blocks
from sim_backends.optics import blazed_grating, liquid_crystal


@pytest.mark.parametrize(("levels", "period"), [(256, 9), (256, 10), (200, 7), (1024, 8)])
def test_coefficients_are_those_of_the_pixels_a_panel_shows(levels, period):
    rng = np.random.default_rng(period)
    depth = rng.integers(0, levels + 1, (5, 6)).astype(np.uint16)
    offset = rng.integers(0, levels, (5, 6)).astype(np.uint16)
    region = rng.integers(0, 2, (5, 6))
    curves = np.stack(
        [liquid_crystal.grey_to_phase(np.arange(levels), levels, 6.4, b) for b in (0.05, -0.03)]
    )
    pattern = BlockPattern(
        depth, offset, BlockGeometry(5, 6, 1, period), period, levels_per_wave=levels
    )
    frame = expand_blocks(pattern, np.empty((5, 6 * period), np.uint16))
    pixels = frame.reshape(5, 6, period)
    phases = np.where(region[..., np.newaxis] == 1, curves[1][pixels], curves[0][pixels])
    expected = blazed_grating.pixel_order_coefficient(phases) / np.sinc(1.0 / period)
    found = first_order.coefficients(depth, offset, curves, region, period)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_an_even_fine_panel_gives_the_known_staircase_with_its_phase():
    levels, period = 2**14, 9
    depth = np.linspace(0, levels, 33).astype(np.uint16)[np.newaxis]
    found = first_order.coefficients(
        depth,
        np.zeros_like(depth),
        first_order.even_phases(levels)[np.newaxis],
        np.zeros(depth.shape, np.int64),
        period,
    )
    expected = blazed_grating.staircase_coefficient(depth / levels, period)
    np.testing.assert_allclose(found, expected / np.sinc(1.0 / period), atol=3e-4)


@settings(max_examples=10, deadline=None)
@given(st.integers(4, 24), st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_no_grating_is_nearer_than_the_one_chosen(levels, period, seed):
    phases = np.sort(np.random.default_rng(seed).uniform(0.0, 7.0, levels))
    depth, offset = (
        grid.astype(np.uint16)
        for grid in np.meshgrid(np.arange(levels + 1), np.arange(levels), indexing="ij")
    )
    every = first_order.coefficients(
        depth, offset, phases[np.newaxis], np.zeros(depth.shape, np.int64), period
    )
    steps = 500
    found = first_order.nearest_gratings(phases, period, steps)
    assert found.lowest == pytest.approx(every.real.min(), abs=1e-12)
    assert found.highest == pytest.approx(every.real.max(), abs=1e-12)
    chosen = every[found.depth, found.offset]
    amplitudes = np.arange(-steps, steps + 1) / steps

    def distance(coefficient, amplitude):
        weight = first_order._QUADRATURE_WEIGHT
        return np.sqrt((coefficient.real - amplitude) ** 2 + weight * coefficient.imag**2)

    nearest = np.array([distance(every, amplitude).min() for amplitude in amplitudes])
    # Candidates within one step of the list are told apart by their quadrature alone.
    assert np.all(distance(chosen, amplitudes) <= nearest + 1.0 / steps)
    assert (found.depth[steps], found.offset[steps]) == (0, 0)


def test_small_amplitudes_are_not_taken_from_the_jump_between_brightest_and_darkest():
    phases = first_order.even_phases(256, 0.95 * 2 * np.pi)[np.newaxis]
    found = first_order.nearest_gratings(phases[0], 9, 1000)
    small = slice(900, 1101)
    depth, offset = found.depth[np.newaxis, small], found.offset[np.newaxis, small]
    order = first_order.coefficients(depth, offset, phases, np.zeros(depth.shape, np.int64), 9)
    np.testing.assert_allclose(order[0].real, np.linspace(-0.1, 0.1, 201), atol=0.009)


@pytest.mark.parametrize("period", [2, 3, 9, 16, 1000])
def test_the_series_inverts_the_staircase(period):
    amplitude = np.linspace(0.0, 1.0, 2001)
    ratio = np.polyval(first_order.distance_polynomial(period), 2.0 * amplitude - 1.0)
    distance = np.sqrt((1.0 - amplitude) * ratio)
    np.testing.assert_allclose(first_order.staircase(distance, period), amplitude, atol=1e-8)


def test_published_depths_for_amplitudes_of_a_smooth_blaze():
    # sinc(1 - M) = 0.9, 0.5, 0.1
    amplitude = np.array([0.9, 0.5, 0.1])
    ratio = np.polyval(first_order.distance_polynomial(10_000), 2.0 * amplitude - 1.0)
    depth = 1.0 - np.sqrt((1.0 - amplitude) * ratio)
    np.testing.assert_allclose(depth, [0.7496, 0.3966, 0.0921], atol=6e-5)
