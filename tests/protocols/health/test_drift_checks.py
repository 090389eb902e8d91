"""Each thing that drifts is found by its size, in a hidden truth that was moved on purpose."""

import numpy as np
import pytest
from benches_to_check import digits_text, opened
from camera_bench import camera_bench_text

from instruments.bench_file.reading import parse_bench_file
from protocols.health.drift.checks import drift_checks, names_of_checks
from protocols.health.drift.finding import Drift
from protocols.health.drift.rates import DriftRates
from protocols.health.recalibration import recalibrate
from protocols.health.table_twin import shown_weights
from sim_backends.simulated.true_bench_tables import true_bench_tables
from sim_backends.twin.true_tables import optical_weights


def checked(bench, seed=0):
    generator = np.random.default_rng(seed)
    inputs = generator.uniform(0, 1, (16, bench.layers[0].inputs)).astype(np.float32)
    return {one.name: one for one in drift_checks(bench, inputs, generator)}


@pytest.fixture
def calibrated():
    """A bench whose tables are true."""
    text = digits_text()
    tables = true_bench_tables(parse_bench_file(text, "digits"))
    with opened(text, tables) as (bench, twin):
        yield bench, twin


def turn_modulators(twin, array, radians):
    twin.modulators[array].drift_radians[:] = radians
    twin.drive(array, np.zeros((1, len(radians)), np.float32))


def deepen(twin, factor):
    for stage in twin.stages:
        if stage.absorber is not None:
            stage.absorber._nominal *= factor
    twin.set_laser(enabled=True, detuning_hertz=0.0)


def test_nothing_has_drifted_on_a_bench_with_true_tables(calibrated):
    bench, _ = calibrated
    found = checked(bench)
    assert list(found) == names_of_checks(bench)
    assert not [one.name for one in found.values() if one.is_beyond]
    for name in ("null_inputs", "null_errors"):
        assert found[name].value < 0.02
    for name in ("transmission_1", "transmission_2", "optical_depth_1", "half_weight_1"):
        assert abs(found[name].value) < 0.03


@pytest.mark.parametrize("array", ["inputs", "errors"])
def test_a_null_that_wandered_is_found(calibrated, array):
    bench, twin = calibrated
    count = len(twin.modulators[array].drift_radians)
    off = 0.1 * np.random.default_rng(1).standard_normal(count)
    turn_modulators(twin, array, off)
    found = checked(bench)[f"null_{array}"]
    assert found.value == pytest.approx(np.sqrt(np.mean(off**2)), rel=0.1)
    assert found.is_beyond


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_cell_that_became_warmer_or_colder_is_found(calibrated, factor):
    bench, twin = calibrated
    before = checked(bench)["optical_depth_1"].value
    deepen(twin, factor)
    found = checked(bench)["optical_depth_1"]
    assert (1 + found.value) / (1 + before) == pytest.approx(factor, rel=0.04)


def test_light_lost_at_the_slit_is_found_in_its_layer(calibrated):
    bench, twin = calibrated
    twin.stages[1].row_gains *= np.float32(0.8)
    bench.show_again()
    found = checked(bench)
    assert found["transmission_2"].value == pytest.approx(0.8**2 - 1, abs=0.03)
    assert abs(found["transmission_1"].value) < 0.03


def true_half_weight(bench, twin):
    """Half weights over whole ones, as light meets them, against what the tables say."""
    weights, point = bench.parameters(), bench.operating_point()
    largest = bench.arrangement.stage_of(0).bank.largest_weights(point["first"])
    signs = np.random.default_rng(5).choice([-1.0, 1.0], largest.shape)
    slopes = []
    for share in (0.45, 0.9):
        bench.write([(share * largest * signs).astype(np.float32), weights[1]], point)
        shown, light = shown_weights(bench)[0], optical_weights(twin, 0)
        slopes.append(np.vdot(shown, light) / np.vdot(shown, shown))
    bench.write(weights, point)
    return slopes[0] / slopes[1] - 1


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_a_look_up_table_that_no_longer_fits_shows_at_half_a_weight(calibrated, factor):
    """A stroke 5 % off, as from a laser at another wavelength or a warmer panel."""
    bench, twin = calibrated
    panel = twin.stages[0].panel
    panel._stroke *= factor
    panel._curves = panel._tables = None
    bench.show_again()
    found, truth = checked(bench)["half_weight_1"], true_half_weight(bench, twin)
    assert abs(truth) > 0.04
    assert found.value == pytest.approx(truth, abs=0.015)
    assert found.is_beyond


def test_references_that_drifted_are_found_and_taken_back(calibrated):
    bench, twin = calibrated
    checked(bench)
    twin.detectors["taps_a"].drift_radians += 1.0
    assert checked(bench)["phase_taps_a"].value == pytest.approx(1.0, abs=0.05)
    assert checked(bench)["phase_taps_a"].value == pytest.approx(0.0, abs=0.05)


def test_weights_and_gains_stand_as_before(calibrated):
    bench, twin = calibrated
    weights, point = bench.parameters(), bench.operating_point()
    mask = twin.stages[0].settled_mask.copy()
    checked(bench)
    np.testing.assert_array_equal(twin.stages[0].settled_mask, mask)
    assert bench.operating_point() == point
    for held, now in zip(weights, bench.parameters(), strict=True):
        np.testing.assert_array_equal(held, now)


def test_what_drifted_is_measured_again_and_nothing_else():
    with opened(digits_text()) as (bench, twin):
        first = checked(bench)
        turn_modulators(twin, "inputs", np.full(64, 0.15))
        drifted = checked(bench)["null_inputs"]
        assert drifted.value > first["null_inputs"].value + 0.05
        weights, before = bench.parameters(), dict(bench.tables.sets[-1])
        results = recalibrate(bench, [drifted], np.random.default_rng(0))
        assert [(one.protocol, one.target, one.accepted) for one in results] == [
            ("modulators", "inputs", True)
        ]
        assert bench.tables.number == 1
        after = bench.tables.sets[1]
        assert {name for name in after if after[name] != before[name]} == {"inputs"}
        assert checked(bench)["null_inputs"].value < 0.01
        for held, now in zip(weights, bench.parameters(), strict=True):
            np.testing.assert_array_equal(held, now)


def drift(value, name="null_inputs", sigma=0.001, protocol="modulators", nominal=False):
    return Drift(
        name, name, "inputs", "first", value, sigma, 0.05, "rad", protocol=protocol, nominal=nominal
    )


def due(*history):
    rates = DriftRates()
    for one in history:
        rates.take([one])
    return bool(rates.due([history[-1]]))


def test_what_is_beyond_is_due():
    assert due(drift(0.06))
    assert not due(drift(0.02))
    assert not due(drift(0.06, sigma=0.02))


def test_what_will_be_beyond_by_the_next_check_at_its_rate_is_due():
    assert due(drift(0.01), drift(0.035))
    assert not due(drift(0.03), drift(0.035))
    assert not due(drift(0.045), drift(0.035))


def test_a_table_that_was_never_measured_has_not_drifted_by_what_it_was_off_at_first():
    assert not due(drift(0.2, nominal=True))
    assert not due(drift(0.2, nominal=True), drift(0.21, nominal=True))
    assert due(drift(0.2, nominal=True), drift(0.27, nominal=True))


def test_of_several_the_one_the_others_rest_on_comes_first():
    rates = DriftRates()
    found = [
        drift(0.3, "transmission_1", protocol="vector-matrix"),
        drift(0.3),
        drift(0.3, "optical_depth_1", protocol="absorber"),
    ]
    rates.take(found)
    assert [one.name for one in rates.due(found)] == ["null_inputs"]


def test_phases_were_put_right_already_and_are_never_due():
    assert not due(drift(2.0, protocol=""))


@pytest.fixture
def seen_by_cameras():
    """A bench whose taps are cameras, mounted exactly where they are meant to be."""
    exact = '[twin.cameras]\nrotation = "0 rad"\nscale = 0.0\nshift = 0.0\n'
    with opened(f"{camera_bench_text()}\n{exact}") as (bench, twin):
        yield bench, twin


def test_a_camera_that_was_knocked_is_found_and_registered_again(seen_by_cameras):
    bench, twin = seen_by_cameras
    before = checked(bench)
    assert [name for name in before if name.startswith("registration")] == [
        name for name in names_of_checks(bench) if name.startswith("registration")
    ]
    for bank in twin.cameras:
        assert before[f"registration_{bank}"].value < 0.05
    knocked = twin.cameras["taps_z"]
    knocked.centres += np.array([1.5, -1.0])
    knocked._corners, knocked._spots = knocked._cut_spots()
    after = checked(bench)
    found = after["registration_taps_z"]
    assert found.value == pytest.approx(np.hypot(1.5, 1.0), abs=max(0.02, 4 * found.sigma))
    assert found.is_beyond
    assert not after["registration_taps_a"].is_beyond
    rates = DriftRates()
    rates.take(list(before.values()))
    rates.take(list(after.values()))
    assert [one.protocol for one in rates.due(list(after.values()))] == ["camera registration"]
    results = recalibrate(bench, [found], np.random.default_rng(0))
    assert [one.accepted for one in results if one.target == "taps_z"] == [True]
    assert checked(bench)["registration_taps_z"].value < 0.05
