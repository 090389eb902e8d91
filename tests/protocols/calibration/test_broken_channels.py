"""Dead channels, one stuck at the edge of its range, a dead block: named, and worked round."""

import numpy as np
import pytest
from calibrated_twins import calibrated, digits_bench


def kill_block(stage, row, column):
    """Let a block of a panel send nothing into the first order, whatever it shows."""
    living = stage.panel.coefficients

    def coefficients(depth, offset, row_gains, column_gains, target, *sums):
        living(depth, offset, row_gains, column_gains, target, *sums)
        target[[row, row + len(target) // 2], column] = 0
        for both in sums:
            both[row : row + 1, column] = 0

    stage.panel.coefficients = coefficients


@pytest.fixture(scope="module")
def found():
    def break_some(twin):
        twin.faults.kill_channel("taps_z", 5)
        twin.faults.saturate_channel("taps_z", 11)
        twin.faults.kill_channel("taps_a", 20)
        twin.faults.kill_channel("inputs", 7)
        twin.faults.kill_channel("outputs", 2)
        kill_block(twin.stages[0], 30, 40)

    return calibrated(digits_bench(2), prepare=break_some)


def notes(found, protocol, target):
    return "; ".join(found.of(protocol, target).notes)


def test_nothing_is_refused_for_it(found):
    assert found.compared.refused == []


def test_broken_detectors_are_named(found):
    assert "dead, without even noise: channel 5" in notes(found, "detectors", "taps_z")
    assert "stuck at the edge of the range: channel 11" in notes(found, "detectors", "taps_z")
    assert "channel 20" in notes(found, "detectors", "taps_a")
    assert "channel 2" in notes(found, "detectors", "outputs")


def test_the_dead_modulator_is_named_and_stays_dark(found):
    assert "dead, kept at null: channel 7" in notes(found, "modulators", "inputs")
    assert found.tables.encoders["inputs"].field_at_full[7] == 0


def test_the_dead_block_is_named_once_and_nothing_else(found):
    assert "dead blocks: [30, 40]" in notes(found, "vector-matrix", "first")
    assert "blocks that do not follow (dead pixels?): [30, 40]" in notes(
        found, "spatial light modulator", "first"
    )


def test_broken_taps_read_nothing(found):
    assert np.flatnonzero(found.tables.taps["taps_z"].volts_per_field == 0).tolist() == [5, 11]
    assert np.flatnonzero(found.tables.taps["outputs"].volts_per_field == 0).tolist() == [2]


def test_all_others_are_found_as_well_as_ever(found):
    table, truth = found.tables.weight_banks["first"], found.twin.stages[0]
    # Without its tap behind the medium a neuron's saturation is not known.
    rows = np.setdiff1d(np.arange(48), [5, 11, 20])
    columns = np.setdiff1d(np.arange(64), [7])
    shape = np.outer(table.row_gains[rows], table.column_gains[columns])
    true_shape = np.outer(truth.row_gains[rows], truth.column_gains[columns])
    ratio = shape / true_shape
    assert np.std(ratio / ratio.mean()) < 0.002
    depth = found.tables.absorbers["first"].optical_depth
    living = np.setdiff1d(np.arange(48), [5, 11, 20])
    np.testing.assert_allclose(depth[living], truth.absorber.depth[living], rtol=0.03)
    half_wave = found.tables.encoders["inputs"].half_wave_volts[columns]
    np.testing.assert_allclose(
        half_wave, found.twin.modulators["inputs"].half_wave_volts[columns], rtol=0.01
    )
