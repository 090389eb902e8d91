"""The share of a probe within its pump is found from what both see of the medium.

Other media: ``python -m pytest -m slow tests/protocols/calibration/test_beam_overlap.py``.
"""

import numpy as np
import pytest
from calibrated_twins import calibrated, digits_bench

from protocols.calibration.beam_overlap import BeamOverlap, fit_overlap, report_overlap
from protocols.calibration.results import ProtocolResult

DEPTH = 6.0


def transmission(power):
    return np.exp(-0.5 * DEPTH / (1 + power))


def slope(power):
    return transmission(power) * 0.5 * DEPTH / (1 + power) ** 2


def fitted(overlap, probe, noise, generator):
    pump = np.linspace(0.2, 6.0, 12)[:, np.newaxis] * np.ones(overlap.size)
    seen = overlap * transmission(pump + probe) + (1 - overlap) * transmission(probe)
    seen = seen + noise * generator.normal(size=pump.shape)
    ones = np.ones(overlap.size)
    return fit_overlap(
        seen,
        transmission(pump),
        slope(pump),
        transmission(0) * ones,
        slope(0) * ones,
        np.full(pump.shape, noise),
    )


def test_error_and_uncertainty_agree_with_a_probe_that_bleaches_itself():
    generator = np.random.default_rng(3)
    overlap = generator.uniform(0.8, 1.0, 400)
    found = fitted(overlap, 0.005, 1e-3, generator)
    pulls = (found.overlap - overlap) / found.sigmas
    assert np.sqrt(np.mean(pulls**2)) == pytest.approx(1.0, abs=0.15)
    assert abs(pulls.mean()) < 0.3
    assert np.median(found.probe_power) == pytest.approx(0.005, rel=0.15)


@pytest.mark.parametrize(
    ("overlap", "accepted", "noted"), [(0.99, True, False), (0.9, True, True), (0.6, False, False)]
)
def test_beams_beside_each_other_are_warned_of_and_refused(overlap, accepted, noted):
    result = ProtocolResult("absorber", "first, probe")
    found = BeamOverlap(np.full(8, overlap), np.full(8, 1e-3), np.zeros(8), 1.0)
    report_overlap(result, found, np.arange(8), 1e-4)
    assert result.accepted == accepted
    assert bool(result.notes) == noted
    assert accepted or "steer the backward beam" in result.refusals[0]


@pytest.mark.parametrize(
    ("seed", "model", "depth"),
    [
        (1, "eq4", 10.0),
        pytest.param(2, "propagated", 3.0, marks=pytest.mark.slow),
        pytest.param(3, "eq4", 2.0, marks=pytest.mark.slow),
    ],
)
def test_the_overlap_in_a_twin_is_found_neuron_by_neuron(seed, model, depth):
    overlaps = np.random.default_rng(seed).uniform(0.9, 1.0, 48).astype(np.float32)

    def displace(twin):
        twin.stages[0].absorber.overlap = overlaps

    bench = digits_bench(
        seed, **{"optical_depth = 10.0": f"optical_depth = {depth}", '"eq4"': f'"{model}"'}
    )
    found = calibrated(bench, prepare=displace)
    result = found.of("absorber", "first, probe")
    assert result.accepted
    mean = next(one for one in result.quantities if one.name.startswith("beam overlap, mean"))
    assert mean.sigma < 1e-3
    assert abs(mean.value - overlaps.mean()) < 4 * mean.sigma
    least = next(one for one in result.quantities if one.name.startswith("beam overlap, small"))
    assert abs(least.value - overlaps.min()) < 5 * least.sigma
    assert any("less than 97%" in note for note in result.notes)
