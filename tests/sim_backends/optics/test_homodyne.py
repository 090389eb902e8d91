import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.constants import elementary_charge

from sim_backends.optics import homodyne

WAVELENGTH = 780.241e-9


def _count(field, reference, efficiency, visibility, phase, shots, seed=0):
    """Photoelectrons of the two diodes behind a beam splitter, drawn as Poisson numbers."""
    interference = 2 * visibility * np.sqrt(reference) * (field * np.exp(-1j * phase)).real
    total = reference + abs(field) ** 2
    generator = np.random.default_rng(seed)
    plus = generator.poisson(0.5 * efficiency * (total + interference), shots)
    minus = generator.poisson(0.5 * efficiency * (total - interference), shots)
    return plus - minus


class TestAgainstCountedPhotons:
    field, reference, efficiency, visibility, phase = -7.0, 4000.0, 0.8, 0.9, 0.4

    def test_mean_and_variance_of_the_difference(self):
        counted = _count(
            self.field, self.reference, self.efficiency, self.visibility, self.phase, 200_000
        )
        mean = homodyne.mean_difference(
            self.field, self.reference, self.efficiency, self.visibility, self.phase
        )
        variance = homodyne.difference_variance(self.field**2, self.reference, self.efficiency)
        assert counted.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / 200_000))
        assert counted.var() == pytest.approx(variance, rel=0.015)

    def test_estimate_and_its_noise(self):
        counted = _count(self.field, self.reference, self.efficiency, self.visibility, 0.0, 200_000)
        estimate = homodyne.field_estimate(
            counted, self.reference, self.efficiency, self.visibility
        )
        noise = homodyne.field_noise(
            self.field**2, self.reference, self.efficiency, self.visibility
        )
        assert estimate.mean() == pytest.approx(self.field, abs=4 * noise / np.sqrt(200_000))
        assert estimate.std() == pytest.approx(noise, rel=0.01)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0, 1e4), st.floats(1, 1e8), st.floats(0.1, 1), st.floats(0.1, 1), st.floats(0, 1e4)
)
def test_field_noise_is_the_variance_through_the_estimator(
    signal, reference, efficiency, visibility, electronic
):
    variance = homodyne.difference_variance(signal, reference, efficiency, electronic)
    through = homodyne.field_estimate(np.sqrt(variance), reference, efficiency, visibility)
    direct = homodyne.field_noise(signal, reference, efficiency, visibility, electronic)
    assert direct == pytest.approx(through, rel=1e-12)


def test_a_perfect_detector_leaves_the_vacuum():
    assert homodyne.field_noise(0.0, 1e12, 1.0) == pytest.approx(0.5)


def test_the_phase_turns_the_signal_and_then_its_sign():
    angles = np.array([0.0, np.pi / 3, np.pi / 2, np.pi])
    means = homodyne.mean_difference(3.0, 100.0, 0.5, 1.0, angles)
    np.testing.assert_allclose(means, 30.0 * np.cos(angles), atol=1e-12)


def test_a_field_in_quadrature_is_not_seen():
    assert homodyne.mean_difference(5.0j, 100.0, 0.8) == pytest.approx(0.0, abs=1e-12)


def test_intensity_noise_is_what_the_subtraction_leaves():
    generator = np.random.default_rng(3)
    reference = 1e6 * (1 + 0.01 * generator.standard_normal(400_000))
    residual = 0.05
    plus = 0.5 * (1 + residual) * 0.8 * reference
    minus = 0.5 * (1 - residual) * 0.8 * reference
    excess = homodyne.difference_variance(0.0, 1e6, 0.8, 0.0, 0.01, residual)
    shot = homodyne.difference_variance(0.0, 1e6, 0.8)
    assert (plus - minus).var() == pytest.approx(excess - shot, rel=0.01)


class TestWorkedNumbers:
    @pytest.mark.parametrize(
        ("watts", "seconds", "percent", "rounding"),
        [
            (521e-9, 26e-9, 0.24, 0.005),
            (10e-9, 26e-9, 1.75, 0.005),
            (1e-9, 26e-9, 5.5, 0.05),
            (1e-9, 1e-6, 0.9, 0.05),
        ],
    )
    def test_shot_limited_error(self, watts, seconds, percent, rounding):
        photons = homodyne.photons(watts, seconds, WAVELENGTH)
        error = homodyne.shot_limited_relative_error(photons, 0.8)
        assert 100 * error == pytest.approx(percent, abs=rounding)

    def test_a_nanowatt_detects_82_photons_in_a_lifetime(self):
        assert 0.8 * homodyne.photons(1e-9, 26.2e-9, WAVELENGTH) == pytest.approx(82, abs=0.5)

    def test_clearance_above_a_10_pA_amplifier(self):
        clearance = homodyne.clearance_decibels([1e-3, 100e-6], 0.55, 10e-12)
        np.testing.assert_allclose(clearance, [2.5, -7.5], atol=0.05)

    def test_shot_noise_of_a_milliwatt_is_13_pA_per_root_hertz(self):
        assert np.sqrt(2 * elementary_charge * 0.55e-3) == pytest.approx(13e-12, abs=0.5e-12)


def test_electronic_noise_in_the_window_gives_the_clearance_back():
    window, current = 26e-9, 0.55e-3
    shot_variance = current * window / elementary_charge
    electrons = homodyne.electronic_noise_electrons(10e-12, window)
    ratio = 10 * np.log10(shot_variance / electrons**2)
    assert ratio == pytest.approx(homodyne.clearance_decibels(1e-3, 0.55, 10e-12), abs=1e-9)


def test_photons_are_energy_over_quantum():
    # One joule at 1 um: 5.034e18 photons (h c = 1.98645e-25 J m).
    assert homodyne.photons(1.0, 1.0, 1e-6) == pytest.approx(1e-6 / 1.98644586e-25, rel=1e-8)
