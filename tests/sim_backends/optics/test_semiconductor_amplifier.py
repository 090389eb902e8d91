import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from instruments.errors import SettingsError
from sim_backends.optics import semiconductor_amplifier as amplifier


class TestSaturation:
    @pytest.mark.parametrize(
        ("input_watts", "decibels", "phase"),
        [(1e-6, 29.6, 0.23), (1e-5, 27.5, 1.42), (1e-4, 22.4, 4.35)],
    )
    def test_worked_gain_and_phase_at_30_dB_and_10_mW(self, input_watts, decibels, phase):
        gain = amplifier.power_gain(input_watts, 1000.0, 10e-3)
        assert 10 * np.log10(gain) == pytest.approx(decibels, abs=0.05)
        assert amplifier.gain_phase(gain / 1000.0, 5.0) == pytest.approx(phase, abs=0.006)

    @pytest.mark.parametrize("unsaturated", [0.2, 1.0, 3.0, 1e3, 1e6])
    def test_agrees_with_a_root_finder_over_fifteen_decades_of_input(self, unsaturated):
        power = np.concatenate([[0.0], np.logspace(-12, 3, 31)])

        def root(p):
            span = abs(np.log(unsaturated)) + 1.0
            return np.exp(
                brentq(
                    lambda y: y - np.log(unsaturated) + (np.exp(y) - 1) * p,
                    -span,
                    span,
                    xtol=1e-15,
                    rtol=1e-14,
                )
            )

        found = amplifier.power_gain(power * 7e-3, unsaturated, 7e-3)
        np.testing.assert_allclose(found, [root(p) for p in power], rtol=1e-11)

    def test_agrees_with_power_followed_along_the_waveguide(self):
        log_gain, power = np.log(200.0), 0.02
        path = solve_ivp(
            lambda _, p: log_gain * p / (1 + p), (0, 1), [power], rtol=1e-11, atol=1e-14
        )
        assert amplifier.power_gain(power, 200.0, 1.0) == pytest.approx(
            path.y[0, -1] / power, rel=1e-8
        )

    def test_arguments_broadcast_and_no_input_leaves_the_small_signal_gain(self):
        gain = amplifier.power_gain(np.zeros((3, 1)), np.array([10.0, 100.0]), 1e-3)
        np.testing.assert_array_equal(gain, [[10.0, 100.0]] * 3)

    @settings(max_examples=50, deadline=None)
    @given(st.floats(1.0, 1e4), st.floats(0, 10))
    def test_the_small_signal_gain_for_a_wanted_gain_gives_it_back(self, gain, power):
        if (gain - 1) * power > 600:
            return
        unsaturated = amplifier.small_signal_gain_for(gain, power, 1.0)
        assert amplifier.power_gain(power, unsaturated, 1.0) == pytest.approx(gain, rel=1e-9)

    def test_field_gain_joins_amplitude_and_phase(self):
        power = np.array([0.0, 1e-5, 1e-4])
        field = amplifier.field_gain(power, 1000.0, 10e-3, 5.0)
        np.testing.assert_allclose(np.abs(field) ** 2, amplifier.power_gain(power, 1000.0, 10e-3))
        np.testing.assert_allclose(np.unwrap(np.angle(field)), [0.0, 1.416, 4.355], atol=2e-3)


class TestCurrent:
    def test_is_one_at_transparency_absorbs_below_and_saturates_above(self):
        curve = amplifier.small_signal_gain([20.0, 40.0, 5000.0], 40.0, 60.0, 30.0)
        assert curve[0] < 1
        assert curve[1] == 1.0
        assert curve[2] == pytest.approx(1000.0)

    def test_rises_everywhere(self):
        curve = amplifier.small_signal_gain(np.linspace(0, 500, 501), 40.0, 60.0, 30.0)
        assert np.all(np.diff(curve) > 0)

    def test_the_inverse_gives_the_current_back(self):
        current = np.linspace(0, 300, 61)
        gain = amplifier.small_signal_gain(current, 40.0, 60.0, 30.0)
        found = amplifier.current_for_gain(gain, 40.0, 60.0, 30.0)
        np.testing.assert_allclose(found, current, atol=1e-9)

    def test_no_current_reaches_the_highest_gain(self):
        found = amplifier.current_for_gain([10.0, 1000.0, 2000.0], 40.0, 60.0, 30.0)
        assert np.isfinite(found[0])
        assert np.all(np.isposinf(found[1:]))


class TestSpontaneousEmission:
    def test_eighteen_photons_at_10_dB_are_a_hundredth_of_the_saturation_field(self):
        assert amplifier.spontaneous_photons(10.0, 2.0) == pytest.approx(18.0)
        saturation_photons = 53_650.0
        relative = amplifier.quadrature_noise([10.0, 1000.0], 2.0) / np.sqrt(saturation_photons)
        np.testing.assert_allclose(relative, [0.0130, 0.1365], atol=5e-5)

    def test_quadratures_together_hold_the_photons(self):
        noise = amplifier.quadrature_noise(10.0, 2.0)
        normals = np.random.default_rng(5).standard_normal((2, 200_000))
        field = noise * (normals[0] + 1j * normals[1])
        assert np.mean(np.abs(field) ** 2) == pytest.approx(18.0, rel=0.01)

    def test_full_inversion_is_the_quantum_limit(self):
        gain = np.array([1.0, 2.0, 10.0, 1e3])
        vacuum = 0.25
        # Caves: amplified vacuum, and at least as much again less one vacuum from the inversion.
        leaving = gain * vacuum + (gain - 1) * vacuum
        # The detector's shot noise counts one vacuum already.
        np.testing.assert_allclose(amplifier.quadrature_noise(gain, 1.0) ** 2, leaving - vacuum)

    def test_an_absorber_emits_nothing(self):
        np.testing.assert_array_equal(amplifier.spontaneous_photons([0.3, 1.0], 2.0), [0.0, 0.0])

    def test_refuses_an_amplifier_quieter_than_full_inversion(self):
        with pytest.raises(SettingsError, match="n_sp"):
            amplifier.quadrature_noise(10.0, 0.5)
