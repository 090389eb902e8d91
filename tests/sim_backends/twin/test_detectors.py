"""Taps: shot noise against the formula of balanced homodyne, phases, reflections, the digitiser."""

import numpy as np
import pytest

from sim_backends.twin import neuron_plane
from sim_backends.twin.devices import DetectorTruth
from sim_backends.twin.imperfections import Imperfections
from sim_backends.twin.layout import DetectorLayout
from sim_backends.twin.noise import NoiseStream

VOLTS_PER_FIELD = 0.1
SHOTS, CHANNELS = 4000, 5
PLANCK_TIMES_C = 6.62607015e-34 * 299792458.0
QUIET = Imperfections.perfect().taps


def bank_of(photons=1e4, full_scale=10.0, step=0.0, seed=0, **taps):
    layout = DetectorLayout(CHANNELS, VOLTS_PER_FIELD, full_scale, step)
    imperfections = QUIET.model_copy(update=taps)
    return DetectorTruth(layout, imperfections, photons, np.random.default_rng(seed))


def read(bank, light, pump=None, noise=None):
    return neuron_plane.read(light, pump, bank, NoiseStream(1) if noise is None else noise)


def field_of(value, shots=SHOTS):
    light = np.zeros((2, shots, CHANNELS), np.float32)
    light[0], light[1] = np.real(value), np.imag(value)
    return light


def relative_deviation(readings):
    """Return the standard deviation over the mean; its own standard error is half a per cent."""
    return readings.std() / readings.mean()


@pytest.mark.parametrize(
    ("watts", "seconds", "expected"),
    [
        (521e-9, 26e-9, 0.0024),
        (10e-9, 26e-9, 0.0175),
        (1e-9, 26e-9, 0.055),
        (1e-9, 1e-6, 0.009),
    ],
)
def test_shot_noise_is_that_of_the_photons_that_reach_the_tap(watts, seconds, expected):
    # 1 / (2 sqrt(eta n)) with eta = 0.8, all light at the tap and full visibility.
    photons = watts * seconds * 780.241e-9 / PLANCK_TIMES_C
    own = {"shot_noise": True, "tapped": 1.0, "efficiency": 0.8, "visibility": 1.0}
    readings = read(bank_of(photons, **own), field_of(1.0))
    formula = 1 / (2 * np.sqrt(0.8 * photons))
    assert formula == pytest.approx(expected, rel=0.03)
    assert relative_deviation(readings) == pytest.approx(formula, rel=0.025)


def test_losses_in_front_of_the_tap_and_poor_interference_make_it_noisier():
    # sigma_E = 1 / (2 sqrt(eta n) V).
    own = {"shot_noise": True, "tapped": 0.1, "efficiency": 0.5, "visibility": 0.8}
    readings = read(bank_of(1e5, **own), field_of(1.0))
    formula = 1 / (2 * np.sqrt(0.5 * 0.1 * 1e5) * 0.8)
    assert relative_deviation(readings) == pytest.approx(formula, rel=0.025)


def test_shot_noise_is_there_without_signal_and_hardly_grows_with_it():
    # var is proportional to n_LO + n_s: a reference a thousand times the signal of a field of 1.
    bank = bank_of(1e4, shot_noise=True)
    np.testing.assert_allclose(bank.noise_variance[1] / bank.noise_variance[0], 1e-3, rtol=1e-5)
    dark, bright = read(bank, field_of(0.0)), read(bank, field_of(20.0), noise=NoiseStream(2))
    assert bright.var() / dark.var() == pytest.approx(1 + 400e-3, rel=0.05)


@pytest.mark.parametrize("first", ["dark", "bright"])
def test_a_shot_is_as_noisy_as_its_own_light_makes_it_whatever_comes_next_to_it(first):
    # Two shots in a row are made of one pair of deviates: neither may take the other's width.
    bank = bank_of(1e4, shot_noise=True)
    light = field_of(0.0)
    bright = slice(1 if first == "dark" else 0, None, 2)
    dark = slice(0 if first == "dark" else 1, None, 2)
    light[0, bright] = 60.0
    readings = read(bank, light)
    variance, growth = bank.noise_variance.mean(axis=1)
    # 10 000 values each: a standard error of 1.4 % of a variance.
    assert readings[dark].var() == pytest.approx(variance, rel=0.065)
    assert readings[bright].var() == pytest.approx(variance + 3600 * growth, rel=0.065)
    assert readings[bright].var() > 4 * readings[dark].var()


def test_electronic_noise_adds_in_variance_and_stays_without_the_reference():
    bank = bank_of(1e4, shot_noise=True, electronic_noise=1e-3)
    shot = bank_of(1e4, shot_noise=True)
    both, alone = read(bank, field_of(0.0)), read(shot, field_of(0.0))
    assert both.var() == pytest.approx(alone.var() + 1e-6, rel=0.05)
    dark = read(bank.without_reference(), field_of(20.0))
    assert dark.std() == pytest.approx(1e-3, rel=0.025)


@pytest.mark.parametrize("shots", [1, 2, 3, 4, 5, 7])
def test_every_shot_is_as_noisy_as_the_others(cores, shots):
    bank = bank_of(1e4, electronic_noise=1e-3)
    noise = NoiseStream(6)
    dark = np.array([read(bank, field_of(0.0, shots), noise=noise) for _ in range(1_000)])
    allowed = 4.5 / np.sqrt(2 * 1_000 * CHANNELS)
    np.testing.assert_allclose(dark.std(axis=(0, 2)), 1e-3, rtol=allowed)


def test_noise_is_independent_from_shot_to_shot_and_from_channel_to_channel():
    readings = read(bank_of(1e4, shot_noise=True), field_of(0.0))
    allowed = 4.5 / np.sqrt(SHOTS)
    assert np.abs(np.corrcoef(readings.T) - np.eye(CHANNELS)).max() < allowed
    # The two halves of a batch are made of the same pairs of deviates.
    half = SHOTS // 2
    for lag in (1, half):
        one, other = readings[:-lag].ravel(), readings[lag:].ravel()
        assert np.abs(np.corrcoef(one, other)[0, 1]) < 4.5 / np.sqrt(one.size)


@pytest.mark.parametrize("shots", [1, 2, 3, 4, 7])
def test_every_shot_of_an_odd_batch_has_noise_too(shots):
    readings = read(bank_of(1e4, shot_noise=True), field_of(0.0, shots))
    assert (readings != 0).all()
    assert len(np.unique(readings)) == readings.size


def test_the_reference_picks_the_part_of_the_field_in_its_phase():
    bank = bank_of()
    field = 0.3 - 0.8j
    for degrees, expected in ((0, 0.3), (90, -0.8), (180, -0.3), (30, 0.3 * 0.8660254 - 0.8 * 0.5)):
        bank.actuator_radians = np.deg2rad(degrees)
        seen = read(bank, field_of(field, 2))
        # Turning the reference by phi reads Re(E) cos(phi) + Im(E) sin(phi).
        np.testing.assert_allclose(seen, VOLTS_PER_FIELD * expected, atol=1e-7)


def test_phases_of_bank_drift_and_actuator_add_up_to_those_of_single_detectors():
    bank = bank_of(bank_phase=0.2, neuron_phase=0.1, seed=3)
    bank.drift_radians, bank.actuator_radians = 0.3, 0.5
    assert np.abs(bank.neuron_phase).max() > 0.05
    turned = bank.bank_phase + 0.8 + bank.neuron_phase
    np.testing.assert_allclose(
        read(bank, field_of(1.0, 1))[0], VOLTS_PER_FIELD * np.cos(turned), atol=1e-7
    )


def test_light_without_imaginary_part_reads_the_same():
    bank = bank_of(bank_phase=0.4, seed=5)
    light = field_of(0.7, 3)
    np.testing.assert_array_equal(read(bank, light[:1]), read(bank, light))


@pytest.mark.parametrize("parts", [1, 2])
def test_reflected_pump_is_added_with_its_own_phase(parts):
    bank = bank_of(reflection=0.02, bank_phase=0.3, seed=7)
    assert bank.reflects
    pump = field_of(3.0 if parts == 1 else 3.0 - 2.0j, 2)[:parts]
    light = field_of(0.5, 2)
    total = 0.5 + bank.reflection * (pump[0, 0] + 1j * (pump[1, 0] if parts == 2 else 0))
    expected = VOLTS_PER_FIELD * (total * np.exp(-1j * bank.bank_phase)).real
    np.testing.assert_allclose(read(bank, light, pump)[0], expected, atol=1e-7)
    np.testing.assert_allclose(np.abs(bank.reflection), 0.02)


def test_gains_and_offsets_are_drawn_with_their_spread():
    banks = [bank_of(gain_spread=0.05, offset=2e-3, seed=seed) for seed in range(200)]
    gains = np.concatenate([bank.gain for bank in banks]) / VOLTS_PER_FIELD
    offsets = np.concatenate([bank.offset_volts for bank in banks])
    # 1000 values: standard errors of 2.2 % of a spread, and of a thirtieth of it for the mean.
    assert gains.std() == pytest.approx(0.05, rel=0.1)
    assert gains.mean() == pytest.approx(1.0, abs=0.006)
    assert offsets.std() == pytest.approx(2e-3, rel=0.1)
    np.testing.assert_allclose(
        read(banks[0], field_of(2.0, 1))[0], 2 * banks[0].gain + banks[0].offset_volts, rtol=1e-6
    )


class TestDigitiser:
    def test_readings_are_whole_steps_and_end_at_full_scale(self):
        bank = bank_of(full_scale=1.0, step=0.125, quantised=True)
        fields = np.array([0.0, 0.6, 0.65, -3.2, 9.0, 11.0, -500.0], np.float32)
        light = np.zeros((1, len(fields), CHANNELS), np.float32)
        light[0] = fields[:, np.newaxis]
        seen = read(bank, light)[:, 0]
        np.testing.assert_array_equal(seen, [0.0, 0.0, 0.125, -0.375, 0.875, 1.0, -1.0])

    def test_rounding_adds_a_twelfth_of_a_step_squared(self):
        step = 1e-3
        bank = bank_of(step=step, quantised=True)
        fields = np.random.default_rng(0).uniform(-1, 1, (1, SHOTS, CHANNELS)).astype(np.float32)
        error = read(bank, fields) - VOLTS_PER_FIELD * fields[0]
        assert error.var() == pytest.approx(step**2 / 12, rel=0.03)

    def test_noise_comes_before_it(self):
        bank = bank_of(100, full_scale=0.1, step=0.01, quantised=True, shot_noise=True)
        readings = read(bank, field_of(0.9))
        assert readings.max() == pytest.approx(0.1)
        assert readings.std() > 0.01
        np.testing.assert_allclose(readings / 0.01, np.rint(readings / 0.01), atol=1e-4)

    def test_without_steps_nothing_is_rounded_but_it_still_ends(self):
        bank = bank_of(full_scale=0.05, step=0.01, quantised=False)
        np.testing.assert_allclose(read(bank, field_of(0.123, 1)), 0.0123, rtol=1e-6)
        np.testing.assert_allclose(read(bank, field_of(0.9, 1)), 0.05, rtol=1e-6)
