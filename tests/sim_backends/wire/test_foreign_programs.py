"""Programs that know nothing of this project talk to simulated boxes, unchanged."""

import os
import socket
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import pyvisa
from wire_bench import DRIVERS, wire_bench_file

from instruments.errors import SettingsError
from instruments.opening import SharedResources
from sim_backends.twin.clock import SimulatedClock
from sim_backends.wire.bench_wire import bench_wire, canonical, simulated_wire
from sim_backends.wire.tcp_server import ServedBoxes

BENCH = Path(__file__).parents[3] / "examples" / "benches" / "table_top_4_4_3.toml"

PROGRAM = """
import warnings
import numpy as np
import pyvisa
from pymeasure.instruments.agilent import Agilent33500
from pymeasure.instruments.redpitaya import RedPitayaScpi
from pymeasure.instruments.thorlabs import ThorlabsPM100USB

warnings.simplefilter("ignore", FutureWarning)
manager = pyvisa.ResourceManager()
laser = manager.open_resource("USB0::0x1313::0x804A::M00403610::INSTR")
print(laser.query("*IDN?").strip())
for command in ("OUTP2 ON", "SOUR:CURR 0.1", "OUTP ON"):
    laser.write(command)
laser.query("*OPC?")

awg = Agilent33500("TCPIP0::192.168.1.21::inst0::INSTR")
for channel in (awg.ch_1, awg.ch_2):
    channel.shape = "DC"
    channel.offset = 1.75
    channel.output = True
meter = ThorlabsPM100USB("USB0::0x1313::0x8078::P0012345::INSTR")
meter.wavelength = 780
high = np.mean([meter.power for _ in range(20)])
awg.ch_1.offset = 0.0
low = np.mean([meter.power for _ in range(20)])
print("share", low / high)

board = RedPitayaScpi("TCPIP0::192.168.1.31::5000::SOCKET")
board.decimation = 64
board.acq_format = "ASCII"
board.acquisition_start()
board.acq_trigger_source = "NOW"
print("triggered", board.acq_trigger_status)
print("samples", len(board.analog_in[1].get_data(1000)))
"""


def test_pyvisa_library_redirects_a_program_that_was_not_changed(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYVISA_LIBRARY": f"{BENCH}@backbeam"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Thorlabs,ITC4001,M00403610,")
    said = dict(line.split() for line in lines[1:])
    # Two modulators at half their half-wave voltage, sin^2(pi/4) each; one goes dark.
    assert float(said["share"]) == pytest.approx(0.5, abs=0.1)
    assert said["triggered"] == "True"
    assert int(said["samples"]) == 1000


def test_without_a_bench_file_the_backend_says_what_is_missing():
    with pytest.raises(OSError, match="say which bench is meant"):
        pyvisa.ResourceManager("@backbeam")


def test_a_bench_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(OSError, match="no such file"):
        pyvisa.ResourceManager(f"{tmp_path / 'none.toml'}@backbeam")


class TestPlainPyvisa:
    @pytest.fixture
    def manager(self):
        return simulated_wire(wire_bench_file(), SharedResources()).manager

    def test_every_address_of_the_bench_is_listed(self, manager):
        listed = manager.list_resources("?*")
        assert len(listed) == len({place for _, places, _ in DRIVERS.values() for place in places})
        assert "ASRL3::INSTR" in manager.list_resources("ASRL?*")
        assert all(name.startswith("USB") for name in manager.list_resources("USB?*"))

    @pytest.mark.parametrize(
        "address",
        [
            "GPIB0::7::INSTR",
            "ASRL5::INSTR",
            "USB0::0x1313::0x804A::M00000042::INSTR",
            "TCPIP0::10.0.0.9::inst0::INSTR",
            "TCPIP0::laser.lab::5025::SOCKET",
            "TCPIP::10.0.0.9::hislip0::INSTR",
        ],
    )
    def test_a_box_answers_at_whatever_resource_string_it_has(self, address):
        file = wire_bench_file("laser", addresses={"laser": [address]})
        manager = simulated_wire(file, SharedResources()).manager
        box = manager.open_resource(address)
        if address.endswith("SOCKET"):
            box.read_termination = "\n"
        assert box.query("*IDN?").startswith("Thorlabs,ITC4001,")

    def test_an_address_that_is_not_on_the_bench_is_not_found(self, manager):
        with pytest.raises(pyvisa.VisaIOError, match="NFOUND"):
            manager.open_resource("GPIB0::3::INSTR")

    def test_a_question_without_an_answer_times_out_in_the_benchs_time(self, manager):
        box = manager.open_resource(DRIVERS["laser"][1][0])
        box.timeout = 1500
        before = manager.visalib.bench_clock.now()
        with pytest.raises(pyvisa.VisaIOError, match="TMO"):
            box.read()
        assert manager.visalib.bench_clock.now() - before == pytest.approx(1.5)

    def test_a_question_asked_over_an_unread_answer_interrupts_it(self, manager):
        box = manager.open_resource(DRIVERS["laser"][1][0])
        box.write("*IDN?")
        assert box.query("OUTP?").strip() == "0"
        assert box.query("SYST:ERR?").startswith("-410")

    def test_a_serial_poll_shows_that_an_answer_waits(self, manager):
        box = manager.open_resource(DRIVERS["laser"][1][0])
        box.write("*IDN?")
        assert box.read_stb() & 16
        box.clear()
        assert not box.read_stb() & 16

    def test_binary_values_go_up_and_come_down(self, manager):
        box = manager.open_resource(DRIVERS["z"][1][0])
        for command in (":WAV:FORM WORD", ":WAV:BYT LSBF", ":WAV:UNS 0", ":WAV:POIN 100", ":DIG"):
            box.write(command)
        values = box.query_binary_values(":WAV:DATA?", datatype="h", container=np.array)
        assert values.shape == (100,)
        box.write(":WAV:BYT MSBF")
        swapped = box.query_binary_values(
            ":WAV:DATA?", datatype="h", is_big_endian=True, container=np.array
        )
        np.testing.assert_array_equal(swapped, values)

    def test_two_managers_of_one_bench_are_one_and_two_benches_are_two(self, manager):
        other = simulated_wire(wire_bench_file(), SharedResources()).manager
        assert other is not manager
        one, two = (m.open_resource(DRIVERS["laser"][1][0]) for m in (manager, other))
        one.write("SOUR:CURR 0.05")
        assert float(two.query("SOUR:CURR?")) == 0.0


class TestPlainSockets:
    """What a client in any language does: connect, send lines, read lines and blocks."""

    @pytest.fixture
    def served(self):
        boxes = bench_wire(wire_bench_file(), SharedResources())
        with ServedBoxes(boxes.links) as served:
            yield boxes, served

    @staticmethod
    def connect(served, name):
        _, host, port, _ = served.addresses[canonical(DRIVERS[name][1][0])].split("::")
        return socket.create_connection((host, int(port)), 10.0)

    def test_who_is_there(self, served):
        with self.connect(served[1], "laser") as client, client.makefile("rwb") as lines:
            lines.write(b"*IDN?\n")
            lines.flush()
            assert lines.readline().startswith(b"Thorlabs,ITC4001,")

    def test_a_waveform_goes_up_with_line_feeds_inside(self, served):
        codes = [2570, -2570, 10, 0x0A0D, 3338, 0, 1, 2]
        data = struct.pack("<8h", *codes)
        assert b"\n" in data
        with self.connect(served[1], "inputs") as client, client.makefile("rwb") as lines:
            lines.write(b"FORM:BORD SWAP\nSOUR1:DATA:ARB:DAC W,#216" + data + b"\nSYST:ERR?\n")
            lines.flush()
            assert lines.readline().startswith(b"0")
        model = next(
            link.model
            for link in served[0].links.values()
            if link.address == DRIVERS["inputs"][1][0]
        )
        assert model.outputs[0].waveforms["W"].tolist() == codes

    def test_a_record_comes_down_with_line_feeds_inside(self, served):
        with self.connect(served[1], "outputs") as client, client.makefile("rwb") as lines:
            for command in (
                b"ACQ:RST",
                b"ACQ:DATA:FORMAT BIN",
                b"ACQ:DATA:UNITS RAW",
                b"ACQ:START",
                b"ACQ:TRIG NOW",
                b"ACQ:SOUR1:DATA:OLD:N? 5000",
                b"*IDN?",
            ):
                lines.write(command + b"\r\n")
            lines.flush()
            assert lines.read(2) == b"#5"
            length = int(lines.read(5))
            assert length == 10000
            record = np.frombuffer(lines.read(length), ">i2")
            assert lines.read(2) == b"\r\n"
            assert lines.readline().startswith(b"REDPITAYA")
        assert len(record) == 5000

    def test_time_passes_for_a_client_that_only_waits(self):
        boxes = bench_wire(wire_bench_file(), SharedResources())
        wall = SimulatedClock()
        boxes.follow_real_time(wall)
        oven = boxes.links[canonical(DRIVERS["oven"][1][0])].connect(is_stream=True)
        oven.write(b"SOUR2:TEMP 60;:OUTP2 ON\n", ends=True)
        readings = []
        for _ in range(3):
            wall.wait(1.0)
            oven.write(b"MEAS:TEMP?\n", ends=True)
            readings.append(float(oven.take_replies()))
        assert readings[0] < readings[1] < readings[2] < 60
        assert boxes.clock.now() == pytest.approx(3.0)

    def test_a_taken_port_is_told(self, served):
        taken = int(next(iter(served[1].addresses.values())).split("::")[2])
        with pytest.raises(SettingsError, match=f"port {taken} .* cannot be had"):
            ServedBoxes(served[0].links, taken)

    def test_a_port_taken_further_on_is_told_as_well_and_frees_the_ones_before(self, served):
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = other.getsockname()[1]
            with pytest.raises(SettingsError, match=f"port {taken} .*begin elsewhere"):
                ServedBoxes(served[0].links, taken - 1)
            with socket.create_server(("127.0.0.1", taken - 1)):
                pass

    def test_more_boxes_than_ports_are_told(self, served):
        with pytest.raises(SettingsError, match=r"found 65535.*begin at 655"):
            ServedBoxes(served[0].links, 65535)


def test_pymeasures_class_on_the_bench_of_a_test():
    from pymeasure.adapters import VISAAdapter
    from pymeasure.instruments.thorlabs import ThorlabsPM100USB

    wire = simulated_wire(wire_bench_file(), SharedResources())
    adapter = VISAAdapter(DRIVERS["meter"][1][0], visa_library=wire.manager.visalib)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        meter = ThorlabsPM100USB(adapter)
    assert meter.wavelength_max == 1100.0
    assert meter.power == pytest.approx(0.0, abs=1e-12)
