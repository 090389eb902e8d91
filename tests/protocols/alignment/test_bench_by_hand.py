"""A perfect bench driven by hand: what is bright where, against fields worked out on paper."""

from pathlib import Path

import numpy as np
import pytest
from simulated_bench import HIDDEN, INPUTS, VOLTS_PER_FIELD, bench_file

from instruments.bench_file.reading import read_bench_file
from instruments.errors import InstrumentError, LimitError, SettingsError
from instruments.opening import SharedResources
from protocols.alignment.bench_by_hand import opened_by_hand
from protocols.alignment.patterns import Blocks
from protocols.alignment.readings import standing, take_dark, take_reading
from sim_backends.simulated.stand_ins import simulated_bench

EXAMPLES = Path(__file__).parents[3] / "examples" / "benches"

LIMITS = {
    "inputs": {"volts": ["-4 V", "4 V"]},
    "amplifier_1": {"current_amperes": ["0 mA", "100 mA"]},
    "actuators": {"volts": ["0 V", "6 V"]},
}


@pytest.fixture
def opened():
    shared = SharedResources()
    with opened_by_hand(bench_file(limits=LIMITS), shared) as bench:
        yield bench, shared.built()["twin"]


def lit(bench, amperes=0.06):
    bench.set_laser("laser", True)
    for arm in ("forward", "reference"):
        bench.set_arm(arm, True)
    bench.set_current("first", amperes)
    bench.clear(True) if bench.light.can_bypass else None


def block_volts(bench, amperes=0.06):
    """What a tap reads of one bright block at full input: gain times share of the field."""
    optics = bench.file.stages["first"].transmission
    table = bench.light.stages["first"].amplifier_table
    gain = 10 ** (float(np.mean(table.gain(amperes))) / 20)
    return VOLTS_PER_FIELD * gain * np.sqrt(optics / (INPUTS * HIDDEN))


def taps_z(bench):
    (bank,) = take_reading(bench, ["z"]).banks
    return bank.mean_volts


def test_nothing_is_on_at_first(opened):
    bench, twin = opened
    assert not twin.laser_on
    assert not any(twin._open.values())
    assert not bench.light.amplifier("first").enabled()
    assert not bench.light.oven.enabled()
    bench.show("first", Blocks("all"))
    bench.drive("inputs", None)
    np.testing.assert_allclose(taps_z(bench), 0.0, atol=1e-6)


def test_one_block_lights_one_tap(opened):
    bench, _ = opened
    lit(bench)
    bench.show("first", Blocks("block", row=3, column=2))
    bench.drive("inputs", None)
    expected = np.zeros(HIDDEN)
    expected[3] = block_volts(bench)
    np.testing.assert_allclose(taps_z(bench), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (Blocks("row", row=1), np.array([0, 6, 0, 0, 0])),
        (Blocks("column", column=5), np.ones(5)),
        (Blocks("all"), np.full(5, 6)),
        (Blocks("none"), np.zeros(5)),
    ],
    ids=str,
)
def test_rows_columns_and_all_of_them_add_up(opened, blocks, expected):
    bench, _ = opened
    lit(bench)
    bench.drive("inputs", None)
    bench.show("first", blocks)
    np.testing.assert_allclose(taps_z(bench), block_volts(bench) * expected, rtol=1e-3, atol=1e-6)


def test_one_input_is_seen_by_all_taps_and_follows_its_volts(opened):
    bench, _ = opened
    lit(bench)
    bench.show("first", Blocks("all"))
    for volts in (3.5, 1.0, -2.0):
        bench.input_to_all_taps("first", 4, volts)
        field = np.sin(0.5 * np.pi * volts / 3.5)
        np.testing.assert_allclose(taps_z(bench), block_volts(bench) * field, rtol=1e-3)
    assert np.flatnonzero(bench.held["inputs"]).tolist() == [4]


def test_an_arm_that_is_shut_sends_no_light(opened):
    bench, _ = opened
    lit(bench)
    bench.show("first", Blocks("all"))
    bench.drive("inputs", None)
    bench.set_arm("forward", False)
    np.testing.assert_allclose(taps_z(bench), 0.0, atol=1e-6)
    assert bench.open_arms() == ["reference"]


def test_the_dark_level_is_subtracted_and_the_arms_are_as_before():
    shared = SharedResources()
    with opened_by_hand(bench_file(twin={"taps": {"offset": "3 mV"}}), shared) as bench:
        lit(bench)
        offsets = shared.built()["twin"].detectors["z"].offset_volts
        np.testing.assert_allclose(taps_z(bench), offsets, atol=1e-6)
        dark = take_dark(bench)
        (bank,) = take_reading(bench, ["z"], dark).banks
        np.testing.assert_allclose(bank.mean_volts, 0.0, atol=1e-6)
        assert bench.open_arms() == ["forward", "reference"]


def test_a_camera_shows_where_the_light_of_a_row_is(opened):
    bench, _ = opened
    lit(bench)
    bench.drive("inputs", None)
    camera = bench.camera("camera")
    camera.set_regions([camera.region_of(neuron) for neuron in range(HIDDEN)])
    bench.show("first", Blocks("row", row=2))
    (seen,) = take_reading(bench, ["camera"]).cameras
    assert int(np.argmax(seen.mean_counts)) == 2
    at = camera.region_of(2)
    middle = (at.row + (at.height - 1) / 2, at.column + (at.width - 1) / 2)
    np.testing.assert_allclose((seen.centre_rows[2], seen.centre_columns[2]), middle, atol=0.3)
    assert seen.mean_counts[2] > 20 * np.delete(seen.mean_counts, 2).max()


def test_a_power_meter_sees_what_the_modulators_hold(opened):
    bench, _ = opened
    lit(bench)
    bench.show("first", Blocks("none"))
    bench.drive("inputs", [0, 1])
    (two,) = take_reading(bench, ["meter"]).meters
    bench.drive("inputs", [0])
    (one,) = take_reading(bench, ["meter"]).meters
    assert two.watts == pytest.approx(2 * one.watts, rel=1e-3)
    assert one.watts == pytest.approx(521e-9, rel=0.01)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda one: one.drive("inputs", [0], 4.5), "inputs: volts of 4.5 V"),
        (lambda one: one.set_current("first", 0.15), "amplifier_1: .*0.15 A"),
        (lambda one: one.turn_reference("z", 7.0), "actuators: volts of 7 V"),
        (lambda one: one.set_oven(500.0), "oven: "),
    ],
)
def test_the_bench_files_limits_hold_and_nothing_changes(opened, attempt, message):
    bench, _ = opened
    lit(bench)
    bench.show("first", Blocks("all"))
    bench.drive("inputs", [1], 2.0)
    before, reads = standing(bench), taps_z(bench)
    with pytest.raises(LimitError, match=message):
        attempt(bench)
    assert standing(bench) == before
    np.testing.assert_allclose(taps_z(bench), reads, rtol=1e-5)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda one: one.show("first", Blocks("row", row=5)), "row: found 5; there are 5"),
        (lambda one: one.show("firts", Blocks("all")), "did you mean 'first'"),
        (lambda one: one.drive("inputs", [6]), "channel 6 asked for; there are 6"),
        (lambda one: one.drive("imputs", None), "no modulator array 'imputs'"),
        (lambda one: one.input_to_all_taps("second", 0), "lit through the stage before"),
    ],
)
def test_what_is_not_there_is_named(opened, attempt, message):
    with pytest.raises(SettingsError, match=message):
        attempt(opened[0])


def test_full_volts_stay_within_a_limit_below_them():
    limits = {"inputs": {"volts": ["-2 V", "2 V"]}}
    with opened_by_hand(bench_file(limits=limits)) as bench:
        bench.drive("inputs", None)
        np.testing.assert_array_equal(bench.held["inputs"], 2.0)


def test_mirrors_at_the_inputs_are_lit_as_modulators_are():
    file = simulated_bench(read_bench_file(EXAMPLES / "scpi_64_16_10.toml"), "all")
    with opened_by_hand(file) as bench:
        bench.laser("laser").set_enabled(True)
        bench.set_current("first", 0.1)
        bench.clear(True)
        bench.show("first", Blocks("all"))
        dark = take_reading(bench).banks[0].mean_volts
        bench.drive("inputs", [3])
        assert np.abs(take_reading(bench).banks[0].mean_volts - dark).min() > 0.01
        assert ("mirrors", "inputs", "3 at 2304 mirrors") in standing(bench)
        with pytest.raises(SettingsError, match=r"inputs: 2 V given; mirrors take none"):
            bench.drive("inputs", [3], 2.0)


def test_an_exposure_that_fails_leaves_nothing_armed(opened):
    bench, twin = opened
    lit(bench)
    twin.faults.fail("z")
    with pytest.raises(InstrumentError, match="z: does not answer"):
        take_reading(bench)
    twin.faults.clear()
    assert len(take_reading(bench).banks) == 5


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_every_way_out_leaves_the_bench_safe(error):
    shared = SharedResources()

    def leave_in_the_light():
        with opened_by_hand(bench_file(), shared) as bench:
            lit(bench)
            bench.set_oven(60.0)
            bench.drive("inputs", None)
            assert shared.built()["twin"].laser_on
            raise error

    with pytest.raises(error):
        leave_in_the_light()
    twin = shared.built()["twin"]
    assert not twin.laser_on
    assert not any(twin._open.values())
    np.testing.assert_array_equal(twin._drives["inputs"], 0.0)
