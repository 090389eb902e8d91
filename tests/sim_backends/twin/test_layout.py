"""What the twin is told of a bench file: places, order, nominal properties."""

import pytest
from simulated_bench import HIDDEN, INPUTS, OUTPUTS, bench_file

from sim_backends.simulated.twin_of_bench import main_laser, twin_layout

PHOTON_JOULES = 6.62607015e-34 * 299792458.0 / 780.241e-9


@pytest.fixture(scope="module")
def layout():
    return twin_layout(bench_file())


def test_stages_come_in_the_order_of_the_light_with_their_instruments(layout):
    first, second = layout.stages
    assert (first.inputs, first.outputs) == (INPUTS, HIDDEN)
    assert (second.inputs, second.outputs) == (HIDDEN, OUTPUTS)
    assert (first.source, first.injector, first.absorber) == ("inputs", None, True)
    assert (second.source, second.injector, second.absorber) == (None, "errors", False)
    assert dict(first.taps) == {"z": "z", "a": "a", "delta": "delta", "rho": "rho"}
    assert dict(second.taps) == {"z": "outputs"}


def test_a_block_passes_what_fan_out_fan_in_and_losses_leave(layout):
    # Transmission 50 %: field sqrt(0.5 / (outputs * inputs)).
    assert layout.stages[0].full_scale == pytest.approx((0.5 / 30) ** 0.5)
    assert layout.stages[1].full_scale == pytest.approx((0.5 / 20) ** 0.5)


def test_a_field_of_one_brings_its_photons_in_a_window(layout):
    # 521 nW for 1 us.
    assert layout.photons_per_field == pytest.approx(521e-9 * 1e-6 / PHOTON_JOULES, rel=1e-9)
    assert layout.photons_per_field == pytest.approx(2.046e6, rel=1e-3)
    assert layout.saturation_watts == 521e-9


def test_converters_have_the_steps_of_their_bits(layout):
    # 14 bits: 2 x 5 V and 2 x 2 V over 16384.
    assert layout.modulators["inputs"].step_volts == pytest.approx(10 / 16384)
    assert layout.detectors["z"].step_volts == pytest.approx(4 / 16384)
    assert layout.modulators["errors"].channels == OUTPUTS
    assert layout.detectors["z"].volts_per_field == pytest.approx(0.1)


def test_amplifiers_keep_their_curve(layout):
    one = layout.amplifiers["amplifier_2"]
    assert (one.channels, one.highest_decibels) == (HIDDEN, 30.0)
    assert (one.transparency_amperes, one.scale_amperes) == (20e-3, 60e-3)


def test_shutters_belong_to_their_arms(layout):
    shutters = (layout.pump_shutter, layout.probe_shutter, layout.reference_shutter)
    assert shutters == ("pump_shutter", "probe_shutter", "reference_shutter")


def test_only_instruments_in_the_light_are_in_it(layout):
    assert set(layout.modulators) == {"inputs", "errors"}
    assert set(layout.panels) == {"slm_1", "slm_2"}
    assert set(layout.detectors) == {"z", "a", "delta", "rho", "outputs"}


def test_the_absorber_is_as_its_section_says():
    layout = twin_layout(
        bench_file(absorber={"kind": "gain", "model": "propagated", "optical_depth": 3.0})
    )
    one = layout.absorber
    assert (one.kind, one.model, one.optical_depth) == ("gain", "propagated", 3.0)
    assert one.oven_celsius == 75.0


def test_all_light_comes_from_the_absorbers_laser_or_else_from_the_only_one():
    bench = bench_file()
    assert main_laser(bench) == "laser"
    absorber = bench.absorber.model_copy(update={"laser": None})
    assert main_laser(bench.model_copy(update={"absorber": absorber})) == "laser"
    two = {**bench.instruments, "second_laser": bench.instruments["laser"]}
    both = bench.model_copy(update={"absorber": absorber, "instruments": two})
    assert main_laser(both) is None
