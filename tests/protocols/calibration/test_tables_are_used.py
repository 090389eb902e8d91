"""From a calibration to the bench that uses it: the folder, ages, owners, refused fits."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from calibrated_twins import digits_bench

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.calibration.bench_tables import table_path
from instruments.calibration.encoder import EncoderTable
from instruments.errors import CalibrationError, SettingsError
from instruments.opening import SharedResources
from protocols.calibration.results import ProtocolResult
from protocols.calibration.sequence import (
    PROTOCOLS,
    opened_for_calibration,
    plan_steps,
    run_steps,
)

FAST = ["detectors", "registration", "modulators"]


def bench_with(folder, name="digits"):
    text = built_in_text("digits").replace('name = "digits"', f'name = "{name}"')
    text += f'\n[calibration]\nfolder = "{Path(folder).as_posix()}"\n'
    return parse_bench_file(text, "bench.toml")


def calibrate(folder, measured_at=None, valid_for_seconds=None, only=FAST):
    bench = bench_with(folder)
    with opened_for_calibration(
        bench, measured_at=measured_at, valid_for_seconds=valid_for_seconds
    ) as session:
        return run_steps(session, plan_steps(session, only), Path(folder))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "calibration"
    calibrate(path)
    return path


def test_a_bench_takes_the_tables_in_its_folder_and_nominal_ones_elsewhere(folder, caplog):
    with (
        caplog.at_level(logging.WARNING, "instruments.calibration.bench_tables"),
        open_bench(bench_with(folder)) as bench,
    ):
        sources, ids = bench.describe()["table_sources"], bench.describe()["tables"]
    assert sources["inputs"] == sources["taps_z"] == sources["reference_phase"] == "measured"
    assert sources["first"] == sources["amplifier_1"] == "nominal"
    stored = EncoderTable.load(table_path(folder, "encoder", "inputs"))
    assert ids["inputs"] == stored.id
    assert "weight bank first" in caplog.text
    assert "encoder inputs" not in caplog.text


def test_the_references_stand_where_they_were_left(folder):
    with open_bench(bench_with(folder)) as bench:
        bench.switch_on()
        volts = bench.instruments["reference_phase"].volts()
    with opened_for_calibration(bench_with(folder), from_measured=True) as session:
        table = session.tables.reference_phases["reference_phase"]
        np.testing.assert_allclose(volts, table.rest_volts)
        assert session.rest_volts["taps_z"] == table.rest_volts[0]


def test_tables_of_another_bench_are_refused_by_name(folder):
    with pytest.raises(CalibrationError, match="belongs to bench 'digits', not to 'next door'"):
        open_bench(bench_with(folder, name="next door"))


def test_one_table_of_another_bench_among_ones_own_is_refused_by_name(folder, tmp_path):
    for path in folder.glob("*.npz"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = table_path(tmp_path, "encoder", "inputs")
    own = EncoderTable.load(path)
    foreign = replace(own.provenance, bench="next door")
    EncoderTable(
        own.half_wave_volts, own.bias_radians, own.field_at_full, own.offset, provenance=foreign
    ).save(path)
    with pytest.raises(CalibrationError, match=r"inputs.*belongs to bench 'next door'"):
        open_bench(bench_with(tmp_path))


def test_tables_past_their_validity_are_warned_about_by_name(tmp_path, caplog):
    yesterday = datetime.now(UTC) - timedelta(days=1)
    calibrate(tmp_path, measured_at=yesterday, valid_for_seconds=3600, only=["detectors"])
    with caplog.at_level(logging.WARNING), open_bench(bench_with(tmp_path)):
        pass
    assert "tap table" in caplog.text
    assert "of taps_z was measured at" in caplog.text
    assert "expired" in caplog.text


def test_a_table_for_other_channels_is_refused(folder, tmp_path):
    known = EncoderTable.load(table_path(folder, "encoder", "inputs"))
    small = EncoderTable(known.half_wave_volts[:5], 0.0, 1.0, 0.0, provenance=known.provenance)
    small.save(table_path(tmp_path, "encoder", "inputs"))
    with pytest.raises(CalibrationError, match="is for 5 channels, inputs has 64 channels"):
        open_bench(bench_with(tmp_path))


def test_a_refused_fit_leaves_the_table_before_in_place(folder, monkeypatch):
    path = table_path(folder, "encoder", "inputs")
    before = path.read_bytes()
    monkeypatch.setattr(ProtocolResult, "accepted", property(lambda self: False))
    calibrate(folder)
    assert path.read_bytes() == before


def test_plots_lie_beside_the_tables(folder):
    assert (folder / "modulators-inputs.svg").read_text(encoding="utf-8").startswith("<svg")


def test_tables_say_where_they_come_from(folder):
    own = EncoderTable.load(table_path(folder, "encoder", "inputs")).provenance
    assert (own.bench, own.instrument, own.source) == ("digits", "inputs", "measured")
    assert own.measured_at is not None


def test_protocols_can_be_asked_for_one_by_one():
    with opened_for_calibration(digits_bench()) as session:
        everything = plan_steps(session)
        # The built-in bench has neither mirrors nor cameras.
        asked = set(PROTOCOLS) - {"mirrors", "camera registration"}
        assert {step.protocol for step in everything} == asked
        assert [step.protocol for step in plan_steps(session, ["vector_matrix"])] == [
            "vector-matrix"
        ] * 3
        with pytest.raises(SettingsError, match="there is no protocol 'lenses'; there are: det"):
            plan_steps(session, ["lenses"])


def test_biases_that_drifted_are_nulled_again_by_one_protocol_alone():
    shared = SharedResources()
    with opened_for_calibration(digits_bench(4), shared=shared) as session:
        run_steps(session, plan_steps(session, FAST))
        truth = shared.built()["twin"].modulators["inputs"]
        truth.drift_radians = truth.drift_radians + np.linspace(-0.3, 0.3, 64)
        before = session.tables.encoders["inputs"].bias_radians
        others = {name: id(table) for name, table in session.tables.weight_banks.items()}
        run_steps(session, plan_steps(session, ["modulators"])[:1])
        bias = truth.bias_radians + truth.drift_radians
        assert np.abs(before - bias).max() > 0.25
        np.testing.assert_allclose(session.tables.encoders["inputs"].bias_radians, bias, atol=5e-3)
        assert {name: id(table) for name, table in session.tables.weight_banks.items()} == others


def test_the_bench_is_safe_afterwards():
    with opened_for_calibration(digits_bench()) as session:
        run_steps(session, plan_steps(session, ["detectors"]))
        instruments = session.light.bench.instruments
        laser, shutter = instruments["laser"], instruments["pump_shutter"]
        twin = laser.twin
    assert not twin.laser_on
    assert shutter.simulated
