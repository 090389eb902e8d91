"""Modulators, amplifiers and the absorber as they are, against numbers worked out by hand."""

import numpy as np
import pytest
from scipy.optimize import brentq

from sim_backends.twin.devices import AbsorberTruth, AmplifierTruth, ModulatorTruth
from sim_backends.twin.imperfections import Imperfections
from sim_backends.twin.layout import AbsorberLayout, AmplifierLayout, ModulatorLayout
from sim_backends.twin.light_loops import amplify_rows, gain_rows
from sim_backends.twin.noise import NoiseStream

PERFECT = Imperfections.perfect()


def modulators(count=4, seed=0, step=0.0, **own):
    imperfections = PERFECT.modulators.model_copy(update=own)
    layout = ModulatorLayout(count, 4.0, 0.9, step)
    return ModulatorTruth(layout, imperfections, np.random.default_rng(seed))


@pytest.mark.usefixtures("cores")
class TestModulators:
    def test_nominal_ones_follow_the_sine_of_their_voltage(self):
        volts = np.float32([[0.0, 4.0, -4.0, 4 / 3], [8.0, 2.0, 12.0, -8 / 3]])
        expected = 0.9 * np.array([[0, 1, -1, 0.5], [0, 0.70710678, -1, -0.8660254]])
        np.testing.assert_allclose(modulators().field(volts), expected, atol=1e-6)

    def test_real_ones_differ_in_half_wave_voltage_bias_and_leakage(self):
        truth = modulators(2000, half_wave_spread=0.02, bias_spread=0.05, leakage=0.03)
        # 2000 values: a standard error of 1.6 % of each spread.
        assert (truth.half_wave_volts / 4.0).std() == pytest.approx(0.02, rel=0.07)
        assert truth.bias_radians.std() == pytest.approx(0.05, rel=0.07)
        np.testing.assert_allclose(np.abs(truth.leakage), 0.03, rtol=1e-6)
        assert abs(np.sign(truth.leakage).mean()) < 0.1
        volts = np.full((1, 2000), 1.5, np.float32)
        angle = np.pi * 1.5 / (2 * truth.half_wave_volts) + truth.bias_radians
        expected = 0.9 * (np.sin(angle) + truth.leakage)
        np.testing.assert_allclose(truth.field(volts)[0], expected, atol=1e-6)

    def test_a_converter_rounds_halves_away_from_no_step(self):
        truth = modulators(4, step=0.5, quantised=True)
        shown = (
            2 / np.pi * 4.0 * np.arcsin(truth.field(np.float32([[0.2, 0.3, 0.7, -0.8]]))[0] / 0.9)
        )
        np.testing.assert_allclose(shown, [0.0, 0.5, 0.5, -1.0], atol=1e-5)

    def test_the_bias_wanders_to_its_rms_and_back_to_its_own_mean(self):
        truth = modulators(3000, bias_drift=0.01, bias_drift_time=600.0, bias_spread=0.2)
        own = truth.bias_radians.copy()
        generator = np.random.default_rng(1)
        truth.drift(300.0, generator)
        first = truth.drift_radians.copy()
        # An Ornstein-Uhlenbeck process: rms (1 - exp(-2 t / tau))^(1/2), here 0.795 of 10 mrad.
        assert first.std() == pytest.approx(7.95e-3, rel=0.06)
        truth.drift(600.0, generator)
        assert np.corrcoef(first, truth.drift_radians)[0, 1] == pytest.approx(0.306, abs=0.07)
        truth.drift(1e6, generator)
        assert truth.drift_radians.std() == pytest.approx(0.01, rel=0.06)
        np.testing.assert_array_equal(truth.bias_radians, own)


def amplifiers(decibels=30.0, channels=1, photons=1e6, watts=10e-6, seed=0, **own):
    """Amplifiers at a current at which the gain is its highest; field 1 is 10 uW."""
    imperfections = PERFECT.amplifiers.model_copy(update=own)
    layout = AmplifierLayout(channels, 20e-3, 1e-3, decibels)
    truth = AmplifierTruth(layout, imperfections, photons, watts, np.random.default_rng(seed))
    truth.set_current(0.2, enabled=True)
    return truth


def gain_of(truth, power, channels=1):
    field = np.full((1, 1, channels), np.sqrt(power), np.float32)
    real, imaginary = gains_left_by(truth, field)
    return (real + 1j * imaginary)[0]


def gains_left_by(truth, pump):
    """Return the field gains ``[2, B, n]`` that light in front of amplifiers leaves of them."""
    gains = np.empty((2, *pump.shape[1:]), np.float32)
    gain_rows(0, pump.shape[1], pump, *truth.curves[:4], gains)
    return gains


def amplified(truth, light, gains, noise):
    behind = np.empty_like(gains)
    taken = noise.take(gains[0].size)
    amplify_rows(0, light.shape[1], light, gains, truth.curves.widths, *taken, behind)
    return behind


class TestAmplifiers:
    @pytest.mark.parametrize(
        ("microwatts", "decibels", "radians"),
        [(1, 29.6, 0.23), (10, 27.5, 1.42), (100, 22.4, 4.35)],
    )
    def test_thirty_decibels_saturate_as_published(self, microwatts, decibels, radians):
        # Agrawal and Olsson: 30 dB, 10 mW, linewidth enhancement 5.
        truth = amplifiers(saturates=True, saturation_power=10e-3, linewidth_enhancement=5.0)
        gain = gain_of(truth, microwatts / 10)[0]
        assert 20 * np.log10(abs(gain)) == pytest.approx(decibels, abs=0.06)
        turned = np.angle(gain * np.exp(-1j * radians))
        assert turned == pytest.approx(0.0, abs=0.01)

    @pytest.mark.parametrize(("decibels", "accuracy"), [(20, 2e-6), (30, 2e-6), (40, 1e-3)])
    def test_the_fitted_curve_is_the_solution_of_the_saturation_equation(self, decibels, accuracy):
        truth = amplifiers(
            decibels, watts=521e-9, saturates=True, saturation_power=10e-3, linewidth_enhancement=5
        )
        unsaturated = 10 ** (decibels / 10)
        for power in (1e-4, 0.01, 0.1, 1.0, 4.0, 15.9):
            share = power * 521e-9 / 10e-3
            gain = brentq(
                lambda g, p=share: np.log(g / unsaturated) + (g - 1) * p, 1, unsaturated, xtol=1e-10
            )
            expected = np.sqrt(gain) * np.exp(-2.5j * np.log(gain / unsaturated))
            seen = gain_of(truth, power)[0]
            assert abs(seen - expected) < accuracy * np.sqrt(unsaturated)

    def test_without_saturation_the_gain_is_the_same_for_all_powers(self):
        truth = amplifiers(saturates=False)
        for power in (0.0, 1.0, 10.0):
            assert gain_of(truth, power)[0] == pytest.approx(np.sqrt(1000), rel=1e-5)

    def test_backward_light_finds_the_gain_that_the_pump_leaves(self):
        truth = amplifiers(saturates=True)
        gains = gains_left_by(truth, np.full((1, 1, 1), 3.0, np.float32))
        probe = np.full((2, 1, 1), 1e-3, np.float32)
        out = amplified(truth, probe, gains, NoiseStream(1))
        left = gain_of(truth, 9.0)[0]
        expected = left * (1e-3 + 1e-3j)
        assert out[0, 0, 0] + 1j * out[1, 0, 0] == pytest.approx(expected, rel=1e-5)
        assert abs(left) < 0.8 * abs(gain_of(truth, 0.0)[0])

    @pytest.mark.parametrize("inversion", [1.0, 2.0])
    def test_spontaneous_emission_is_shared_by_both_quadratures(self, inversion):
        # n_sp (G - 1) photons a mode; 53 650 photons at a field of 1 and a gain of 10.
        truth = amplifiers(10.0, photons=53_650, channels=100, inversion_factor=inversion)
        nothing = np.zeros((2, 400, 100), np.float32)
        light = amplified(truth, nothing, gains_left_by(truth, nothing), NoiseStream(2))
        # 40 000 pairs: a standard error of 0.7 % of either part.
        for quadrature in light:
            photons = 53_650 * np.square(quadrature).mean()
            assert photons == pytest.approx(4.5 * inversion, rel=0.03)
        assert np.abs(np.corrcoef(light[0].ravel(), light[1].ravel())[0, 1]) < 0.02

    def test_each_channel_has_its_own_current_and_its_own_spread(self):
        truth = amplifiers(channels=3, gain_spread=0.06, seed=4)
        truth.set_current([0.02, 0.0207, 0.2], enabled=True)
        # 30 dB (1 - exp(-0.7)) = 15.1 dB.
        expected = truth.spread * np.array([1.0, 10 ** (15.102 / 20), 10**1.5])
        np.testing.assert_allclose(np.abs(gain_of(truth, 0.0, 3)), expected, rtol=1e-3)
        assert np.abs(truth.spread - 1).max() > 0.01

    def test_switched_off_it_leaves_a_ten_thousandth_and_adds_no_noise(self):
        truth = amplifiers(inversion_factor=2.0)
        assert truth.curves.widths.size
        truth.set_current(0.2, enabled=False)
        assert abs(gain_of(truth, 0.0)[0]) ** 2 == pytest.approx(1e-4)
        assert not truth.curves.widths.size

    def test_no_current_at_all_is_no_darker_than_being_off(self):
        truth = amplifiers()
        truth.set_current(0.0, enabled=True)
        assert abs(gain_of(truth, 0.0)[0]) ** 2 == pytest.approx(1e-4)


def absorber(kind="absorber", model="eq4", depth=10.0, neurons=3, seed=1, **own):
    imperfections = PERFECT.absorber.model_copy(update=own)
    layout = AbsorberLayout(kind, model, depth)
    return AbsorberTruth(
        layout, neurons, imperfections, 1.0, np.random.default_rng(0), np.random.default_rng(seed)
    )


def transmissions(truth, *fields):
    light = np.zeros((1, len(fields), 3), np.float32)
    light[0] = np.array(fields)[:, np.newaxis]
    passed = truth.passed(light, np.square(light[0]), saturates=False)
    return (passed / light)[0, :, 0]


class TestAbsorber:
    @pytest.mark.parametrize(
        ("model", "expected"), [("eq4", [0.082, 0.368, 0.607]), ("propagated", [0.011, 0.05, 0.35])]
    )
    def test_fields_of_one_two_and_three_pass_an_optical_depth_of_ten_as_known(
        self, model, expected
    ):
        seen = transmissions(absorber(model=model), 1.0, 2.0, 3.0)
        np.testing.assert_allclose(seen, expected, atol=6e-4)

    def test_weak_light_loses_half_the_optical_depth_of_field(self):
        for model in ("eq4", "propagated"):
            seen = transmissions(absorber(model=model), 1e-3)
            assert seen[0] == pytest.approx(np.exp(-5), rel=2e-5)

    def test_a_medium_with_gain_amplifies(self):
        weak = transmissions(absorber("gain", depth=3.0), 1e-3)[0]
        assert weak == pytest.approx(np.exp(1.5), rel=1e-5)
        # Eq. 4 with the sign turned: exp(+(g0 / 2) / (1 + 1)).
        assert transmissions(absorber("gain", depth=3.0), 1.0)[0] == pytest.approx(np.exp(0.75))

    @pytest.mark.parametrize("model", ["eq4", "propagated"])
    def test_a_probe_of_finite_power_bleaches_its_own_way(self, model):
        truth = absorber(model=model)
        pump = np.full((1, 3), 4.0, np.float32)
        probe = np.zeros((2, 1, 3), np.float32)
        probe[0], probe[1] = 0.6, 0.8
        weak = truth.passed(probe, pump, saturates=False)
        strong = truth.passed(probe, pump, saturates=True)
        alone = transmissions(truth, 2.0, np.sqrt(5.0))
        np.testing.assert_allclose(weak[0] / 0.6, alone[0], rtol=1e-5)
        np.testing.assert_allclose(strong[1] / 0.8, alone[1], rtol=1e-5)

    def test_a_probe_that_is_steered_beside_its_pump_sees_the_medium_unbleached(self):
        truth = absorber()
        pump, probe = np.full((1, 3), 4.0, np.float32), np.ones((1, 1, 3), np.float32)
        bleached, dark = transmissions(truth, 2.0, 1e-3)
        np.testing.assert_allclose(truth.probed(probe, pump)[0, 0], bleached, rtol=1e-5)
        overlap = np.float32([1.0, 0.75, 0.0])
        truth.overlap = overlap
        expected = overlap * bleached + (1 - overlap) * dark
        np.testing.assert_allclose(truth.probed(probe, pump)[0, 0], expected, rtol=1e-5)

    @pytest.mark.parametrize("model", ["eq4", "propagated"])
    def test_a_probe_beside_its_pump_bleaches_its_own_way_on_either_side(self, model):
        truth = absorber(model=model, finite_probe=True)
        overlap = np.float32([0.9, 0.5, 0.1])
        truth.overlap = overlap
        pump = np.full((1, 3), 4.0, np.float32)
        probe = np.zeros((2, 1, 3), np.float32)
        probe[0], probe[1] = 1.2, 1.6
        # A probe of power 4 meets a power of 8 within the pump, and its own 4 beside it.
        within, beside = transmissions(truth, np.sqrt(8.0), 2.0)
        expected = overlap * within + (1 - overlap) * beside
        behind = truth.probed(probe, pump)
        np.testing.assert_allclose(behind[0, 0] / 1.2, expected, rtol=1e-5)
        np.testing.assert_allclose(behind[1, 0] / 1.6, expected, rtol=1e-5)

    def test_probes_displaced_in_two_directions_share_what_the_modes_of_both_beams_do(self):
        # exp(-d^2 / w^2), with half a waist rms in each direction: the exponent is 2 / 4 on
        # average and spreads as much, so that of 1000 benches is known to 3 %.
        shares = [
            absorber(neurons=2, probe_displacement=0.5, seed=seed).overlap for seed in range(1000)
        ]
        assert -np.log(shares).mean() == pytest.approx(0.5, rel=0.13)
        # A stage's probes are steered together.
        np.testing.assert_array_equal(np.ptp(shares, axis=1), 0)

    def test_heat_and_detuning_scale_the_optical_depth(self):
        truth = absorber()
        truth.set_depth_factor(0.3)
        assert transmissions(truth, 1e-3)[0] == pytest.approx(np.exp(-1.5), rel=1e-5)

    def test_an_error_of_the_whole_and_a_spread_over_the_beams(self):
        truth = absorber(neurons=4000, depth_error=0.05, depth_spread=0.01)
        # 4000 values: a standard error of 1.1 % of the spread.
        assert truth.depth.mean() == pytest.approx(10.5, rel=1e-3)
        assert (truth.depth / 10.5).std() == pytest.approx(0.01, rel=0.05)
