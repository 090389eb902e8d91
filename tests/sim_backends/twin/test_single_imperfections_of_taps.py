"""Each imperfection of the taps alone moves their readings as physics says.

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
    DETECTOR_STEP,
    EXACT,
    FAR_DETUNED,
    FIELDS,
    FULL,
    HIDDEN,
    INPUTS,
    LIGHT,
    PHOTONS,
    QUARTER,
    STRONG,
    Z_VOLTS,
    Checks,
    complex_z,
    has_spread,
    lit,
    volts_for,
    z_at,
)

CHECKS = Checks("taps")


@pytest.mark.parametrize("field", CHECKS.fields)
def test_each_imperfection_alone_moves_the_taps_by_what_physics_says(field):
    CHECKS.run(field)


def test_there_are_checks_for_every_section():
    assert list(FIELDS) == [
        *("modulators", "mirrors", "panels", "path", "amplifiers", "absorber", "taps"),
        "cameras",
    ]
    assert sum(map(len, FIELDS.values())) > 30


@CHECKS.shows("taps.gain_spread")
def detectors_are_unequally_sensitive():
    found = []
    for seed in range(4):
        twin = lit("taps", seed, gain_spread=0.05)
        gains = z_at(twin, LIGHT)[0] / 0.8
        np.testing.assert_allclose(z_at(twin, -LIGHT)[0], -0.8 * gains, atol=EXACT)
        found.append(gains - 1)
    has_spread(found, 0.05)


@CHECKS.shows("taps.offset")
def detectors_read_volts_without_light():
    found = []
    for seed in range(4):
        twin = lit("taps", seed, offset="2 mV")
        twin.set_shutter("pump_shutter", False)
        offset = z_at(twin, LIGHT)[0] * Z_VOLTS
        twin.set_shutter("pump_shutter", True)
        np.testing.assert_allclose(z_at(twin, LIGHT)[0] - 0.8, offset / Z_VOLTS, atol=EXACT)
        found.append(offset)
    has_spread(found, 2e-3)


def phases(twin, bank="taps_z", per_field=Z_VOLTS):
    """Return the phase of each detector's reference, from light in both quadratures."""
    twin.set_laser(enabled=True, detuning_hertz=FAR_DETUNED)
    read = complex_z(twin, LIGHT, bank, per_field)[0]
    np.testing.assert_allclose(np.abs(read), 0.8, atol=1e-5)
    return -np.angle(read)


@CHECKS.shows("taps.bank_phase")
def the_reference_of_a_bank_is_out_of_phase():
    found = []
    for seed in range(30):
        twin = lit("taps", seed, bank_phase="0.1 rad")
        for bank, per_field in (("taps_z", Z_VOLTS), ("taps_a", A_VOLTS)):
            phase = phases(twin, bank, per_field)
            np.testing.assert_allclose(phase, phase[0], atol=1e-5)
            read = z_at(twin, LIGHT, bank, per_field)[0]
            np.testing.assert_allclose(read, 0.8 * np.cos(phase), atol=1e-5)
            found.append(phase[0])
    has_spread(found, 0.1)


@CHECKS.shows("taps.neuron_phase")
def references_differ_within_a_bank():
    found = []
    for seed in range(4):
        twin = lit("taps", seed, neuron_phase="0.03 rad")
        phase = phases(twin)
        np.testing.assert_allclose(z_at(twin, LIGHT)[0], 0.8 * np.cos(phase), atol=1e-5)
        found.append(phase)
    has_spread(found, 0.03)


def wandering_phases(lag_seconds, count=250, **own):
    """Return pairs of the phases of two banks that long apart, the pairs independent."""
    twin = lit("taps", phase_drift="0.03 rad", **own)
    twin.set_laser(enabled=True, detuning_hertz=FAR_DETUNED)
    twin.drive("inputs", LIGHT)
    twin.set_reference_phase("taps_z", QUARTER)
    twin.set_reference_phase("taps_a", QUARTER)
    pairs = []
    for _ in range(count):
        pair = []
        for wait in (1e4, lag_seconds):
            twin.clock.wait(wait)
            volts = twin.expose(1, ["taps_z", "taps_a"])
            reads = [volts["taps_z"][0, 0] / Z_VOLTS, volts["taps_a"][0, 0] / A_VOLTS]
            pair.append(-np.arcsin(np.array(reads) / 0.8))
        pairs.append(pair)
    return np.transpose(pairs, (1, 0, 2)).reshape(2, -1)


@CHECKS.shows("taps.phase_drift")
def phases_wander():
    has_spread(wandering_phases(1e4), 0.03)


@CHECKS.shows("taps.phase_drift_time")
def phases_remember_where_they_were():
    first, second = wandering_phases(10.0, phase_drift_time="20 s")
    kept = (first * second).sum() / (first**2).sum()
    assert kept == pytest.approx(np.exp(-0.5), abs=4 * np.sqrt(1 - np.exp(-1)) / np.sqrt(500))
    near, next_to_it = wandering_phases(0.02, phase_drift_time="20 s")
    moved = (next_to_it - near).std()
    assert moved == pytest.approx(0.03 * np.sqrt(2 * 1e-3), rel=4 / np.sqrt(1000) + 0.01)


def noise_at(field, shots=1000, settings=(), full=FULL, per_field=Z_VOLTS, **own):
    """Return the rms of readings of a field, in fields; the same in each shot and detector."""
    twin = lit("taps", settings=settings, **own)
    read = z_at(
        twin, np.tile(volts_for(np.full(INPUTS, field), full), (shots, 1)), "taps_z", per_field
    )
    noise = read - read.mean(axis=0)
    assert np.abs(read.mean(axis=0) - field).max() < 6 * noise.std() / np.sqrt(shots)
    assert np.abs(np.corrcoef(noise.T) - np.eye(HIDDEN)).max() < 6 / np.sqrt(shots)
    return noise.std()


def shot_limit(field, tapped=0.1, efficiency=0.8, visibility=0.95):
    """Return the rms by hand; the reference is a thousand times the signal of a field of 1."""
    quanta = tapped * PHOTONS
    rms = hand.homodyne_noise(field**2 * quanta, 1e3 * quanta, efficiency, visibility)
    return pytest.approx(rms / np.sqrt(quanta), rel=4 / np.sqrt(2 * 1000 * HIDDEN))


@CHECKS.shows("taps.shot_noise")
def light_comes_in_photons():
    assert noise_at(0.0, shot_noise=True) == shot_limit(0.0)
    wide = (*STRONG, ("taps_z", (("full_scale", "10 V"),)))
    assert noise_at(20.0, settings=wide, full=25.0, shot_noise=True) == shot_limit(20.0)


@CHECKS.shows("taps.tapped")
def a_smaller_share_tapped_is_noisier():
    assert noise_at(0.5, shot_noise=True, tapped=0.02) == shot_limit(0.5, tapped=0.02)


@CHECKS.shows("taps.efficiency")
def photons_that_are_lost_make_noise():
    assert noise_at(0.5, shot_noise=True, efficiency=0.3) == shot_limit(0.5, efficiency=0.3)


@CHECKS.shows("taps.visibility")
def poor_interference_makes_noise():
    assert noise_at(0.5, shot_noise=True, visibility=0.4) == shot_limit(0.5, visibility=0.4)


@CHECKS.shows("taps.electronic_noise")
def detectors_have_noise_of_their_own():
    expected = pytest.approx(0.2e-3 / Z_VOLTS, rel=4 / np.sqrt(2 * 1000 * HIDDEN))
    assert noise_at(0.0, electronic_noise="0.2 mV") == expected
    assert noise_at(0.9, electronic_noise="0.2 mV") == expected
    twin = lit("taps", electronic_noise="0.2 mV")
    twin.set_shutter("reference_shutter", False)
    assert z_at(twin, np.tile(LIGHT, (1000, 1))).std() == expected


@CHECKS.shows("taps.reflection")
def pump_is_reflected_into_the_backward_taps():
    twin = lit("taps", reflection=0.01)
    seen = complex_z(twin, LIGHT, "taps_delta", DELTA_VOLTS)[0]
    np.testing.assert_allclose(np.abs(seen), 0.01 * 0.8, atol=1e-7)
    # Of any phase, and in proportion to the pump.
    assert abs(np.exp(1j * np.angle(seen)).mean()) < 4 / np.sqrt(HIDDEN)
    fields = np.random.default_rng(7).uniform(-1, 1, (20, INPUTS))
    read = z_at(twin, volts_for(fields), "taps_delta", DELTA_VOLTS)
    np.testing.assert_allclose(read, fields[:, :HIDDEN] / 0.8 * seen.real, atol=1e-7)
    # The forward taps see none of it, and errors are added to it.
    np.testing.assert_allclose(z_at(twin, LIGHT)[0], 0.8, atol=EXACT)


@CHECKS.shows("taps.reflection_drift")
def reflections_wander_about_what_they_are():
    twin = lit("taps", reflection=0.01, reflection_drift=0.5, phase_drift_time="20 s")
    seen = []
    for _ in range(100):
        # Long enough to forget, then half a correlation time.
        for wait in (1e4, 10.0):
            twin.clock.wait(wait)
            seen.append(np.abs(complex_z(twin, LIGHT, "taps_delta", DELTA_VOLTS)[0]) / 0.8)
    first, second = np.array(seen).reshape(100, 2, HIDDEN).transpose(1, 0, 2)
    # Of a wander of half itself hardly any reflection turns over, which would hide its sign.
    for moment in (first, second):
        assert moment.mean() == pytest.approx(0.01, rel=0.03)
        assert moment.std() == pytest.approx(0.005, rel=0.06)
    together = np.mean((first - 0.01) * (second - 0.01)) / 0.005**2
    assert together == pytest.approx(np.exp(-0.5), abs=0.06)


@CHECKS.shows("taps.quantised")
def readings_come_in_steps_and_end_at_full_scale():
    twin = lit("taps", quantised=True)
    fields = np.random.default_rng(8).uniform(-1, 1, (200, INPUTS))
    volts = z_at(twin, volts_for(fields)) * Z_VOLTS
    steps = volts / DETECTOR_STEP
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    missed = volts - Z_VOLTS * fields[:, :HIDDEN]
    assert np.abs(missed).max() <= 0.51 * DETECTOR_STEP
    assert missed.std() == pytest.approx(DETECTOR_STEP / np.sqrt(12), rel=0.03)
    # A field of 20 would read 2 V.
    twin = lit("taps", settings=STRONG, quantised=True)
    for sign in (-1, 1):
        volts = z_at(twin, sign * volts_for(np.full((1, INPUTS), 20.0), 25.0))[0] * Z_VOLTS
        np.testing.assert_allclose(volts, sign * 1.0, rtol=1e-7)
