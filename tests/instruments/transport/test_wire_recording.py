"""Wire traffic is written down while a bench runs, and a test replays it."""

import numpy as np
import pytest
from scripted_box import Clock, ScriptedBox, ScriptedWire

from instruments.errors import DataError, SettingsError
from instruments.opening import SharedResources
from instruments.transport.session import Session
from instruments.transport.wire_errors import ConnectionLost
from instruments.transport.wire_recording import (
    ReplayWire,
    WireRecording,
    read_recording,
    record_wire,
    recording_of,
)

PLACE = "TCPIP0::10.0.0.1::5025::SOCKET"
BLOCK = b"#14\x0a\x0d\x00\xff\n"


def talk(wire, recording=None):
    """Hold the conversation that is recorded and replayed."""
    session = Session("scope", PLACE, wire, recording=recording).open()
    session.write(":SING")
    values = session.query_block(":WAV:DATA?", "u1")
    preamble = session.query(":WAV:PRE?")
    session.close()
    return values, preamble


def recorded(tmp_path):
    path = tmp_path / "traffic.jsonl"
    recording = WireRecording(path)
    box = ScriptedBox({":WAV:DATA?": BLOCK, ":WAV:PRE?": "+0,+1\n"})
    said = talk(ScriptedWire([box]), recording)
    return path, said


def test_a_recording_replays_byte_for_byte(tmp_path):
    path, (values, preamble) = recorded(tmp_path)
    wire = ReplayWire(read_recording(path), Clock())
    again, preamble_again = talk(wire)
    np.testing.assert_array_equal(again, values)
    np.testing.assert_array_equal(values, [10, 13, 0, 255])
    assert preamble_again == preamble == "+0,+1"
    assert wire.connections[PLACE].left == 0


def test_a_recording_reads_as_text(tmp_path):
    path, _ = recorded(tmp_path)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == f'{{"address": "{PLACE}", "sent": "*IDN?\\n"}}'


def test_a_driver_that_says_something_else_is_told_what_the_recording_has(tmp_path):
    path, _ = recorded(tmp_path)
    session = Session("scope", PLACE, ReplayWire(read_recording(path), Clock())).open()
    with pytest.raises(AssertionError, match=r"b'\*RST\\n' was sent; the recording has b':SING"):
        session.write("*RST")


def test_nobody_answers_at_an_address_that_was_not_recorded():
    with pytest.raises(ConnectionLost, match="the recording has nobody"):
        Session("scope", PLACE, ReplayWire({}, Clock())).open()


def test_a_bench_is_recorded_through_what_its_instruments_share(tmp_path):
    shared = SharedResources()
    assert recording_of(shared) is None
    recording = record_wire(shared, tmp_path / "traffic.jsonl")
    assert recording_of(shared) is recording


def test_what_cannot_be_written_or_is_no_recording_is_told(tmp_path):
    with pytest.raises(SettingsError, match="cannot be written"):
        WireRecording(tmp_path / "nowhere" / "traffic.jsonl")
    path = tmp_path / "notes.txt"
    path.write_text("hello\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 1"):
        read_recording(path)
