"""Simulated amplifiers: gain against current, saturation, ramps."""

import numpy as np
import pytest
from simulated_bench import HIDDEN, INPUTS, OUTPUTS, simulated_bench, volts_for

FIELD_WATTS = 521e-9


def lit(**changes):
    bench = simulated_bench(**changes)
    bench.switch_on()
    for panel, shape in (("slm_1", (HIDDEN, INPUTS)), ("slm_2", (OUTPUTS, HIDDEN))):
        bench.show(panel, np.ones(shape, np.float32), np.zeros(shape, np.float32))
    return bench


def power_behind(bench, amperes, field=0.01):
    """Return the power of the first output behind the first stage's weights."""
    bench["amplifier_1"].set_currents_amperes(np.array([amperes]))
    bench.expose(volts_for(np.full((1, INPUTS), field)))
    return float(np.square(bench.twin.stages[0].z[:, 0, 0]).sum())


def decibels(ratio):
    return 10 * np.log10(ratio)


def test_the_gain_in_decibels_approaches_its_highest_value_exponentially():
    bench = lit()
    at_transparency = power_behind(bench, 20e-3)
    expected = {0.0: -11.868, 20e-3: 0.0, 80e-3: 18.964, 140e-3: 25.940, 200e-3: 28.506}
    for amperes, gain in expected.items():
        seen = decibels(power_behind(bench, amperes) / at_transparency)
        assert seen == pytest.approx(gain, abs=2e-3)


def test_disabled_it_blocks_the_light():
    bench = lit()
    at_transparency = power_behind(bench, 20e-3)
    bench["amplifier_1"].set_enabled(False)
    assert decibels(power_behind(bench, 20e-3) / at_transparency) < -39


@pytest.mark.parametrize("microwatts", [0.1, 1.0, 6.0])
def test_an_amplifier_of_a_neuron_saturates_with_the_neurons_own_power(microwatts):
    # ln(G / G0) = -(G - 1) P / P_sat, with 30 dB and 1 mW; only the first neuron is looked at.
    twin = {
        "amplifiers": {"saturates": True, "saturation_power": "1 mW", "linewidth_enhancement": 5.0}
    }
    bench = lit(
        twin=twin,
        settings={"amplifier_2": {"highest_gain": "30 dB", "scale_current": "1 mA"}},
    )
    bench["laser"].set_detuning_hertz(5e9)
    bench["amplifier_1"].set_currents_amperes(np.array([0.2]))
    depth = np.zeros((OUTPUTS, HIDDEN), np.float32)
    depth[:, 0] = 1
    bench.show("slm_2", depth, 0 * depth)
    bench.expose(volts_for(np.ones((1, INPUTS))))
    most = bench.twin.stages[0].a[0, 0, 0]
    field = np.sqrt(microwatts * 1e-6 / FIELD_WATTS)
    bench.expose(volts_for(np.full((1, INPUTS), field / most)))
    first, second = bench.twin.stages
    arriving = first.a[0, 0, 0] + 1j * first.a[1, 0, 0]
    leaving = (second.z[0, 0, 0] + 1j * second.z[1, 0, 0]) / np.sqrt(0.5 / (OUTPUTS * HIDDEN))
    watts = abs(arriving) ** 2 * FIELD_WATTS
    assert watts == pytest.approx(microwatts * 1e-6, rel=1e-3)
    gain = abs(leaving / arriving) ** 2
    assert gain < 990
    assert np.log(gain / 1000) == pytest.approx(-(gain - 1) * watts / 1e-3, rel=2e-3)
    # The phase follows the lost gain: -(5 / 2) ln(G / G0).
    turned = np.angle(leaving / arriving * np.exp(2.5j * np.log(gain / 1000)))
    assert turned == pytest.approx(0.0, abs=3e-3)


def test_spontaneous_emission_is_half_a_photon_a_quadrature_and_unit_of_gain_and_inversion():
    # n_sp (G - 1) photons in both quadratures together; 1 us of 521 nW at 780 nm are 2.05e6.
    bench = lit(
        twin={"amplifiers": {"inversion_factor": 2.0}},
        settings={"amplifier_2": {"highest_gain": "30 dB", "scale_current": "1 mA"}},
    )
    depth = np.zeros((OUTPUTS, HIDDEN), np.float32)
    depth[:, 0] = 1
    bench.show("slm_2", depth, 0 * depth)
    shots = 4000
    bench.expose(np.zeros((shots, INPUTS)))
    light = bench.twin.stages[1].z[:, :, 0] / np.sqrt(0.5 / (OUTPUTS * HIDDEN))
    photons = 521e-9 * 1e-6 * 780.241e-9 / (6.62607015e-34 * 299792458.0)
    expected = 2 * 999 / 2 / photons
    # The variance of a variance of 4000 values: a standard error of 2.2 %.
    for quadrature in light:
        assert np.var(quadrature) == pytest.approx(expected, rel=0.09)


def test_ramps_take_the_twins_time():
    bench = lit()
    amplifier, clock = bench["amplifier_1"], bench.twin.clock
    amplifier.set_currents_amperes(np.array([0.05]))
    before = clock.now()
    amplifier.set_currents_amperes(np.array([0.15]))
    assert clock.now() - before == pytest.approx(0.1 / amplifier.ramp_amperes_per_second)
    before = clock.now()
    amplifier.make_safe()
    assert clock.now() - before == pytest.approx(0.15 / amplifier.ramp_amperes_per_second)
