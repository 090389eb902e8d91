import numpy as np
import pytest
from scipy.integrate import quad

from sim_backends.optics import slit

TABLE = [
    # s, eta, A, mean intensity, edge field
    (0.1, 0.198, 0.9945, 0.989, 0.984),
    (0.2, 0.383, 0.978, 0.957, 0.935),
    (0.2705, 0.500, 0.9607, 0.924, 0.884),
    (0.4, 0.676, 0.916, 0.845, 0.757),
    (0.5, 0.774, 0.873, 0.774, 0.637),
    (1.0, 0.903, 0.589, 0.451, 0.0),
]


@pytest.mark.parametrize("half_width", [0.01, 0.2705, 0.6, 1.0, 2.3])
def test_closed_forms_are_the_integrals(half_width):
    power, _ = quad(lambda u: np.sinc(u) ** 2, -half_width, half_width)
    field, _ = quad(np.sinc, -half_width, half_width)
    assert slit.power_efficiency(half_width) == pytest.approx(power, abs=1e-12)
    assert slit.mean_accuracy(half_width) == pytest.approx(field / (2 * half_width), abs=1e-12)


@pytest.mark.parametrize(("half_width", "efficiency", "accuracy", "intensity", "edge"), TABLE)
def test_worked_table(half_width, efficiency, accuracy, intensity, edge):
    assert slit.power_efficiency(half_width) == pytest.approx(efficiency, abs=6e-4)
    assert slit.mean_accuracy(half_width) == pytest.approx(accuracy, abs=6e-4)
    assert slit.power_efficiency(half_width) / (2 * half_width) == pytest.approx(
        intensity, abs=6e-4
    )
    assert np.sinc(half_width) == pytest.approx(edge, abs=6e-4)


def test_half_the_power_costs_four_per_cent_of_accuracy_figure_s1():
    half_width = slit.half_width_for_efficiency(0.5)
    assert half_width == pytest.approx(0.2705, abs=1e-4)
    assert abs(slit.mean_accuracy(half_width) - 0.961) < 1e-3


def test_95_per_cent_accuracy_passes_55_per_cent_of_the_power():
    assert slit.mean_accuracy(0.3062) == pytest.approx(0.950, abs=1e-4)
    assert slit.power_efficiency(0.3062) == pytest.approx(0.554, abs=5e-4)


def test_a_closed_slit_is_accurate_and_dark():
    assert slit.mean_accuracy(0.0) == 1.0
    assert slit.power_efficiency(0.0) == 0.0


def test_full_width_for_half_the_power_at_300_mm_and_10_mm():
    assert slit.width_metres(0.5, 780e-9, 0.3, 10e-3) == pytest.approx(23.4e-6, abs=0.05e-6)
    assert slit.width_metres(0.2705, 780e-9, 0.3, 10e-3) == pytest.approx(12.7e-6, abs=0.05e-6)


class TestApodisation:
    def test_is_the_mean_over_the_slit_of_each_columns_wave(self):
        place, half_width, decentring = 0.37, 0.2705, 0.1
        real, _ = quad(
            lambda u: np.cos(2 * np.pi * u * place),
            decentring - half_width,
            decentring + half_width,
        )
        imaginary, _ = quad(
            lambda u: -np.sin(2 * np.pi * u * place),
            decentring - half_width,
            decentring + half_width,
        )
        found = slit.apodisation(place, half_width, decentring)
        assert found == pytest.approx((real + 1j * imaginary) / (2 * half_width), abs=1e-12)

    def test_its_mean_is_the_accuracy(self):
        gains = slit.apodisation(slit.neuron_positions(4000), 0.2705)
        assert gains.mean() == pytest.approx(slit.mean_accuracy(0.2705), abs=1e-7)

    def test_mean_edge_and_spread(self):
        gains = slit.apodisation(slit.neuron_positions(4000), 0.2705).real
        assert gains.mean() == pytest.approx(0.961, abs=5e-4)
        assert gains.min() == pytest.approx(0.884, abs=5e-4)
        assert gains.std() / gains.mean() == pytest.approx(0.036, abs=5e-4)

    def test_a_decentred_slit_turns_the_columns(self):
        gains = slit.apodisation(slit.neuron_positions(4000), 0.2705, 0.1).real
        assert gains.mean() == pytest.approx(0.945, abs=6e-4)
        assert gains.min() == pytest.approx(0.841, abs=5e-4)

    def test_positions_fill_the_aperture_symmetrically(self):
        places = slit.neuron_positions(5)
        np.testing.assert_allclose(places, [-0.4, -0.2, 0.0, 0.2, 0.4], atol=1e-15)


class TestThroughput:
    def test_all_ones_pass_with_the_sinc_efficiency(self):
        found = slit.throughput(np.ones(200), 0.2705)
        assert found == pytest.approx(slit.power_efficiency(0.2705), abs=1e-9)

    def test_is_the_power_of_an_explicit_fourier_transform(self):
        products = np.random.default_rng(7).normal(size=16)
        samples, padding = 64, 400
        aperture = np.repeat(products, samples)
        spectrum = np.fft.fft(aperture, aperture.size * padding) / aperture.size
        place = np.fft.fftfreq(aperture.size * padding, 1 / aperture.size)
        density = np.abs(spectrum) ** 2
        inside = np.abs(place) <= 0.3 + 1e-12
        passed = density[inside].sum() - 0.5 * density[np.isclose(np.abs(place), 0.3)].sum()
        total = np.mean(aperture**2)
        found = slit.throughput(products, 0.3)
        assert found == pytest.approx(passed / padding / total, rel=1e-3)

    def test_a_slit_wide_open_passes_nearly_everything(self):
        assert slit.power_efficiency(200.0) == pytest.approx(1.0, abs=1e-3)

    def test_random_signs_pass_twice_the_half_width_over_their_number(self):
        signs = np.random.default_rng(8).choice([-1.0, 1.0], (20_000, 100))
        mean = slit.throughput(signs, 0.2705).mean()
        expected = slit.random_sign_throughput(0.2705, 100)
        assert mean == pytest.approx(expected, rel=0.02)
        assert expected == pytest.approx(0.0054, abs=5e-5)
        loss = -10 * np.log10(slit.random_sign_throughput(0.2705, 1000))
        assert loss == pytest.approx(33, abs=0.5)

    def test_reading_the_power_instead_of_the_field_costs_twelve_per_cent(self):
        signs = np.random.default_rng(9).choice([-1.0, 1.0], (4000, 200))
        true = np.abs(signs.mean(axis=1))
        read = np.sqrt(slit.throughput(signs, 0.2705) / (2 * 0.2705))
        error = np.sqrt(np.mean((read - true) ** 2) / np.mean(true**2))
        assert error == pytest.approx(0.12, abs=0.01)

    def test_the_flat_mode_takes_a_little_less_than_passes(self):
        half_width = 0.2705
        columns = slit.apodisation(slit.neuron_positions(4000), half_width).real
        coupled = (slit.mode_amplitude(half_width) * columns.mean()) ** 2
        passed = slit.power_efficiency(half_width)
        assert coupled < passed
        assert coupled == pytest.approx(passed, rel=2e-3)
