"""Three stages in a cascade, two media: the shipped bench, with few neurons.

All of its neurons: ``python -m pytest -m slow tests/protocols/calibration/test_three_stages.py``.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from calibrated_twins import calibrated

from instruments.bench_file.reading import parse_bench_file
from instruments.calibration.absorber import AbsorberTable
from instruments.opening import SharedResources
from protocols.calibration.sequence import opened_for_calibration
from protocols.calibration.stage_drive import StageDrive
from protocols.calibration.taps import common_levels

TEXT = (Path(__file__).parents[3] / "examples" / "benches" / "mnist_cascade.toml").read_text(
    encoding="utf-8"
)
SIZES = {"784": "40", "128": "16"}
OVERLAPS = (0.9, 0.95)


def few_neurons(text=TEXT):
    smaller = re.sub(
        r"(layers = |rows = |columns = |channels = )(\[[^\]]*\]|\d+)",
        lambda found: (
            found[1] + re.sub(r"\d+", lambda number: SIZES.get(number[0], number[0]), found[2])
        ),
        text,
    )
    return parse_bench_file(smaller, "mnist_cascade.toml")


EXACT = """
[twin]
modulators = { half_wave_spread = 0.0, bias_spread = "0 rad", leakage = 0.0, bias_drift = "0 rad" }
panels = { stroke_spread = 0.0, bow = "0 rad", region_spread = 0.0, cross_talk = 0.0 }
path = { slit_half_width = 0.0, loss_spread = 0.0, neuron_spread = 0.0 }
amplifiers = { gain_spread = 0.0, saturates = false, inversion_factor = 0.0 }
absorber = { depth_error = 0.0, depth_spread = 0.0 }

[twin.taps]
gain_spread = 0.0
offset = "0 V"
bank_phase = "0 rad"
neuron_phase = "0 rad"
phase_drift = "0 rad"
reflection = 0.0
shot_noise = false
electronic_noise = "0 V"
"""
"""Optics that nominal tables are true of."""


def exact(highest_gain="55 dB"):
    text = TEXT[: TEXT.index("[twin]")].replace("55 dB", highest_gain)
    return few_neurons(text + EXACT)


@pytest.fixture
def opened():
    shared = SharedResources()
    with opened_for_calibration(exact(), shared=shared) as session:
        yield session, shared.built()["twin"]


def lit(session, twin, drive, fields):
    """What arrives at the inputs of the third stage, in phase, shot by shot."""
    session.light.take(drive.volts(fields), ["outputs"])
    return np.array(twin.stages[2].x[0])


def test_each_input_behind_two_stages_is_lit_alone_as_far_as_asked(opened):
    session, twin = opened
    drive = StageDrive(session, "third", 0.3)
    assert drive.level == 0.3
    arrives = lit(session, twin, drive, drive.wanted())
    np.testing.assert_allclose(arrives, drive.wanted(), atol=0.02 * 0.3)


@pytest.mark.parametrize("stage", ["second", "third"])
def test_sums_of_all_inputs_reach_what_taps_hold(opened, stage):
    session, twin = opened
    highest, levels = 8.0, 4
    inputs, drive, _ = common_levels(session, stage, highest, levels)
    session.light.take(drive.volts(inputs), ["outputs"])
    sums = twin.stages[list(session.light.stages).index(stage)].z[0]
    steps = np.arange(1, levels + 1) / levels
    wanted = highest * np.concatenate([steps, -steps])
    np.testing.assert_allclose(sums, wanted[:, np.newaxis] * np.ones_like(sums), rtol=0.03)


def test_an_amplifier_that_does_not_reach_lowers_the_level_and_nothing_is_cut_off():
    shared = SharedResources()
    with opened_for_calibration(exact(highest_gain="10 dB"), shared=shared) as session:
        drive = StageDrive(session, "third", 0.3)
        assert 0.0 < drive.level < 0.29
        arrives = lit(session, shared.built()["twin"], drive, drive.wanted())
    np.testing.assert_allclose(arrives, drive.wanted(), atol=0.02 * drive.level)


def test_light_that_passes_a_resonant_medium_rises_in_even_steps(opened):
    """Weak light would be down to 0.7 % of its field."""
    session, twin = opened
    fields = np.linspace(0.0, 8.0, 100)
    curve = np.exp(-5.0 / (1.0 + fields**2))
    provenance = session.provenance("first")
    session.adopt("first", AbsorberTable(fields, curve, 0, [10.0], provenance=provenance))
    inputs, drive, _ = common_levels(session, "second", 4.0, 8, resonant=True)
    session.light.bypass(False)
    session.light.take(drive.volts(inputs), ["outputs"])
    sums = twin.stages[1].z[0].mean(axis=1)[:8]
    assert sums[-1] > 2.0
    np.testing.assert_allclose(sums / sums[-1], np.arange(1, 9) / 8, atol=0.03)


@pytest.fixture(scope="module")
def found():
    def displace(twin):
        for stage, overlap in zip(twin.stages, OVERLAPS, strict=False):
            stage.absorber.overlap = np.full_like(stage.absorber.overlap, overlap)

    return calibrated(few_neurons(), prepare=displace)


def test_nothing_is_refused_and_every_table_is_measured(found):
    assert [one.refusals for one in found.results if not one.accepted] == []
    assert set(found.tables.sources().values()) == {"measured"}


def test_both_media_are_known(found):
    compared = found.compared
    assert len(compared.errors["optical depth"]) == 2
    assert compared.worst("optical depth") < 0.005
    assert compared.worst("saturation") < 0.005
    assert np.mean(np.abs(compared.all_pulls("optical depth", "saturation")) < 3) > 0.95


@pytest.mark.parametrize("place", [0, 1])
def test_a_probe_through_another_medium_is_not_taken_for_one_beside_its_pump(found, place):
    result = found.of("absorber", f"{('first', 'second')[place]}, probe")
    mean = next(one for one in result.quantities if one.name.startswith("beam overlap, mean"))
    assert mean.sigma < 0.01
    assert abs(mean.value - OVERLAPS[place]) < 4.0 * mean.sigma


def test_weights_of_all_stages_are_what_light_meets(found):
    assert len(found.compared.errors["end to end"]) == 3
    assert found.compared.rms("end to end") < 0.005
    assert found.compared.worst("bright block") < 0.02


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_shipped_bench_calibrates_with_all_its_neurons():
    full = calibrated(parse_bench_file(TEXT, "mnist_cascade.toml"))
    assert [one.refusals for one in full.results if not one.accepted] == []
    assert set(full.tables.sources().values()) == {"measured"}
