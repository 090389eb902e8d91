import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq

from instruments.errors import SettingsError
from sim_backends.optics import blazed_grating as grating


@pytest.mark.parametrize("order", [-1, 0, 1, 2])
@pytest.mark.parametrize("depth", [0.0, 0.1, 0.63, 1.0])
def test_order_is_the_fourier_integral_of_the_ramp(depth, order):
    cosine, _ = quad(lambda x: np.cos(2 * np.pi * (depth - order) * x), 0, 1)
    sine, _ = quad(lambda x: np.sin(2 * np.pi * (depth - order) * x), 0, 1)
    found = grating.order_coefficient(depth, order)
    np.testing.assert_allclose(found, cosine + 1j * sine, atol=1e-12)


def test_all_orders_together_carry_all_the_light():
    depth = np.linspace(0, 1, 7)
    power = sum(np.abs(grating.order_coefficient(depth, n)) ** 2 for n in range(-3000, 3001))
    np.testing.assert_allclose(power, 1.0, atol=1e-4)


def test_undiffracted_power_is_sinc_squared():
    depth = np.linspace(0, 1, 11)
    np.testing.assert_allclose(
        np.abs(grating.undiffracted_coefficient(depth)) ** 2, np.sinc(depth) ** 2, atol=1e-15
    )


class TestInverse:
    def test_worked_depths(self):
        depth = grating.depth_for_amplitude([0.9, 0.5, 0.1])
        np.testing.assert_allclose(depth, [0.7496, 0.3966, 0.0921], atol=5e-5)

    def test_is_exact_at_both_ends(self):
        np.testing.assert_array_equal(grating.depth_for_amplitude([0.0, 1.0]), [0.0, 1.0])

    def test_gives_the_amplitude_back(self):
        amplitude = np.linspace(0, 1, 100_001)
        depth = grating.depth_for_amplitude(amplitude)
        np.testing.assert_allclose(np.sinc(1 - depth), amplitude, atol=1e-12)

    def test_agrees_with_a_root_finder_near_full_scale_where_the_slope_vanishes(self):
        amplitude = 1 - np.logspace(-9, -1, 9)
        roots = [brentq(lambda m, a=a: np.sinc(1 - m) - a, 0.1, 1, xtol=1e-15) for a in amplitude]
        np.testing.assert_allclose(grating.depth_for_amplitude(amplitude), roots, atol=1e-9)

    def test_rises_everywhere(self):
        assert np.all(np.diff(grating.depth_for_amplitude(np.linspace(0, 1, 1_000_001))) > 0)

    def test_setting_depth_equal_to_amplitude_errs_by_up_to_a_sixth(self):
        amplitude = np.linspace(0, 1, 1001)
        error = np.abs(np.sinc(1 - amplitude) - amplitude)
        assert error.max() == pytest.approx(0.16, abs=0.005)

    @pytest.mark.parametrize("wrong", [-0.01, 1.01, np.nan])
    def test_refuses_what_no_grating_gives(self, wrong):
        with pytest.raises(SettingsError, match="first-order amplitude"):
            grating.depth_for_amplitude([0.5, wrong])


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.floats(-10, 10), st.integers(2, 24))
def test_depth_and_offset_put_any_field_in_the_first_order(amplitude, phase, pixels):
    depth = grating.depth_for_amplitude(amplitude)
    offset = grating.phase_offset(phase, depth)
    wanted = amplitude * np.exp(1j * phase)
    continuous = np.exp(1j * offset) * grating.first_order_coefficient(depth)
    np.testing.assert_allclose(continuous, wanted, atol=1e-11)
    staircase = grating.pixel_order_coefficient(grating.pixel_phases(depth, offset, pixels))
    np.testing.assert_allclose((staircase * np.exp(-1j * phase)).imag, 0.0, atol=1e-11)


def test_depth_errors_hurt_mid_scale_weights_most():
    wanted = np.array([1.0, 0.5])
    depth = grating.depth_for_amplitude(wanted)
    shallow = np.abs(grating.first_order_coefficient(0.95 * depth))
    deep = np.abs(grating.first_order_coefficient(1.05 * depth))
    np.testing.assert_allclose(shallow, [0.996, 0.473], atol=5e-4)
    np.testing.assert_allclose(deep, [0.996, 0.527], atol=5e-4)

    scale = np.linspace(0, 1, 101)
    depths = grating.depth_for_amplitude(scale)
    spread = np.abs(grating.first_order_coefficient(1.001 * depths)) - np.abs(
        grating.first_order_coefficient(0.999 * depths)
    )
    assert scale[np.argmax(spread)] == pytest.approx(0.76, abs=0.01)
    np.testing.assert_allclose(spread[[0, -1]], 0.0, atol=1e-12)


class TestStaircase:
    @pytest.mark.parametrize(
        ("pixels", "efficiency"), [(4, 0.811), (8, 0.950), (10, 0.968), (16, 0.987)]
    )
    def test_full_depth_efficiency_is_sinc_squared(self, pixels, efficiency):
        phases = grating.pixel_phases(1.0, 0.0, pixels)
        found = np.abs(grating.pixel_order_coefficient(phases)) ** 2
        assert found == pytest.approx(efficiency, abs=6e-4)
        assert found == pytest.approx(np.sinc(1 / pixels) ** 2, rel=1e-12)

    @pytest.mark.parametrize("pixels", [2, 3, 7, 10])
    def test_closed_form_is_the_transform_of_the_explicit_pixels(self, pixels):
        depth = np.linspace(0, 1, 21)
        explicit = grating.pixel_order_coefficient(grating.pixel_phases(depth, 0.3, pixels))
        closed = np.exp(0.3j) * grating.staircase_coefficient(depth, pixels)
        np.testing.assert_allclose(explicit, closed, atol=1e-13)

    def test_many_pixels_approach_the_continuous_ramp(self):
        depth = np.linspace(0, 1, 21)
        np.testing.assert_allclose(
            grating.staircase_coefficient(depth, 1000),
            grating.first_order_coefficient(depth),
            atol=2e-6,
        )

    @pytest.mark.parametrize(
        ("bits", "pixels", "rms", "worst"),
        [(None, 10, 0.22e-2, 0.31e-2), (8, 10, 0.33e-2, 1.18e-2), (8, 4, 1.48e-2, 2.85e-2)],
    )
    def test_error_of_a_real_panel_against_the_continuous_inverse(self, bits, pixels, rms, worst):
        amplitude = np.linspace(0, 1, 2001)
        depth = grating.depth_for_amplitude(amplitude)
        phases = grating.pixel_phases(depth, grating.phase_offset(0.0, depth), pixels)
        if bits is not None:
            phases = grating.quantised_phases(phases, bits)
        error = grating.pixel_order_coefficient(phases) / np.sinc(1 / pixels) - amplitude
        assert np.sqrt(np.mean(np.abs(error) ** 2)) == pytest.approx(rms, abs=0.02e-2)
        assert np.abs(error.real).max() == pytest.approx(worst, abs=0.02e-2)

    @pytest.mark.parametrize(("pixels", "rms", "worst"), [(4, 1.4e-2, 2.3e-2)])
    def test_error_in_modulus_of_quantised_ramps_without_offset(self, pixels, rms, worst):
        amplitude = np.linspace(0, 1, 2001)
        depth = grating.depth_for_amplitude(amplitude)
        from_zero = grating.phase_offset(0.0, 1.0) - np.pi * depth / pixels
        phases = grating.quantised_phases(grating.pixel_phases(depth, from_zero, pixels), 8)
        modulus = np.abs(grating.pixel_order_coefficient(phases)) / np.sinc(1 / pixels)
        assert np.sqrt(np.mean((modulus - amplitude) ** 2)) == pytest.approx(rms, abs=0.05e-2)
        assert np.abs(modulus - amplitude).max() == pytest.approx(worst, abs=0.05e-2)


def test_quantised_phases_are_wrapped_levels_within_half_a_step():
    phases = np.linspace(-20, 20, 4001)
    quantised = grating.quantised_phases(phases, 8)
    step = 2 * np.pi / 256
    codes = quantised / step
    np.testing.assert_allclose(codes, np.rint(codes), atol=1e-9)
    assert codes.min() >= 0
    assert codes.max() < 255.5
    distance = np.angle(np.exp(1j * (quantised - phases)))
    assert np.abs(distance).max() <= step / 2 + 1e-9


def _explicit_orders(phases, linear_fill, gap_field, fine):
    """Orders of a two-dimensional period sampled finely, by FFT: the independent check."""
    count = phases.size
    position = (np.arange(count * fine) + 0.5) / fine
    inside = np.abs(position - np.floor(position) - 0.5) < linear_fill / 2
    across = np.abs((np.arange(fine) + 0.5) / fine - 0.5) < linear_fill / 2
    shown = np.exp(1j * phases)[np.floor(position).astype(int)]
    plane = np.where(np.outer(across, inside), shown, gap_field)
    spectrum = np.fft.fft(plane.mean(axis=0)) / (count * fine)
    shift = np.exp(-1j * np.pi * np.fft.fftfreq(count * fine))
    return spectrum * shift


@pytest.mark.parametrize("gap_field", [0.0, 0.3 - 0.2j])
@pytest.mark.parametrize("order", [-1, 0, 1, 2, 5, 6])
def test_gaps_between_pixels_agree_with_a_finely_sampled_panel(order, gap_field):
    phases = np.random.default_rng(4).uniform(0, 6, 5)
    linear_fill = 0.9
    explicit = _explicit_orders(phases, linear_fill, gap_field, fine=2000)[order]
    found = grating.pixel_order_coefficient(phases, order, linear_fill**2, gap_field)
    np.testing.assert_allclose(found, explicit, atol=2e-6)


def test_unmodulated_power_scales_with_the_fill_factor_squared():
    blank = np.zeros(10)
    power = np.abs(grating.pixel_order_coefficient(blank, 0, fill_factor=0.93)) ** 2
    assert power == pytest.approx(0.93**2)
