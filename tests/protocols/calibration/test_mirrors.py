"""What calibration finds of mirror devices, whatever was thought of them before.

A whole bench of them takes a quarter of a minute:
``python -m pytest -m slow tests/protocols/calibration/test_mirrors.py``.
"""

import numpy as np
import pytest
from calibrated_twins import calibrated
from mirror_bench import INPUTS, mirror_bench

from instruments.calibration.mirror_encoder import MirrorEncoderTable, nominal_curve
from instruments.calibration.table import Provenance
from instruments.opening import SharedResources
from protocols.calibration.sequence import opened_for_calibration, plan_steps, run_steps

WITHOUT_CARRIER = INPUTS.replace("carrier = 4\n", "")


def measured(file, wrong, prepare=lambda twin: None):
    """Measure the mirrors at the inputs, beginning with a table that is wrong."""
    shared = SharedResources()
    with opened_for_calibration(file, shared=shared) as session:
        twin = shared.built()["twin"]
        prepare(twin)
        session.adopt("inputs", wrong)
        steps = plan_steps(session, ["detectors", "registration", "mirrors"])
        results = run_steps(session, steps[:3])
        return results[-1], session.tables.encoders["inputs"], twin


@pytest.mark.parametrize(
    ("inputs", "carrier", "off"),
    [(INPUTS, 4, 0.0), (WITHOUT_CARRIER, None, 0.03 / 0.97)],
    ids=["carrier", "no carrier"],
)
def test_curve_and_contrast_are_found_from_a_table_that_is_wrong(inputs, carrier, off):
    design = nominal_curve(12, 12, carrier)
    wrong = MirrorEncoderTable(
        design**1.5, np.full(64, 1.05), 0.0, carrier or 0, provenance=Provenance("inputs", "digits")
    )
    result, table, _ = measured(mirror_bench(inputs=inputs), wrong)
    assert result.accepted, result.refusals
    # Rows of odd width and the phase of a block leave half a per cent of a stripe's curve.
    np.testing.assert_allclose(table.curve, design, atol=0.006 if carrier else 0.003)
    np.testing.assert_allclose(table.offset / table.field_at_full, off, atol=1e-3)
    assert table.provenance.source == "measured"
    assert np.sqrt(table.covariance["curve"]).max() < 1e-3


def test_a_dead_block_is_named_and_kept_off():
    wrong = MirrorEncoderTable.nominal(
        64, 12, 12, instrument="inputs", bench="digits", carrier_period=4, field_at_full=1.05
    )
    result, table, _ = measured(
        mirror_bench(), wrong, lambda twin: twin.faults.kill_channel("inputs", 7)
    )
    assert result.accepted
    assert any("block 7" in note for note in result.notes)
    assert np.flatnonzero(table.field_at_full == 0).tolist() == [7]


@pytest.mark.slow
def test_a_bench_of_mirrors_is_calibrated_as_a_whole():
    found = calibrated(mirror_bench())
    assert found.compared.refused == []
    assert set(found.tables.sources().values()) == {"measured"}
    assert found.compared.worst("phase of a level") < 0.01
    assert found.compared.worst("bright block") < 0.01
