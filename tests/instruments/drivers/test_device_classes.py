"""The device classes in PyMeasure's own way of testing: what is written, what is read."""

import pytest
from pymeasure.test import expected_protocol

from instruments.drivers.keysight_33500 import Keysight33500
from instruments.drivers.thorlabs_itc4000 import Itc4000
from instruments.transport.pymeasure_adapter import on_or_off


def test_currents_of_a_diode_are_read_and_set():
    with expected_protocol(
        Itc4000,
        [
            (b"SOUR1:CURR:LIM?", b"1.600000E-01"),
            (b"SOUR1:CURR 0.065", None),
            (b"SOUR1:CURR?", b"6.500000E-02"),
            (b"MEAS:CURR1?", b"6.499000E-02"),
        ],
    ) as box:
        assert box.current_limit == pytest.approx(0.16)
        box.current = 0.065
        assert box.current == pytest.approx(0.065)
        assert box.measured_current == pytest.approx(0.06499)


def test_a_temperature_is_held():
    with expected_protocol(
        Itc4000,
        [
            (b"SOUR2:TEMP 24.8C", None),
            (b"OUTP2 1", None),
            (b"OUTP2?", b"1"),
            (b"MEAS:TEMP?", b"2.479000E+01"),
        ],
    ) as box:
        box.target = 24.8
        box.controller_on = True
        assert box.controller_on is True
        assert box.temperature == pytest.approx(24.79)


def test_outputs_of_a_generator_have_their_own_numbers():
    with expected_protocol(
        Keysight33500,
        [
            (b"FORM:BORD SWAP", None),
            (b"OUTP1:LOAD 50", None),
            (b"OUTP2 0", None),
            (b"SOUR2:VOLT:LIM:HIGH 5", None),
            (b"SOUR2:VOLT:LIM:STAT?", b"1"),
            (b"SOUR1:FUNC:ARB?", b'"SHOTS"'),
        ],
    ) as box:
        box.byte_order = "SWAP"
        box.ch_1.load = "50"
        box.ch_2.output = False
        box.ch_2.highest_voltage = 5.0
        assert box.ch_2.voltage_limited is True
        assert box.ch_1.waveform.strip('"') == "SHOTS"


@pytest.mark.parametrize(("answer", "is_on"), [("1", True), ("+0", False), ("ON", True)])
def test_a_switch_is_read_as_boxes_write_it(answer, is_on):
    assert on_or_off(answer) is is_on


@pytest.mark.parametrize("answer", ["2", "", "1.2.3", "nan"])
def test_what_is_neither_on_nor_off_is_no_switch(answer):
    with pytest.raises(ValueError, match=r"nor off|could not convert"):
        on_or_off(answer)
