"""``backbeam resources``: what is connected, and which drivers are made for it."""

from pathlib import Path

import pytest
import pyvisa

from instruments.display import connected_screens
from instruments.display.screens import Screen
from instruments.errors import InstrumentError
from instruments.interfaces.instrument import Identity
from protocols.commands.resources import fitting_drivers

BENCH = Path(__file__).parents[3] / "examples" / "benches" / "table_top_4_4_3.toml"
ADDED = """
[instruments.pump_shutter]
kind = "shutter"
driver = "thorlabs mbx shutter"
address = "ASRL3::INSTR"

[safe_state]
order = [
  "pump_shutter",
"""


@pytest.fixture
def connected(tmp_path, monkeypatch):
    """The boxes of the table-top bench, and one on a serial line, in place of this computer's."""
    text = BENCH.read_text(encoding="utf-8").replace("\n[safe_state]\norder = [\n", ADDED)
    path = tmp_path / "bench.toml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(
        pyvisa, "ResourceManager", lambda make=pyvisa.ResourceManager: make(f"{path}@backbeam")
    )
    monkeypatch.setattr(connected_screens, "has_display", lambda: False)


def row(done, address):
    return next(line for line in done.out.splitlines() if line.split()[:1] == [address])


def test_every_box_is_listed_with_who_it_is_and_the_drivers_made_for_it(backbeam, connected):
    done = backbeam("resources")
    assert done.code == 0, done.err
    laser = row(done, "USB0::0x1313::0x804A::M00403610::0::INSTR")
    assert "Thorlabs ITC4001 serial M00403610" in laser
    assert laser.rstrip().endswith(
        "thorlabs itc4000 amplifier, thorlabs itc4000 laser, thorlabs itc4000 oven"
    )
    board = row(done, "TCPIP0::192.168.1.31::5000::SOCKET")
    assert board.rstrip().endswith("red pitaya detectors, red pitaya modulators")


def test_serial_lines_are_asked_only_on_demand_and_as_their_drivers_would(backbeam, connected):
    assert "not asked: give --serial" in row(backbeam("resources"), "ASRL3::INSTR")
    for options in (["--serial"], ["--address", "ASRL3::INSTR"]):
        asked = row(backbeam("resources", *options), "ASRL3::INSTR")
        assert "MBX1550" in asked
        assert asked.rstrip().endswith("thorlabs mbx shutter")


def test_an_address_where_nobody_is_says_why(backbeam, connected):
    done = backbeam("resources", "--address", "GPIB0::7::INSTR", "--address", "nonsense")
    assert "cannot be reached" in row(done, "GPIB0::7::INSTR")
    assert "VISA knows no such address" in row(done, "nonsense")


def test_a_backend_that_is_not_there_is_told(backbeam, monkeypatch):
    def refuse():
        raise ValueError("no package named pyvisa_nowhere")

    monkeypatch.setattr(pyvisa, "ResourceManager", refuse)
    done = backbeam("resources")
    assert done.code == 3
    assert "PYVISA_LIBRARY" in done.complaint


def test_a_box_of_no_driver_has_none():
    assert fitting_drivers(Identity("Rigol", "DS1054Z", "1", "0")) == []
    assert fitting_drivers(Identity("", "", "", "")) == []


def test_screens_are_listed_as_a_bench_file_names_them(backbeam, connected, monkeypatch):
    panel = Screen("HDMI-1", "HOLOEYE Photonics", "PLUTO", "0412", 1080, 1920, 60.0)
    monkeypatch.setattr(connected_screens, "has_display", lambda: True)
    monkeypatch.setattr(connected_screens, "connected_screens", lambda: [panel])
    line = row(backbeam("resources"), "HDMI-1")
    assert "HOLOEYE Photonics PLUTO 0412, 1920 x 1080 at 60 Hz" in line
    assert line.rstrip().endswith("display panel, display mirrors")


def test_without_qt_the_boxes_are_listed_all_the_same(backbeam, connected, monkeypatch):
    def refuse():
        raise InstrumentError("screens cannot be listed without Qt")

    monkeypatch.setattr(connected_screens, "has_display", lambda: True)
    monkeypatch.setattr(connected_screens, "connected_screens", refuse)
    done = backbeam("resources")
    assert done.code == 0
    assert "note: screens cannot be listed without Qt" in done.err
    assert "Thorlabs ITC4001" in row(done, "USB0::0x1313::0x804A::M00403610::0::INSTR")
