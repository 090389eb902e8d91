import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.errors import SettingsError
from sim_backends.optics import micromirrors as mirrors


@pytest.mark.parametrize(("side", "levels"), [(4, 17), (6, 37), (10, 101)])
def test_a_block_has_one_level_more_than_mirrors(side, levels):
    counts = mirrors.mirrors_on(np.linspace(0, 1, 10_001), side)
    assert np.unique(counts).size == levels
    assert counts.min() == 0
    assert counts.max() == side**2


def test_ten_by_ten_is_worth_six_and_two_thirds_bits():
    assert np.log2(101) == pytest.approx(6.66, abs=0.005)


@pytest.mark.parametrize(("side", "percent"), [(10, 0.29), (6, 0.80), (4, 1.80)])
def test_rms_error_is_that_of_evenly_spread_amplitudes(side, percent):
    amplitude = (np.arange(200_000) + 0.5) / 200_000
    shown = mirrors.block_amplitude(mirrors.mirrors_on(amplitude, side), side)
    measured = np.sqrt(np.mean((shown - amplitude) ** 2))
    assert mirrors.rms_amplitude_error(side) == pytest.approx(measured, rel=1e-3)
    assert 100 * measured == pytest.approx(percent, abs=0.006)


def test_every_count_comes_back():
    counts = np.arange(65)
    np.testing.assert_array_equal(mirrors.mirrors_on(mirrors.block_amplitude(counts, 8), 8), counts)


@pytest.mark.parametrize("wrong", [-0.2, 1.5, np.nan])
def test_refuses_what_a_block_cannot_show(wrong):
    with pytest.raises(SettingsError, match="mirror-block amplitude"):
        mirrors.mirrors_on(wrong, 10)


@settings(max_examples=50, deadline=None)
@given(st.floats(-1, 1), st.integers(2, 16))
def test_dual_rail_gives_the_signed_value_to_half_a_mirror_with_one_rail_dark(value, side):
    positive, negative = mirrors.dual_rail(value, side)
    assert positive == 0 or negative == 0
    back = mirrors.dual_rail_amplitude(positive, negative, side)
    assert abs(back - value) <= 0.5 / side**2 + 1e-12


class TestLeeHologram:
    @pytest.mark.parametrize("duty", [0.0, 0.2, 0.5, 0.8])
    @pytest.mark.parametrize("shift", [-0.3, 0.0, 0.41])
    def test_is_the_first_order_of_explicit_stripes(self, duty, shift):
        samples = 100_000
        place = (np.arange(samples) + 0.5) / samples
        distance = np.abs((place + shift + 0.5) % 1 - 0.5)
        stripes = distance < duty / 2
        expected = np.mean(stripes * np.exp(-2j * np.pi * place))
        np.testing.assert_allclose(mirrors.lee_first_order(duty, shift), expected, atol=3e-5)

    def test_gives_a_tenth_of_the_power_at_most(self):
        power = np.abs(mirrors.lee_first_order(np.linspace(0, 1, 1001), 0.0)) ** 2
        assert power.max() == pytest.approx(1 / np.pi**2)
        assert power.max() == pytest.approx(0.101, abs=5e-4)
        assert np.argmax(power) == 500

    def test_signed_and_complex_fields_come_back(self):
        generator = np.random.default_rng(0)
        modulus, phase = generator.random(200), generator.uniform(-np.pi, np.pi, 200)
        wanted = np.concatenate([modulus * np.exp(1j * phase), [-1.0, 0.0, 0.5, -0.25]])
        found = np.pi * mirrors.lee_first_order(*mirrors.lee_stripes(wanted))
        np.testing.assert_allclose(found, wanted, atol=1e-12)

    def test_refuses_more_than_full_scale(self):
        with pytest.raises(SettingsError, match="Lee-hologram amplitude"):
            mirrors.lee_stripes(1.2j)
