"""Probe and pump see the same medium, told from the taps alone."""

from pathlib import Path

import numpy as np
import pytest
from benches_to_check import INPUTS, LABELS, LOSS, digits_text, opened

from instruments.bench_file.reading import built_in_bench, read_bench_file
from instruments.bench_opening import open_bench
from instruments.unit_ports import UnitPorts
from protocols.health.tap_only import check_ports, tap_only_checks, why_not
from sim_backends.absorption import transmission_eq4


def ports(seed=0, probe_depth=10.0, noise=0.0, scale=1.0):
    """Fields at 40 neurons, of a probe that sees a medium of another depth if told so."""
    generator = np.random.default_rng(seed)
    z = generator.normal(0, 1.5, (64, 40))
    entering = generator.normal(0, 0.1, z.shape)
    fields = (
        z,
        z * transmission_eq4(z, 10.0),
        entering,
        scale * entering * transmission_eq4(z, probe_depth),
    )
    return UnitPorts(
        0, *(one + noise * one.std() * generator.standard_normal(one.shape) for one in fields)
    )


def errors_of(bench):
    return LOSS(bench.forward(INPUTS).output, LABELS).errors


def test_without_noise_the_slope_is_one():
    found = check_ports(ports())
    np.testing.assert_allclose(found.slopes, 1)
    assert found.change == pytest.approx(1)
    assert found.sound


def test_scales_of_taps_show_in_the_slope_and_not_in_its_change():
    found = check_ports(ports(scale=1.1))
    assert found.mean_slope == pytest.approx(1.1)
    assert found.change == pytest.approx(1)


def test_the_scatter_of_slopes_is_what_it_says():
    found = [check_ports(ports(seed, noise=0.01)) for seed in range(20)]
    pulls = np.concatenate([(one.slopes - 1) / one.sigmas for one in found])
    assert 0.7 < np.sqrt(np.mean(pulls**2)) < 1.4
    assert all(one.sound for one in found)


@pytest.mark.parametrize("depth", [5.0, 20.0])
def test_a_probe_that_sees_another_medium_is_found_and_detuning_named(depth):
    found = check_ports(ports(probe_depth=depth, noise=0.02))
    assert not found.sound
    assert "off line centre" in found.sentence()


def test_dark_neurons_say_nothing():
    one = ports()
    dark = UnitPorts(0, one.z, one.a, 0 * one.entering, 0 * one.leaving)
    assert np.isnan(check_ports(dark).slopes).all()
    assert check_ports(dark).wrong.size == 0


def test_a_cascade_with_all_ports_passes_and_a_probe_that_is_absorbed_otherwise_does_not():
    with opened(digits_text(rho=True)) as (bench, twin):
        assert why_not(bench.file) == ""
        (sound,) = tap_only_checks(bench, INPUTS, errors_of(bench))
        assert sound.sound
        assert sound.layer == 1
        medium = twin.stages[0].absorber
        passed = medium.passed

        def detuned(light, power, *, saturates):
            """The probe finds a third of the atoms, the pump all of them."""
            medium.set_depth_factor(0.33 if saturates else 1.0)
            return passed(light, power, saturates=saturates)

        medium.passed = detuned
        medium.medium_for = lambda power, *, probe: None
        (wrong,) = tap_only_checks(bench, INPUTS, errors_of(bench))
    assert not wrong.sound


def test_what_a_bench_lacks_is_named():
    lacking = why_not(built_in_bench("digits"))
    assert lacking.endswith("not in the file: stages.second.taps.rho")


def test_a_stage_in_turn_has_all_ports_and_passes():
    file = read_bench_file(Path(__file__).parents[3] / "examples/benches/mnist_14x14.toml")
    assert why_not(file) == ""
    generator = np.random.default_rng(0)
    with open_bench(file) as bench:
        bench.write(
            [
                generator.normal(0, 0.05, (layer.outputs, layer.inputs)).astype(np.float32)
                for layer in bench.layers
            ]
        )
        inputs = generator.uniform(0, 1, (32, 196)).astype(np.float32)
        errors = generator.normal(0, 1, (32, 10)).astype(np.float32)
        (found,) = tap_only_checks(bench, inputs, errors)
    assert found.mean_slope == pytest.approx(1, abs=0.1)
