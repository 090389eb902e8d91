"""``backbeam serve``: the simulated boxes of a bench for programs in any language."""

import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).parents[3] / "examples" / "benches" / "table_top_4_4_3.toml"
COMMAND = "from protocols.command import main; main()"


@pytest.fixture
def serving():
    """A server of its own process; gives where the boxes of each instrument answer."""
    server = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "serve", str(BENCH)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    places = {}
    for line in server.stdout:
        if line.startswith("serving"):
            break
        words = line.split("  ")
        named = [word.strip() for word in words if word.strip()]
        if len(named) == 3 and named[2].endswith("SOCKET"):
            places.setdefault(named[0], []).append(named[2])
    try:
        yield server, places
    finally:
        server.kill()
        server.communicate()


def connect(place):
    _, host, port, _ = place.split("::")
    return closing(socket.create_connection((host, int(port)), 20.0))


def test_a_plain_client_asks_sends_a_waveform_and_takes_a_record(serving):
    server, places = serving
    assert set(places) >= {"laser", "inputs", "errors, outputs", "taps_a", "trigger", "meter"}
    with connect(places["inputs"][0]) as client, client.makefile("rwb") as lines:
        codes = np.array([2570, 10, 0x0A0D, 3338, -2570, 0, 1, 2], "<i2").tobytes()
        assert b"\n" in codes
        lines.write(b"*IDN?\nFORM:BORD SWAP\nSOUR1:DATA:ARB:DAC W,#216" + codes)
        lines.write(b"\nSOUR1:DATA:VOL:CAT?\nSYST:ERR?\n")
        lines.flush()
        assert lines.readline().startswith(b"Agilent Technologies,33522B,")
        assert b'"W"' in lines.readline()
        assert lines.readline().startswith(b"0,")
    with connect(places["taps_a"][0]) as client, client.makefile("rwb") as lines:
        for command in (b"ACQ:DATA:FORMAT BIN", b"ACQ:DATA:UNITS RAW", b"ACQ:START"):
            lines.write(command + b"\r\n")
        lines.write(b"ACQ:TRIG NOW\r\nACQ:SOUR1:DATA:OLD:N? 5000\r\n*IDN?\r\n")
        lines.flush()
        assert lines.read(7) == b"#510000"
        assert len(lines.read(10000)) == 10000
        assert lines.read(2) == b"\r\n"
        assert lines.readline().startswith(b"REDPITAYA,")
    if sys.platform != "win32":
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 130


def test_a_bench_without_boxes_has_nothing_to_serve(backbeam):
    done = backbeam("serve", "digits")
    assert done.code == 2
    assert "nothing to serve" in done.err


def test_a_port_in_use_is_told_with_the_box_it_was_for(backbeam):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        done = backbeam("serve", BENCH, "--first-port", taken)
    assert done.code == 2
    assert f"port {taken} of 127.0.0.1" in done.err
    assert "elsewhere" in done.err
