import numpy as np
import pytest
from scipy.integrate import dblquad, quad

from sim_backends.optics import atomic_vapour as vapour

MEGAHERTZ = 2 * np.pi * 1e6
PAPER_INTENSITY = 16.6  # W/m^2 = uW/mm^2, as printed


class TestSaturation:
    def test_cross_section(self):
        assert vapour.resonant_cross_section() == pytest.approx(2.907e-13, abs=5e-17)

    def test_intensity_with_the_measured_and_with_the_paper_linewidth(self):
        assert vapour.saturation_intensity() == pytest.approx(16.69, abs=0.005)
        with_6_megahertz = vapour.saturation_intensity(780e-9, 6 * MEGAHERTZ)
        assert with_6_megahertz == pytest.approx(16.53, abs=0.005)
        assert vapour.saturation_intensity() == pytest.approx(PAPER_INTENSITY, abs=0.15)

    def test_power_in_both_conventions(self):
        assert vapour.saturation_power(100e-6, PAPER_INTENSITY) == pytest.approx(521e-9, abs=1e-9)
        assert vapour.peak_saturation_power(100e-6, PAPER_INTENSITY) == pytest.approx(
            261e-9, abs=1e-9
        )

    def test_peak_convention_is_the_integral_of_the_gaussian(self):
        waist = 100e-6
        power, _ = quad(
            lambda r: 2 * np.pi * r * 16.6 * np.exp(-2 * (r / waist) ** 2), 0, 10 * waist
        )
        assert vapour.peak_saturation_power(waist, 16.6) == pytest.approx(power, rel=1e-9)

    def test_a_layer_of_a_thousand_takes_522_microwatts_and_14_picojoules(self):
        layer = 1000 * vapour.saturation_power(100e-6, PAPER_INTENSITY)
        energy = layer * vapour.lifetime_seconds()
        assert layer == pytest.approx(522e-6, abs=1e-6)
        assert energy == pytest.approx(13.7e-12, abs=0.05e-12)
        assert energy / 1000**2 == pytest.approx(0.0137e-15, abs=5e-20)

    def test_rayleigh_length_and_lifetime(self):
        assert vapour.rayleigh_length(100e-6) == pytest.approx(40.3e-3, abs=0.05e-3)
        assert vapour.lifetime_seconds() == pytest.approx(26.2e-9, abs=0.05e-9)

    def test_populations_follow_faster_when_driven(self):
        np.testing.assert_allclose(
            vapour.response_seconds([0.0, 1.0, 9.0]) / vapour.lifetime_seconds(), [1, 0.5, 0.1]
        )


class TestWeakProbe:
    @pytest.mark.parametrize("optical_depth", [1.0, 10.0, 30.0])
    def test_a_hundredth_of_error_in_the_worst_case(self, optical_depth):
        probe = vapour.weak_probe_intensity(optical_depth, 0.01)
        pump = np.linspace(0, 30, 301)
        change = 0.5 * optical_depth * (1 / (1 + pump) - 1 / (1 + pump + probe))
        assert np.argmax(change) == 0
        assert np.expm1(change[0]) == pytest.approx(0.01, rel=0.025)

    def test_depth_ten_allows_a_nanowatt(self):
        probe = vapour.weak_probe_intensity(10.0, 0.01)
        assert probe == pytest.approx(2e-3)
        power = probe * vapour.saturation_power(100e-6, PAPER_INTENSITY)
        assert power == pytest.approx(1e-9, rel=0.05)


class TestDetuning:
    def test_half_width_halves_the_depth_and_doubles_the_saturation_intensity(self):
        half = vapour.LINEWIDTH_RADIANS_PER_SECOND / 2
        np.testing.assert_allclose(vapour.detuned_optical_depth(10.0, [-half, 0, half]), [5, 10, 5])
        assert vapour.detuned_saturation_intensity(16.7, half) == pytest.approx(33.4)

    def test_total_absorption_is_that_of_the_line(self):
        width = vapour.LINEWIDTH_RADIANS_PER_SECOND
        area, _ = quad(lambda x: vapour.detuned_optical_depth(1.0, x * width), -np.inf, np.inf)
        assert area == pytest.approx(np.pi / 2)

    @pytest.mark.parametrize("detuning", [-2.0, -0.4, 0.0, 0.7, 3.0])
    def test_phase_follows_from_the_absorption_by_kramers_and_kronig(self, detuning):
        width = vapour.LINEWIDTH_RADIANS_PER_SECOND

        def half_depth(x):
            return 0.5 * vapour.detuned_optical_depth(10.0, x * width)

        near, _ = quad(half_depth, -60, 60, weight="cauchy", wvar=detuning, limit=400)
        far = sum(
            quad(lambda x: half_depth(x) / (x - detuning), *ends)[0]
            for ends in [(-np.inf, -60), (60, np.inf)]
        )
        phase = vapour.detuned_phase(10.0, detuning * width)
        assert phase == pytest.approx((near + far) / np.pi, abs=1e-7)


class TestTemperature:
    def test_vapour_pressure_at_298_K_is_steck_s(self):
        torr = vapour.vapour_pressure_pascals(298 - 273.15) / (101325 / 760)
        assert torr == pytest.approx(3.92e-7, abs=0.005e-7)

    @pytest.mark.parametrize(("kelvin", "pascals"), [(434, 1.0), (486, 10.0), (552, 100.0)])
    def test_vapour_pressure_over_the_liquid_meets_the_tables(self, kelvin, pascals):
        found = vapour.vapour_pressure_pascals(kelvin - 273.15)
        assert found == pytest.approx(pascals, rel=0.03)

    def test_the_branches_meet_within_their_uncertainty(self):
        below, above = vapour.vapour_pressure_pascals([39.299, 39.301])
        assert above == pytest.approx(below, rel=0.05)
        assert above > below

    def test_speeds_and_doppler_widths(self):
        np.testing.assert_allclose(vapour.most_probable_speed([22, 80]), [238, 260], atol=0.5)
        np.testing.assert_allclose(vapour.doppler_width_hertz([22, 80]) / 1e6, [507, 555], atol=0.5)

    def test_atoms_cross_half_a_wavelength_many_times_in_a_lifetime(self):
        path = vapour.most_probable_speed(50.0) * vapour.lifetime_seconds()
        assert path == pytest.approx(6.5e-6, abs=0.1e-6)

    @pytest.mark.parametrize("celsius", [22.0, 80.0])
    def test_doppler_reduction_is_the_line_averaged_over_velocities(self, celsius):
        speed = vapour.most_probable_speed(celsius)
        shift = 2 * np.pi * speed / vapour.WAVELENGTH_METRES

        def weighted(x):
            return np.exp(-(x**2)) * vapour.detuned_optical_depth(1.0, x * shift)

        mean, _ = quad(weighted, -8, 8, points=[-0.05, 0.0, 0.05], limit=400)
        assert vapour.doppler_reduction(celsius) == pytest.approx(mean / np.sqrt(np.pi), rel=1e-8)

    def test_two_level_depths_of_a_25_mm_cell(self):
        depth = vapour.two_level_optical_depth([22, 40, 50, 70], 25e-3)
        np.testing.assert_allclose(depth, [1.19, 7.43, 17.8, 87.1], rtol=5e-3)

    def test_depth_is_the_reference_at_the_reference_and_rises_everywhere(self):
        celsius = np.linspace(20, 120, 1001)
        depth = vapour.optical_depth_at(celsius, 75.0, 10.0)
        assert vapour.optical_depth_at(75.0, 75.0, 10.0) == pytest.approx(10.0)
        assert np.all(np.diff(depth) > 0)

    def test_a_degree_is_worth_seven_per_cent_at_75_degrees(self):
        # d ln P / dT = ln(10) 4040 / T^2, less 1/T of the ideal gas and 1/(2 T) of the speed.
        slope = np.log(vapour.optical_depth_at(75.5, 75.0, 1.0)) / 0.5
        kelvin = 348.4
        assert slope == pytest.approx(np.log(10) * 4040 / kelvin**2 - 1.5 / kelvin, rel=2e-3)
        assert slope == pytest.approx(0.072, abs=0.001)


class TestNeighbours:
    def test_worked_overlaps_at_two_and_three_waists(self):
        waist = 100e-6
        pitch = np.array([2.0, 3.0]) * waist
        np.testing.assert_allclose(vapour.field_overlap(pitch, waist), [0.135, 0.011], atol=5e-4)
        np.testing.assert_allclose(
            vapour.cross_saturation(pitch, waist), [0.018, 1.2e-4], rtol=0.03
        )

    @pytest.mark.parametrize("pitch", [1.0, 2.0])
    def test_overlaps_are_integrals_over_two_gaussian_beams(self, pitch):
        def field(x, y):
            return np.exp(-(x**2) - y**2)

        def overlap(power):
            both = dblquad(lambda y, x: (field(x, y) * field(x - pitch, y)) ** power, -5, 7, -5, 5)[
                0
            ]
            own = dblquad(lambda y, x: field(x, y) ** (2 * power), -5, 5, -5, 5)[0]
            return both / own

        assert vapour.field_overlap(pitch, 1.0) == pytest.approx(overlap(1), rel=1e-6)
        assert vapour.cross_saturation(pitch, 1.0) == pytest.approx(overlap(2), rel=1e-6)
