"""The gain planned for weights is what a bench then sets, and what it lacks is said."""

from pathlib import Path

import numpy as np
import pytest

from instruments.bench_file.reading import (
    built_in_bench,
    built_in_text,
    parse_bench_file,
    read_bench_file,
)
from instruments.bench_opening import open_bench
from instruments.calibration.amplifier import AmplifierTable
from instruments.calibration.nominal import nominal_tables
from instruments.calibration.table import Provenance
from instruments.gain_plan import highest_decibels, plan_gains
from instruments.opening import prepare_instruments

EXAMPLES = Path(__file__).parents[2] / "examples" / "benches"


def planned(file, weights):
    tables = nominal_tables(file, prepare_instruments(file))
    return plan_gains(file, tables.weight_banks, tables.amplifiers, weights)


def start(scale=0.1):
    generator = np.random.default_rng(3)
    return [generator.normal(0, scale, shape).astype(np.float32) for shape in ((48, 64), (10, 48))]


def changed(old, new):
    text = built_in_text("digits")
    assert text.count(old) == 1
    return parse_bench_file(text.replace(old, new))


@pytest.mark.parametrize("scale", [0.02, 0.1, 0.5])
def test_a_bench_sets_the_gain_that_was_planned(scale):
    file, weights = built_in_bench("digits"), start(scale)
    with open_bench(file) as bench:
        bench.write(weights)
        set_by_bench = bench.gain_ledger()
    for one, line in zip(planned(file, weights), set_by_bench, strict=True):
        assert one.gain.bank_decibels == pytest.approx(line.bank_decibels)
        assert one.gain.amplifier_decibels == pytest.approx(line.amplifier_decibels)
        assert one.gain.clipped == line.clipped
        assert one.gain.free_space_decibels == pytest.approx(line.free_space_decibels)


def test_the_bank_needs_the_free_space_bound_and_the_optics_loss():
    """Fan-out, fan-in and a transmission of a half; a panel's steps cost a little more."""
    first, second = planned(built_in_bench("digits"), start())
    half = 10 * np.log10(2)
    assert first.gain.bank_decibels == pytest.approx(
        first.gain.free_space_decibels + half, abs=0.05
    )
    assert second.gain.bank_decibels == pytest.approx(
        second.gain.free_space_decibels + half, abs=0.05
    )
    assert first.suffices
    assert first.missing_decibels == 0.0
    assert (first.stage, first.amplifier) == ("first", "amplifier_1")


def test_an_amplifier_too_weak_leaves_weights_clipped():
    file = changed('channels = 48, highest_gain = "45 dB"', 'channels = 48, highest_gain = "15 dB"')
    first, second = planned(file, start())
    assert first.suffices
    assert not second.suffices
    assert second.missing_decibels == pytest.approx(
        second.gain.bank_decibels - second.highest_decibels
    )
    held = 10 ** (-second.missing_decibels / 20) * second.gain.largest_weight
    expected = int(np.sum(np.abs(start()[1]) > held))
    assert second.gain.clipped == pytest.approx(expected, abs=1)
    assert expected > 10


def test_the_file_s_limit_of_the_current_limits_the_gain():
    """``dB = 45 (1 - exp(-(I - 20 mA) / 60 mA))``, as the settings' defaults have it."""
    text = built_in_text("digits")
    narrowed = text.replace(
        'current_amperes = ["0 mA", "200 mA"]', 'current_amperes = ["0 mA", "80 mA"]'
    )
    for source, amperes in ((text, 0.2), (narrowed, 0.08)):
        file = parse_bench_file(source)
        tables = nominal_tables(file, prepare_instruments(file))
        found = highest_decibels(file, "amplifier_2", tables.amplifiers["amplifier_2"])
        by_hand = 45 * (1 - np.exp(-(amperes - 0.02) / 0.06))
        assert found == pytest.approx(by_hand, abs=1e-3)


def test_the_weakest_channel_says_what_gain_all_reach_at_the_limit():
    text = built_in_text("digits")
    narrowed = text.replace(
        'current_amperes = ["0 mA", "200 mA"]', 'current_amperes = ["0 mA", "80 mA"]'
    )
    # Straight from nothing at 0 mA to these decibels at 200 mA.
    ends = np.linspace(30.0, 40.0, 48)
    table = AmplifierTable(
        [0.0, 0.1, 0.2],
        np.outer(ends, [0.0, 0.5, 1.0]),
        provenance=Provenance("amplifier_2", "digits"),
    )
    found = highest_decibels(parse_bench_file(narrowed), "amplifier_2", table)
    assert found == pytest.approx(30.0 * 80 / 200)


def test_without_an_amplifier_nearly_all_weights_are_clipped():
    first, _ = planned(changed('amplifier = "amplifier_1"\n', ""), start())
    assert first.amplifier is None
    assert first.highest_decibels == 0.0
    assert first.gain.amplifier_decibels == 0.0
    assert first.missing_decibels == pytest.approx(first.gain.bank_decibels)
    assert first.gain.clipped_share > 0.8


def test_layers_in_turn_share_the_gain_of_the_hungriest():
    file = read_bench_file(EXAMPLES / "mnist_14x14.toml")
    generator = np.random.default_rng(1)
    weights = [
        generator.normal(0, scale, shape).astype(np.float32)
        for scale, shape in ((0.05, (128, 196)), (0.2, (10, 128)))
    ]
    first, second = planned(file, weights)
    assert second.gain.bank_decibels > first.gain.bank_decibels
    assert first.gain.amplifier_decibels == second.gain.amplifier_decibels
    assert first.gain.amplifier_decibels == pytest.approx(
        second.gain.bank_decibels + 20 * np.log10(1.25)
    )
