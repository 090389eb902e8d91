"""The power budget against numbers worked out by hand, and against the optics it stands for."""

import cmath

import pytest

from instruments.bench_file.reading import built_in_bench, built_in_text, parse_bench_file
from instruments.calibration.nominal import nominal_tables
from instruments.opening import prepare_instruments
from instruments.power_budget import AmplifierPower, power_budget
from sim_backends.optics import homodyne, semiconductor_amplifier


def budget(file, gains):
    prepared = prepare_instruments(file)
    encoders = nominal_tables(file, prepared).encoders
    return power_budget(file, prepared, encoders, gains)


def amplifier(**changed):
    values = {
        "instrument": "amplifiers",
        "count": 128,
        "is_steady": False,
        "gain_decibels": 30.0,
        "input_watts": 1e-6,
        "output_watts": 1e-3,
        "saturation_watts": 10e-3,
    }
    return AmplifierPower(**(values | changed))


def test_the_built_in_bench_by_hand():
    first, second = budget(built_in_bench("digits"), {"first": 30.0, "second": 20.0})
    assert (first.stage, second.stage) == ("first", "second")
    # Half of the light passes the optics, 1 / (48 * 64) fan-out and fan-in.
    assert first.passive_decibels == pytest.approx(-37.885, abs=1e-3)
    assert second.passive_decibels == pytest.approx(-29.823, abs=1e-3)
    # 64 modulators of field 1.05 at 521 nW share one amplifier.
    assert first.amplifier.input_watts == pytest.approx(36.76e-6, rel=1e-3)
    assert first.amplifier.output_watts == pytest.approx(36.76e-3, rel=1e-3)
    assert first.amplifier.is_steady
    # 48 neurons have one each.
    assert second.amplifier.count == 48
    assert second.amplifier.input_watts == pytest.approx(521e-9)
    assert second.amplifier.output_watts == pytest.approx(52.1e-6)
    assert not second.amplifier.is_steady
    # The weak probe: 0.3 in field, 9 % in power.
    assert first.probe_watts is None
    assert second.probe_watts == pytest.approx(46.89e-9)


def test_photons_of_a_window_and_their_shot_noise():
    text = built_in_text("digits")
    window = next(line for line in text.splitlines() if line.startswith("window ="))
    file = parse_bench_file(text.replace(window, 'window = "1 us"'))
    (first, _) = budget(file, {})
    # 521 nW over 1 us are 521 fJ; a photon of 780.241 nm has 0.25459 aJ.
    assert first.tap_photons == pytest.approx(2.0464e6, rel=1e-4)
    assert first.tap_photons == pytest.approx(float(homodyne.photons(521e-9, 1e-6, 780.241e-9)))
    assert first.shot_noise_field == pytest.approx(3.495e-4, rel=1e-3)


def test_a_microwatt_at_thirty_decibels_is_the_most_that_keeps_its_phase():
    assert not amplifier().turns_signal_into_phase
    stronger = amplifier(input_watts=1.01e-6, output_watts=1.01e-3)
    assert stronger.turns_signal_into_phase
    assert amplifier(output_watts=1.01e-3, saturation_watts=None).turns_signal_into_phase


def test_at_that_loading_the_phase_is_a_quarter_of_a_radian():
    """By the amplifier's own equation, solved independently of the budget."""
    turned = semiconductor_amplifier.field_gain(1e-6, 1000.0, 10e-3, 5.0)
    assert cmath.phase(complex(turned)) == pytest.approx(0.23, abs=0.01)


def test_light_that_does_not_change_gives_no_signal_dependent_phase():
    steady = amplifier(is_steady=True, input_watts=5e-6, output_watts=5e-3)
    assert not steady.turns_signal_into_phase
    assert not steady.lacks_power
    assert amplifier(is_steady=True, output_watts=11e-3).lacks_power


def test_a_stage_without_an_amplifier_has_none():
    file = parse_bench_file(built_in_text("digits").replace('amplifier = "amplifier_2"\n', ""))
    _, second = budget(file, {})
    assert second.amplifier is None
