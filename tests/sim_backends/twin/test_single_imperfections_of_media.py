"""Each imperfection of amplifiers and absorber alone moves the taps as physics says.

A field without a check fails. What a check expects it works out by hand (``light_by_hand``), from
volts, grey levels, amperes and degrees. Hidden values drawn at random are found from what the taps
read and must have the spread asked for.
"""

import light_by_hand as hand
import numpy as np
import pytest
from lit_twin import (
    A_VOLTS,
    DELTA_VOLTS,
    ERROR_FULL,
    EXACT,
    FAR_DETUNED,
    HIDDEN,
    INPUTS,
    LIGHT,
    OUTPUT_VOLTS,
    OUTPUTS,
    PERIOD,
    PHOTONS,
    SATURATION_WATTS,
    SECOND_PASSIVE,
    Checks,
    amplify,
    complex_z,
    has_spread,
    lit,
    show,
    volts_for,
    z_at,
)

CHECKS = Checks("amplifiers", "absorber")


@pytest.mark.parametrize("field", CHECKS.fields)
def test_each_imperfection_alone_moves_the_taps_by_what_physics_says(field):
    CHECKS.run(field)


# Amplifiers -----------------------------------------------------------------------------------


def amplified(twin, fields, gain):
    """Return light behind each amplifier of the second stage over that in front of it."""
    amplify(twin, "amplifier_2", gain)
    twin.set_laser(enabled=True, detuning_hertz=FAR_DETUNED)
    only_first = np.zeros((OUTPUTS, HIDDEN))
    only_first[0] = 1
    show(twin, "slm_2", only_first)
    # One neuron shines after the other, all blocks of the first output are open.
    shots = np.zeros((HIDDEN, INPUTS))
    shots[:, :HIDDEN] = np.diag(fields)
    front = np.diag(z_at(twin, volts_for(shots), "taps_a", A_VOLTS))
    behind = complex_z(twin, volts_for(shots), "outputs", OUTPUT_VOLTS)[:, 0]
    return behind / (SECOND_PASSIVE * front)


@CHECKS.shows("amplifiers.gain_spread")
def amplifiers_of_an_array_differ():
    found = []
    for seed in range(4):
        twin = lit("amplifiers", seed, gain_spread=0.05)
        gains = amplified(twin, np.full(HIDDEN, 0.5), 300.0)
        np.testing.assert_allclose(gains.imag, 0, atol=1e-4)
        found.append(gains.real / np.sqrt(300.0) - 1)
    has_spread(found, 0.05)
    # So do the single ones in front of all modulators, from bench to bench.
    single = [z_at(lit("amplifiers", one, gain_spread=0.05), LIGHT)[0] / 0.8 for one in range(60)]
    np.testing.assert_allclose(np.std(single, axis=1), 0, atol=EXACT)
    has_spread(np.mean(single, axis=1) - 1, 0.05)


def saturated(watts, **own):
    """Return measured field gains at 48 input fields, and those worked out by hand."""
    fields = np.linspace(0.02, 1.0, HIDDEN)
    twin = lit("amplifiers", saturates=True, saturation_power=f"{watts} W", **own)
    measured = amplified(twin, fields, 300.0)
    gain = hand.saturated_gain(300.0, fields**2 * SATURATION_WATTS / watts)
    return measured, gain


@CHECKS.shows("amplifiers.saturates")
def strong_light_finds_less_gain():
    measured, gain = saturated(1e-3)
    assert 255 < gain.min() < 270
    np.testing.assert_allclose(measured, np.sqrt(gain), rtol=1e-5)


@CHECKS.shows("amplifiers.saturation_power")
def it_is_the_power_of_saturation_that_counts():
    for watts, lowest in ((10e-3, 290), (0.5e-3, 210)):
        measured, gain = saturated(watts)
        assert lowest < gain.min() < lowest + 30
        np.testing.assert_allclose(measured, np.sqrt(gain), rtol=1e-5)


@CHECKS.shows("amplifiers.linewidth_enhancement")
def saturation_turns_the_phase():
    measured, gain = saturated(1e-3, linewidth_enhancement=5.0)
    phase = -5.0 / 2 * np.log(gain / 300.0)
    assert phase.max() > 0.3
    np.testing.assert_allclose(measured, np.sqrt(gain) * np.exp(1j * phase), rtol=1e-5)


@CHECKS.shows("amplifiers.inversion_factor")
def amplifiers_add_spontaneous_emission():
    shots, gain, factor = 2000, 1000.0, 2.0
    twin = lit("amplifiers", inversion_factor=factor)
    amplify(twin, "amplifier_2", gain)
    twin.set_laser(enabled=True, detuning_hertz=FAR_DETUNED)
    # Every output is open to four amplifiers of its own.
    blocks = np.zeros((OUTPUTS, HIDDEN))
    for output in range(OUTPUTS):
        blocks[output, 4 * output : 4 * output + 4] = 1
    show(twin, "slm_2", blocks)
    read = complex_z(twin, volts_for(np.full((shots, INPUTS), 0.3)), "outputs", OUTPUT_VOLTS)
    emitted = factor * (gain - 1) / 2 / PHOTONS
    for part, mean in ((read.real, 4 * 0.3 * np.sqrt(gain)), (read.imag, 0.0)):
        light = part / SECOND_PASSIVE
        np.testing.assert_allclose(light.mean(axis=0), mean, atol=1e-3 * np.sqrt(gain))
        noise = light - light.mean(axis=0)
        assert noise.std() == pytest.approx(np.sqrt(4 * emitted), rel=4 / np.sqrt(2 * noise.size))
        correlation = np.corrcoef(noise.T) - np.eye(OUTPUTS)
        assert np.abs(correlation).max() < 5 / np.sqrt(shots)


# Absorber -------------------------------------------------------------------------------------


def optical_depths(twin, field=0.6):
    """Return the optical depth in front of every neuron, from what passes."""
    inputs = volts_for(np.full((1, INPUTS), field))
    z, a = z_at(twin, inputs)[0], z_at(twin, inputs, "taps_a", A_VOLTS)[0]
    return -2 * (1 + z**2) * np.log(a / z)


@CHECKS.shows("absorber.depth_error")
def the_cell_absorbs_more_or_less_than_nominal():
    found = []
    for seed in range(60):
        twin = lit("absorber", seed, depth_error=0.05)
        depths = optical_depths(twin)
        np.testing.assert_allclose(depths, depths[0], rtol=1e-4)
        np.testing.assert_allclose(optical_depths(twin, 1.0), depths[0], rtol=1e-4)
        found.append(depths.mean() / 10 - 1)
    has_spread(found, 0.05)


@CHECKS.shows("absorber.depth_spread")
def beams_meet_unequal_depths():
    found = []
    for seed in range(4):
        twin = lit("absorber", seed, depth_spread=0.01)
        depths = optical_depths(twin)
        np.testing.assert_allclose(optical_depths(twin, 0.95), depths, rtol=1e-4)
        found.append(depths / 10 - 1)
    has_spread(found, 0.01)


@CHECKS.shows("absorber.probe_displacement")
def a_probe_beside_its_pump_sees_less_of_the_bleaching():
    generator = np.random.default_rng(6)
    fields, errors = generator.random((32, INPUTS)), generator.uniform(-0.3, 0.3, (32, OUTPUTS))
    blocks = generator.random((OUTPUTS, HIDDEN))
    weights = 2 * hand.first_order(hand.straight, blocks, 0 * blocks, PERIOD).real
    pump, arriving = fields[:, :HIDDEN] ** 2, errors @ weights
    places = (np.arange(200) + 0.5) / 200 * 8 - 4
    across, down = np.meshgrid(places, places)
    displaced = []
    for seed in range(30):
        twin = lit(
            "absorber",
            seed,
            probe_displacement=0.2,
            settings=(("taps_delta", (("full_scale", "10 V"),)),),
        )
        overlap = twin.stages[0].absorber.overlap[0].astype(float)
        displaced.append(np.sqrt(-np.log(overlap)))
        if seed > 1:
            continue
        # Two Gaussian modes of waist 1 that far apart, their product summed over a plane.
        apart = np.exp(-(across**2) - down**2 - (across - displaced[-1]) ** 2 - down**2)
        alike = np.exp(-2 * across**2 - 2 * down**2)
        assert (apart.sum() / alike.sum()) ** 2 == pytest.approx(overlap, rel=1e-3)
        show(twin, "slm_2", blocks)
        amplify(twin, "amplifier_2", 4 * SECOND_PASSIVE**-2)
        twin.drive("errors", volts_for(errors, ERROR_FULL))
        read = z_at(twin, volts_for(fields), "taps_delta", DELTA_VOLTS)
        within, beside = hand.absorber_transmission(pump, 10), hand.absorber_transmission(0, 10)
        seen = overlap * within + (1 - overlap) * beside
        np.testing.assert_allclose(read, seen * arriving, atol=EXACT)
    # Of two directions each.
    assert np.mean(np.square(displaced)) == pytest.approx(2 * 0.2**2, rel=0.6)


@CHECKS.shows("absorber.finite_probe")
def a_probe_saturates_the_medium_too():
    generator = np.random.default_rng(6)
    fields, errors = generator.random((32, INPUTS)), generator.uniform(-0.3, 0.3, (32, OUTPUTS))
    blocks = generator.random((OUTPUTS, HIDDEN))
    read = {}
    for finite in (False, True):
        wide = (("taps_delta", (("full_scale", "10 V"),)),)
        twin = lit("absorber", finite_probe=finite, settings=wide)
        show(twin, "slm_2", blocks)
        amplify(twin, "amplifier_2", 4 * SECOND_PASSIVE**-2)
        twin.drive("errors", volts_for(errors, ERROR_FULL))
        read[finite] = z_at(twin, volts_for(fields), "taps_delta", DELTA_VOLTS)
    weights = 2 * hand.first_order(hand.straight, blocks, 0 * blocks, PERIOD)
    arriving = errors @ weights
    pump, probe = fields[:, :HIDDEN] ** 2, np.abs(arriving) ** 2
    assert probe.max() > 0.3
    assert np.abs(read[True] / read[False] - 1).max() > 0.5
    weak = hand.absorber_transmission(pump, 10) * arriving.real
    strong = hand.absorber_transmission(pump + probe, 10) * arriving.real
    np.testing.assert_allclose(read[False], weak, atol=EXACT)
    np.testing.assert_allclose(read[True], strong, atol=EXACT)
