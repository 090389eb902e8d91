"""Where mirrors are imaged to is found by lighting one block at a time."""

import numpy as np
import pytest
from calibrated_twins import calibrated
from mirror_bench import mirror_bench

from protocols.calibration.mirror_map import find_mirror_map

ROWS, COLUMNS, FRAMES, NOISE = 24, 32, 3, 0.02
USABLE = np.ones(ROWS, bool)


def points_on_columns(shift, magnification, points=4000):
    """Throw points of each block's image into columns: ``[blocks, columns]``."""
    inside = (np.arange(points) + 0.5) / points - 0.5
    middle = (COLUMNS - 1) / 2
    blocks = np.arange(COLUMNS)[:, np.newaxis] + inside
    column = np.floor((1 + magnification) * (blocks - middle) + middle + shift + 0.5)
    return np.stack([(column == one).mean(axis=1) for one in range(COLUMNS)], axis=1)


def readings(shift, magnification, generator, cross_talk=0.0):
    codes = generator.choice([-1.0, 1.0], (FRAMES, ROWS, COLUMNS))
    edges = np.concatenate([codes[:, :, :1], codes, codes[:, :, -1:]], axis=2)
    blocks = (1 - 4 * cross_talk) * codes + cross_talk * (edges[:, :, :-2] + edges[:, :, 2:])
    light = blocks @ points_on_columns(shift, magnification).T
    rows = generator.normal(1.0, 0.1, ROWS) * generator.choice([-1.0, 1.0], ROWS)
    light = light * generator.normal(1.0, 0.05, COLUMNS) * rows[:, np.newaxis]
    return codes, light + NOISE * generator.normal(size=light.shape)


def found_of(codes, seen, usable=USABLE):
    return find_mirror_map(codes, seen, np.full(ROWS, NOISE), usable)


def test_error_and_uncertainty_agree():
    generator = np.random.default_rng(4)
    pulls = []
    for _ in range(25):
        shift, magnification = 0.2 * generator.normal(), 0.004 * generator.normal()
        found = found_of(*readings(shift, magnification, generator))
        errors = np.array([found.shift - shift, found.magnification - magnification])
        pulls.append(errors / found.fit.sigmas[:2])
    assert np.sqrt(np.mean(np.square(pulls))) == pytest.approx(1.0, abs=0.35)


def test_panel_blocks_that_leak_to_both_sides_are_no_shift():
    generator = np.random.default_rng(5)
    found = found_of(*readings(0.0, 0.0, generator, cross_talk=0.02))
    assert abs(found.shift) < 4 * found.fit.sigmas[0]
    assert found.fit.sigmas[0] < 0.01
    assert found.fit.parameters[2] == pytest.approx(0.02 / 0.92, rel=0.15)


def test_dead_taps_and_dark_blocks_are_left_out():
    generator = np.random.default_rng(6)
    codes, seen = readings(0.15, 0.0, generator)
    usable = USABLE.copy()
    usable[[2, 9]] = False
    seen[:, ~usable] = 5.0 * generator.normal(size=(FRAMES, 2, COLUMNS))
    seen[:, :, 12] = NOISE * generator.normal(size=(FRAMES, ROWS))
    found = found_of(codes, seen, usable)
    assert 12 not in found.inputs
    assert abs(found.shift - 0.15) < 4 * found.fit.sigmas[0]


def test_too_few_lit_blocks_tell_nothing():
    codes = np.ones((FRAMES, ROWS, 6))
    assert find_mirror_map(codes, codes, np.full(ROWS, NOISE), USABLE) is None


def registered(seed, shift, magnification):
    bench = mirror_bench()
    truth = {
        "seed": seed,
        "mirrors": {"image_shift": shift, "image_magnification": magnification},
    }
    bench = bench.model_copy(update={"twin": truth})
    found = calibrated(bench, until=("registration", "first"))
    result = found.of("registration", "first")
    return result, {one.name: one for one in result.quantities}, found.twin.mirrors["inputs"]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_image_in_a_twin_is_found_through_its_instruments(seed):
    result, found, truth = registered(seed, 0.1, 0.002)
    shift = found["inputs, shift on the panel"]
    larger = found["inputs, magnification less 1"]
    assert shift.unit == "blocks"
    assert shift.sigma < 2e-3
    assert abs(shift.value - truth.shift) < 4 * shift.sigma
    assert abs(larger.value - truth.magnification) < 4 * larger.sigma
    beside = found["inputs, largest share beside its column"].value
    assert bool(result.notes) == (0.05 < beside < 0.12)
    assert result.accepted == (beside < 0.12)


def test_what_falls_on_neighbours_is_no_error_of_the_panel():
    bench = mirror_bench()
    truth = {"seed": 4, "mirrors": {"image_shift": 0.1}}
    found = calibrated(bench.model_copy(update={"twin": truth}), until=("vector-matrix", "first"))
    assert abs(found.twin.mirrors["inputs"].shift) > 0.04
    assert found.compared.refused == []
    assert found.compared.worst("bright block") < 0.01


def test_an_image_on_other_columns_is_refused_with_what_to_turn_and_no_tap_is_called_dead():
    result, found, truth = registered(1, 0.4, 0.01)
    assert abs(truth.shift) > 0.5
    shift = found["inputs, shift on the panel"]
    assert abs(shift.value - truth.shift) < 4 * shift.sigma
    assert "blocks.origin_column" in result.refusals[0]
    assert f"{truth.shift * 12:+.1f} mirrors" in result.refusals[0]
    assert result.notes == []
