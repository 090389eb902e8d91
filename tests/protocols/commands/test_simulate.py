"""``--simulate`` and ``--record-wire``: one switch for all, some or the wire; traffic in a file."""

import json
from pathlib import Path

import pytest

from instruments.bench_file.reading import read_bench_file
from instruments.opening import SharedResources, prepare_instruments
from instruments.transport.wire_recording import ReplayWire, read_recording
from sim_backends.simulated.stand_ins import simulated_bench
from sim_backends.twin.clock import SimulatedClock

BENCH = Path(__file__).parents[3] / "examples" / "benches" / "table_top_4_4_3.toml"


def what_each_is(done):
    """Return the column ``is`` by instrument, as far as it can be told from the others."""
    rows = [line for line in done.out.splitlines() if " serial " in line]
    return {line.split()[0]: "simulated wire" in line for line in rows}


@pytest.fixture
def changed(tmp_path):
    """The table-top bench with something replaced in its file."""

    def write(*pairs):
        text = BENCH.read_text(encoding="utf-8")
        for before, after in pairs:
            assert before in text
            text = text.replace(before, after)
        path = tmp_path / "changed.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_all_are_simulated_when_nothing_is_named(backbeam):
    done = backbeam("check", BENCH, "--simulate")
    assert done.code == 0, done.err
    assert not any(what_each_is(done).values())
    assert "hardware" not in done.out


def test_on_the_wire_drivers_stay_and_it_is_said_what_has_none(backbeam):
    done = backbeam("check", BENCH, "--simulate", "wire")
    assert done.code == 0, done.err
    on_the_wire = what_each_is(done)
    assert {name for name, is_on in on_the_wire.items() if not is_on} == {"slm_1", "slm_2"}
    assert "hardware" not in done.out


def test_only_those_that_are_named_are_simulated(backbeam, changed):
    # Nobody listens at a port of this computer that is not open: told for each that stays real.
    path = changed(*((f"192.168.1.3{n}::5000", f"127.0.0.1::{n}") for n in (1, 2, 3, 4)))
    others = [
        *("laser", "inputs", "errors", "amplifier_1", "amplifier_2", "outputs", "trigger", "meter")
    ]
    done = backbeam("check", path, "--simulate", ",".join(others))
    assert done.code == 3
    assert "2 of 12 instruments could not be opened" in done.err
    for name in ("taps_a", "taps_delta"):
        assert name in done.err
    assert "port 1 of 127.0.0.1" in done.err
    assert "switched on" in done.err


def test_a_name_that_is_not_on_the_bench_is_told_with_the_nearest(backbeam):
    done = backbeam("check", BENCH, "--simulate", "lasr")
    assert done.code == 2
    assert "did you mean 'laser'?" in done.complaint


def test_a_driver_that_is_not_installed_is_simulated_and_its_nearest_name_is_told(
    backbeam, changed
):
    path = changed(("keysight 33500 modulators", "keysight 3350 modulators"))
    done = backbeam("check", path, "--simulate", "wire")
    assert done.code == 0
    assert "note: inputs: no driver 'keysight 3350 modulators' is installed" in done.err
    assert "did you mean 'keysight 33500 modulators'?" in done.err
    real = backbeam("check", path)
    assert real.code == 2
    assert "did you mean 'keysight 33500 modulators'?" in real.complaint


def test_a_resource_string_that_visa_does_not_know_is_told_with_examples(backbeam, changed):
    path = changed(("TCPIP0::192.168.1.23::inst0::INSTR", "TCPIP0:192.168.1.23"))
    done = backbeam("check", path, "--simulate", "wire")
    assert done.code == 3
    message = done.complaint
    assert "trigger (TCPIP0:192.168.1.23): cannot be reached: VISA knows no such address" in message
    assert "'TCPIP0::192.168.1.21::inst0::INSTR'" in message
    assert "trigger: trigger" not in message


def test_a_recording_of_the_wire_is_replayed_by_the_same_drivers(backbeam, tmp_path):
    path = tmp_path / "traffic.jsonl"
    done = backbeam("check", BENCH, "--simulate", "wire", "--record-wire", path)
    assert done.code == 0, done.err
    first = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    assert set(first) == {"address", "sent"}
    # Boxes that serve two instruments are spoken to by both at once, in no order.
    alone = ("laser", "inputs", "amplifier_1", "amplifier_2", "taps_a", "trigger", "meter")
    bench = simulated_bench(read_bench_file(BENCH), "wire")
    wire = ReplayWire(read_recording(path), SimulatedClock())
    shared = SharedResources()
    shared.get("wire", lambda: wire)
    prepared = prepare_instruments(bench, shared)
    for name in alone:
        instrument = prepared[name].open()
        # As `check` does: who is it, when opening, for the record and for the table; then safe,
        # and safe again at the end.
        for _ in range(3):
            assert instrument.identity().manufacturer
        for _ in range(2):
            instrument.make_safe()
        instrument.close()
        assert {wire.connections[a].left for a in bench.instruments[name].every_address} == {0}


def test_a_recording_is_not_written_over(backbeam, tmp_path):
    path = tmp_path / "traffic.jsonl"
    path.write_text("mine\n", encoding="utf-8")
    done = backbeam("check", BENCH, "--simulate", "wire", "--record-wire", path)
    assert done.code == 2
    assert "exists already" in done.complaint
    assert path.read_text(encoding="utf-8") == "mine\n"


def test_a_bench_without_a_wire_has_nothing_to_record(backbeam, tmp_path):
    done = backbeam("check", "--record-wire", tmp_path / "traffic.jsonl")
    assert done.code == 0
    assert "nothing will be recorded" in done.err


def test_tables_of_simulated_instruments_are_not_put_beside_those_of_real_ones(backbeam):
    done = backbeam("calibrate", BENCH, "--simulate", "wire")
    assert done.code == 2
    assert "--out" in done.complaint


def test_detectors_are_calibrated_through_their_drivers(backbeam, tmp_path):
    folder = tmp_path / "tables"
    done = backbeam(
        "calibrate", BENCH, "--simulate", "wire", "--only", "detectors", "--out", folder
    )
    assert done.code == 0, done.err
    assert "taps_a" in done.out
    assert list(folder.glob("*taps_a*"))
