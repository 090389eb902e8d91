"""Twins outside what the fits know: refused, or known less well, never wrong and sure of it."""

import numpy as np
import pytest
from calibrated_twins import calibrated, digits_bench

from protocols.calibration.transmission import (
    fit_transmission,
    transmission_eq4,
    transmission_propagated,
)
from sim_backends import absorption
from sim_backends.twin.devices import AbsorberTruth, ModulatorTruth
from sim_backends.twin.weight_panel import PanelTruth


def test_a_doppler_broadened_medium_is_refused_by_both_models(monkeypatch, tmp_path):
    def broadened(self, light, power, *, saturates):
        if saturates:
            power = power + np.square(light).sum(axis=0)
        return (light * np.exp(-0.5 * self.depth / np.sqrt(1 + power))).astype(np.float32)

    monkeypatch.setattr(AbsorberTruth, "passed", broadened)
    monkeypatch.setattr(AbsorberTruth, "medium_for", lambda *_, probe: None)
    found = calibrated(digits_bench(1), folder=tmp_path)
    medium = found.of("absorber", "first")
    assert "weak and strong light disagree" in medium.refusals[0]
    assert len(medium.refusals) == 2
    # What was measured stands for itself.
    (_, table) = medium.fallbacks[0]
    assert table.model == "empirical"
    assert np.all(np.diff(table.transmission[0]) >= 0)
    scale = float(np.median(found.tables.taps["taps_z"].volts_per_field)) / 0.1
    truth = np.exp(-0.5 * found.twin.stages[0].absorber.depth.mean() / np.sqrt(1 + 9 * scale**2))
    assert np.interp(3.0, table.fields, table.transmission[0]) == pytest.approx(truth, abs=0.05)
    assert (tmp_path / "absorber-first.npz").exists()
    # Nothing else rests on the model.
    assert {one.protocol for one in found.results if not one.accepted} == {"absorber"}


def test_bent_modulators_are_refused_and_with_them_what_rests_on_them(monkeypatch):
    straight = ModulatorTruth.field
    monkeypatch.setattr(
        ModulatorTruth,
        "field",
        lambda self, volts, out: straight(self, (volts + 0.02 * volts**2).astype(np.float32), out),
    )
    found = calibrated(digits_bench(1))
    assert "64 of 64 channels do not fit" in found.of("modulators", "inputs").refusals[0]
    assert "it rests on modulators inputs" in found.of("vector-matrix", "first").refusals[0]
    assert found.tables.weight_banks["first"].provenance.source == "nominal"
    assert found.of("detectors", "taps_z").accepted


def test_a_panel_of_more_regions_than_are_looked_for_is_refused():
    twin = '[twin.panels]\nregions = 5\nregion_spread = "60 %"'
    found = calibrated(digits_bench(1, twin))
    assert "of full scale" in found.of("spatial light modulator", "first").refusals[0]
    assert found.tables.weight_banks["first"].provenance.source == "nominal"


def test_a_kink_in_the_phase_curve_makes_it_less_certain(monkeypatch):
    smooth = PanelTruth.phases_of

    def kinked(self, grey):
        return smooth(self, grey) + 4.0 * np.clip(grey / self.levels - 0.6, 0, 0.1)

    monkeypatch.setattr(PanelTruth, "phases_of", kinked)
    bench = digits_bench(1)
    found = calibrated(bench)
    pulls = found.compared.all_pulls("phase of a level")
    assert np.all(np.abs(pulls) < 3)
    assert found.compared.worst("phase of a level") > 1e-3


def made_up(model, depth, noise=1e-4, seed=0):
    """Readings of one neuron: saturation at 0.1 V, taps 2.5 to 1."""
    generator = np.random.default_rng(seed)
    front = np.concatenate([np.linspace(0.01, 0.4, 32), -np.linspace(0.01, 0.4, 32)])[:, None]
    passed = model(np.abs(front[:, 0]) / 0.1, depth)[:, None]
    behind = 2.5 * front * passed
    clear = 2.5 * front
    return [one + noise * generator.normal(size=one.shape) for one in (front, behind, front, clear)]


@pytest.mark.parametrize("depth", [1.0, 2.0, 5.0, 10.0])
@pytest.mark.parametrize(
    ("fitted", "independent"),
    [
        (transmission_eq4, absorption.transmission_eq4),
        (transmission_propagated, absorption.transmission_propagated),
    ],
)
def test_depth_and_saturation_are_found_of_made_up_readings(fitted, independent, depth):
    pulls = []
    for seed in range(10):
        readings = made_up(independent, depth, seed=seed)
        start = np.array([[1.5 * depth, 0.08, 2.0]])
        noise = np.full(1, 1e-4)
        found = fit_transmission(fitted, *readings, start, noise, noise)
        truth = np.array([depth, 0.1, 2.5])
        assert found.parameters[0] == pytest.approx(truth, rel=0.03)
        pulls.append((found.parameters[0] - truth) / found.sigmas[0])
    assert np.sqrt(np.mean(np.square(pulls))) < 1.5


def test_the_wrong_model_leaves_far_more():
    readings = made_up(absorption.transmission_propagated, 5.0)
    start, noise = np.array([[5.0, 0.1, 2.5]]), np.full(1, 1e-4)
    right = fit_transmission(transmission_propagated, *readings, start, noise, noise)
    wrong = fit_transmission(transmission_eq4, *readings, start, noise, noise)
    assert wrong.reduced_chi_square[0] > 10 * right.reduced_chi_square[0]
