"""Detectors in the dark and in light, against the noise and the ranges they were given."""

import numpy as np
import pytest
from calibrated_twins import calibrated, digits_bench

from sim_backends.twin.readout import Digitiser

ALL_BUT_PANELS = ["detectors", "registration", "modulators"]
NOISY = """
[twin.taps]
tapped = 1e-5
electronic_noise = "0.1 mV"
gain_spread = 0.0
"""
"""So little light at the taps that its photons are seen."""


def quantity(found, target, name):
    result = found.of("detectors", target)
    return next(one for one in result.quantities if one.name.startswith(name))


@pytest.fixture(scope="module")
def noisy():
    return calibrated(digits_bench(3, NOISY), only=ALL_BUT_PANELS)


@pytest.mark.parametrize("bank", ["taps_z", "taps_a"])
def test_the_variance_grows_with_the_power_as_photons_make_it(noisy, bank):
    truth = noisy.twin.detectors[bank]
    slope = float(np.mean(truth.noise_variance[1] / truth.gain**2))
    found = quantity(noisy, f"{bank}, in light", "noise power a unit of light")
    # A tap's volts a field are those of the data sheet so far: 5 % of spread, squared.
    assert found.value == pytest.approx(slope, rel=0.15, abs=3 * found.sigma)
    if bank == "taps_z":
        # Behind, twice as many volts a field reach the edge at a quarter of the power.
        assert slope > 4 * found.sigma


def test_the_reference_s_shot_noise_is_told_from_the_electronics(noisy):
    truth = noisy.twin.detectors["taps_z"]
    added = float(np.mean(truth.noise_variance[0] - truth.dark_variance[0]))
    found = quantity(noisy, "taps_z", "shot noise of the reference, variance")
    assert abs(found.value - added) < 4 * found.sigma
    assert found.sigma < 0.05 * added
    clearance = quantity(noisy, "taps_z", "shot noise above the electronics'")
    # The converter's steps are electronics too: a twelfth of their square.
    step = truth.digitiser.step
    floor = float(np.mean(truth.dark_variance[0])) + step**2 / 12
    assert clearance.value == pytest.approx(10 * np.log10(added / floor), abs=0.5)


def test_the_edge_of_the_range_is_found_where_light_reaches_it(noisy):
    edge = quantity(noisy, "taps_z, in light", "saturation, mean")
    assert edge.value == pytest.approx(1, abs=3 * edge.sigma)
    assert edge.sigma < 1e-4
    assert noisy.of("detectors", "taps_z, in light").accepted


def test_a_range_that_ends_before_the_stated_one_is_refused():
    def shorten(twin):
        truth = twin.detectors["taps_z"]
        truth.digitiser = Digitiser(0.7, truth.digitiser.step)

    found = calibrated(digits_bench(3), only=ALL_BUT_PANELS, prepare=shorten)
    refusals = found.of("detectors", "taps_z, in light").refusals
    assert "readings end at 0.7 V, the bench file says 1 V" in refusals[0]


def test_detectors_that_the_reference_moves_are_named():
    def prepare(twin):
        seen = twin.expose

        def expose(shots, banks):
            volts = seen(shots, banks)
            if "taps_a" in volts and twin._is_open(twin.layout.reference_shutter):
                volts["taps_a"][:, 9] += np.float32(0.05)
            return volts

        twin.expose = expose

    found = calibrated(digits_bench(3), only=["detectors"], prepare=prepare)
    notes = "; ".join(found.of("detectors", "taps_a").notes)
    assert "not balanced, the reference alone moves them: 9" in notes
    assert "not balanced" not in "; ".join(found.of("detectors", "taps_z").notes)
