"""Light goes back the way it came: backwards every stage is its own transpose, phases included."""

import light_by_hand as hand
import numpy as np
import pytest
from simulated_bench import (
    INPUTS,
    OUTPUTS,
    PANEL_8_BIT,
    VOLTS_PER_FIELD,
    simulated_bench,
    volts_for,
)

SHOTS = 12
AMPERES = 0.06
# Optics that are far from real-valued; detectors that read what there is.
DISTORTED = {
    "panels": {"quantised": True, "stroke_spread": 0.1, "bow": "0.5 rad", "cross_talk": 0.02},
    "path": {"slit_half_width": 0.2705, "neuron_spread": 0.05, "loss_spread": 0.05},
    "amplifiers": {"saturates": True, "saturation_power": "0.1 mW", "linewidth_enhancement": 5.0},
    "absorber": {"finite_probe": True},
}


@pytest.fixture
def bench():
    made = simulated_bench(twin=DISTORTED, settings={"slm_1": PANEL_8_BIT, "slm_2": PANEL_8_BIT})
    made.switch_on(AMPERES)
    made.show_random(3)
    return made


def complex_fields(bench, inputs, errors=None):
    """Read both quadratures of every bank, in saturation fields."""
    read = []
    for turn in (0.0, np.pi / 2):
        for bank in bench.twin.detectors:
            bench.twin.set_reference_phase(bank, turn)
        driven = None if errors is None else volts_for(errors)
        read.append(bench.expose(volts_for(inputs), driven))
    return {
        bank: (read[0][bank] + 1j * read[1][bank]).astype(complex) / VOLTS_PER_FIELD
        for bank in read[0]
    }


def test_the_weights_of_the_way_back_are_those_of_the_way_forward_transposed(bench):
    # Forward the light passes the amplifier in front of the modulators, backwards it does not.
    carrier = np.sqrt(hand.power_ratio(hand.gain_decibels(AMPERES, 30.0, 0.02, 0.06)))
    forward = complex_fields(bench, np.eye(INPUTS), np.zeros((INPUTS, OUTPUTS)))["z"].T / carrier
    assert np.abs(forward.imag).max() > 0.3 * np.abs(forward).max()

    generator = np.random.default_rng(5)
    inputs = generator.uniform(-1, 1, (SHOTS, INPUTS))
    errors = generator.uniform(-0.3, 0.3, (SHOTS, OUTPUTS))
    light = complex_fields(bench, inputs, errors)
    assert np.abs(light["delta"].imag).max() > 0.3 * np.abs(light["delta"]).max()
    backward = light["delta"] @ forward
    scale = np.abs(backward).max()
    np.testing.assert_allclose(light["rho"], backward, rtol=0, atol=1e-5 * scale)
