"""What every simulated box knows: its error queue, its status registers, who it is."""

import pytest

from sim_backends.twin.clock import SimulatedClock
from sim_backends.wire.itc4000_model import Itc4000Model
from sim_backends.wire.keysight_33500_model import Keysight33500Model

COMMAND_ERROR, EXECUTION_ERROR, OPERATION_COMPLETE, POWER_ON = 32, 16, 1, 128


@pytest.fixture
def box():
    return Itc4000Model("laser", "M1", SimulatedClock())


def ask(box, message):
    return box.receive(message.encode()).decode().rstrip("\r\n")


def test_it_says_who_it_is(box):
    assert ask(box, "*IDN?") == "Thorlabs,ITC4001,M1,1.8.0/1.5.0/2.3.0"


def test_several_questions_in_a_message_get_one_answer(box):
    assert ask(box, "SOUR2:TEMP 30;:OUTP2?;*OPC?") == "0;1"


@pytest.mark.parametrize(
    ("message", "code", "event"),
    [
        ("VOLT:LEVEL 3", -113, COMMAND_ERROR),
        ("SOUR:CURR", -109, COMMAND_ERROR),
        ("OUTP 1,2", -108, COMMAND_ERROR),
        ("SOUR:CURR lots", -104, COMMAND_ERROR),
        ("SOUR:CURR 99", -222, EXECUTION_ERROR),
        ("UNIT:TEMP PARSEC", -224, EXECUTION_ERROR),
    ],
)
def test_what_it_cannot_do_goes_into_its_error_queue_and_event_register(box, message, code, event):
    ask(box, "*ESR?")
    assert box.receive(message.encode()) is None
    assert int(ask(box, "*ESR?")) == event
    assert int(ask(box, "*STB?")) & 4
    assert int(ask(box, "SYST:ERR?").split(",")[0]) == code
    assert ask(box, "SYSTem:ERRor:NEXT?") == '0,"No error"'
    assert not int(ask(box, "*STB?"))


def test_the_queue_says_that_it_overflowed(box):
    for _ in range(30):
        box.receive(b"NONSENSE")
    entries = [ask(box, "SYST:ERR?") for _ in range(20)]
    assert entries[-1].startswith("-350")
    assert ask(box, "SYST:ERR?").startswith("0")


def test_clearing_the_status_empties_queue_and_registers(box):
    box.receive(b"NONSENSE")
    box.receive(b"*CLS")
    assert ask(box, "*ESR?") == "0"
    assert ask(box, "SYST:ERR?").startswith("0")


def test_a_request_for_service_follows_its_masks(box):
    box.receive(b"*CLS;*ESE 32;*SRE 32")
    box.receive(b"NONSENSE")
    assert box.status_byte() & 64


def test_switched_off_and_on_it_has_forgotten_everything_and_says_so(box):
    box.receive(b"SOUR:CURR 0.05;:OUTP ON")
    box.power_cycle()
    assert ask(box, "OUTP?") == "0"
    assert float(ask(box, "SOUR:CURR?")) == 0.0
    assert int(ask(box, "*ESR?")) & POWER_ON


def test_completion_is_announced_when_an_operation_is_over(box):
    box.receive(b"*CLS")
    box.busy_for(0.5)
    box.receive(b"*OPC")
    assert not int(ask(box, "*ESR?"))
    box.clock.wait(0.5)
    assert int(ask(box, "*ESR?")) & OPERATION_COMPLETE


def test_the_current_never_exceeds_the_limit_set_on_the_box(box):
    box.receive(b"SOUR:CURR:LIM 0.1")
    box.receive(b"SOUR:CURR 0.11")
    assert ask(box, "SYST:ERR?").startswith("-222")
    assert float(ask(box, "SOUR:CURR? MAX")) == pytest.approx(0.1)


def test_an_open_interlock_keeps_the_diode_off(box):
    box.interlock_closed = False
    box.receive(b"OUTP ON")
    assert ask(box, "SYST:ERR?").startswith("-221")
    assert ask(box, "OUTP?;:OUTP:PROT:INTL:TRIP?") == "0;1"


class TestGenerator:
    def test_a_waveform_of_the_same_name_is_refused_until_the_memory_is_cleared(self):
        box = Keysight33500Model("inputs", "M1", SimulatedClock())
        upload = b"SOUR1:DATA:ARB:DAC W, 0, 1, 2, 3, 4, 5, 6, 7"
        box.receive(upload)
        box.receive(upload)
        assert ask(box, "SYST:ERR?").startswith("786")
        box.receive(b"SOUR1:DATA:VOL:CLE")
        box.receive(upload)
        assert ask(box, "SYST:ERR?").startswith("0")

    def test_byte_order_matters(self):
        box = Keysight33500Model("inputs", "M1", SimulatedClock())
        data = (258).to_bytes(2, "little") * 8
        box.receive(b"FORM:BORD SWAP")
        box.receive(b"SOUR1:DATA:ARB:DAC LITTLE,#216" + data)
        box.receive(b"FORM:BORD NORM")
        box.receive(b"SOUR1:DATA:ARB:DAC BIG,#216" + data)
        assert box.outputs[0].waveforms["LITTLE"][0] == 258
        assert box.outputs[0].waveforms["BIG"][0] == 513

    def test_voltage_limits_refuse_what_is_beyond_them(self):
        box = Keysight33500Model("inputs", "M1", SimulatedClock())
        box.receive(b"SOUR1:VOLT:LIM:LOW -1;HIGH 1;STAT ON")
        box.receive(b"SOUR1:VOLT 2.1")
        assert ask(box, "SYST:ERR?").startswith("-221")
        box.receive(b"SOUR1:VOLT 2.0")
        assert ask(box, "SYST:ERR?").startswith("0")
