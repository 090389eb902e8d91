"""SCPI headers in all their forms, messages with several commands, blocks in streams."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_backends.wire.scpi_syntax import (
    Framer,
    NotANumberError,
    header_pattern,
    number,
    units_of,
)


@pytest.mark.parametrize(
    ("header", "numbers"),
    [
        ("SOUR:CURR", (None,)),
        ("source2:current:level:immediate:amplitude", ("2",)),
        ("SOURce1:CURRent:LEV", ("1",)),
    ],
)
def test_a_header_has_a_long_and_a_short_form_and_parts_that_can_be_left_out(header, numbers):
    pattern = header_pattern("SOURce#:CURRent[:LEVel][:IMMediate][:AMPLitude]")
    found = tuple(text or None for text in pattern.fullmatch(header).groups())
    assert found == numbers


@pytest.mark.parametrize("header", ["SOURC:CURR", "SOUR:CURR?", "SOUR:CURR:LIM", "CURR"])
def test_what_is_neither_form_is_another_header(header):
    pattern = header_pattern("SOURce#:CURRent[:LEVel][:IMMediate][:AMPLitude]")
    assert pattern.fullmatch(header) is None


def test_a_command_after_a_semicolon_begins_where_the_one_before_ended():
    # SCPI-99, 6.2.4: the header path.
    message = b"ACQ:TRIG CH1_PE;START;*OPC?;:OUTP1 ON, 2"
    units = [(unit.header, unit.arguments) for unit in units_of(message)]
    assert units == [
        ("ACQ:TRIG", ["CH1_PE"]),
        ("ACQ:START", []),
        ("*OPC?", []),
        ("OUTP1", ["ON", "2"]),
    ]


def test_a_block_is_one_parameter_whatever_it_holds():
    data = b' ;,"#1\n\r '
    (unit,) = units_of(b"DATA:ARB:DAC shots,#" + b"1%d" % len(data) + data)
    assert unit.arguments == ["shots", data]


@given(
    st.lists(st.binary(max_size=40), min_size=1, max_size=5),
    st.lists(st.integers(1, 30), min_size=1, max_size=8),
)
def test_a_stream_is_cut_into_messages_however_it_arrives(blocks, sizes):
    messages = [b"WAVE #2%02d" % len(block) + block for block in blocks] + [b"*IDN?"]
    stream = b"".join(message + b"\r\n" for message in messages)
    framer, found, place, turn = Framer(), [], 0, 0
    while place < len(stream):
        size = sizes[turn % len(sizes)]
        found += framer.feed(stream[place : place + size])
        place, turn = place + size, turn + 1
    assert found == messages


def test_a_message_without_a_terminator_ends_where_its_sender_says():
    framer = Framer()
    assert framer.feed(b"*ID") == []
    assert framer.feed(b"N?") == []
    assert framer.finish() == b"*IDN?"


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.5E-3", 1.5e-3), ("25.0C", 25.0), ("100 mV", 0.1), ("2 kHz", 2000.0), ("-.5", -0.5)],
)
def test_numbers_may_carry_a_unit(text, value):
    assert number(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["ON", "1.2.3", "5 apples", b"\x01"])
def test_what_is_no_number_is_told(text):
    with pytest.raises(NotANumberError):
        number(text)
