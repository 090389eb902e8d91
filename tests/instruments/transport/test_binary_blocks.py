"""Binary blocks of IEEE 488.2, as the standard and instruments' manuals write them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.transport.binary_blocks import (
    BlockError,
    block_values,
    read_header,
    to_block,
)


def test_a_block_is_written_as_the_standard_has_it():
    # IEEE 488.2, 7.7.6.2: a non-zero digit, so many digits, so many bytes.
    assert to_block(b"ABCDE") == b"#15ABCDE"
    assert to_block(bytes(1234))[:6] == b"#41234"


@given(st.binary(max_size=300))
def test_what_is_written_is_read_whatever_bytes_it_holds(data):
    block = to_block(data) + b"\n"
    header = read_header(block)
    assert block[header.start : header.end] == data


@given(st.binary(min_size=1, max_size=2000), st.integers(0, 6))
def test_a_header_that_is_not_all_there_is_waited_for(data, length):
    block = to_block(data)
    header = read_header(block)
    part = read_header(block[: min(length, header.start - 1)])
    assert part is None


def test_an_indefinite_block_goes_up_to_the_end():
    header = read_header(b"#0abc\n")
    assert (header.start, header.length, header.end) == (2, None, None)


@pytest.mark.parametrize("wrong", [b"1.5E-3\n", b"#x12", b"#2a1zz", b"\x00#15"])
def test_what_is_no_block_says_what_was_found(wrong):
    with pytest.raises(BlockError, match="found"):
        read_header(wrong)


def test_numbers_are_unpacked_in_the_byte_order_of_the_box():
    # A Red Pitaya sends 1.0 as 3F 80 00 00 and 258 as 01 02: network order.
    np.testing.assert_array_equal(block_values(b"\x3f\x80\x00\x00", ">f4"), [1.0])
    np.testing.assert_array_equal(block_values(b"\x01\x02\x02\x01", ">i2"), [258, 513])
    np.testing.assert_array_equal(block_values(b"\x01\x02\x02\x01", "<i2"), [513, 258])
    assert block_values(b"\x01\x02", ">i2").dtype == np.dtype(np.int16)


def test_half_a_number_is_refused():
    with pytest.raises(BlockError, match="3 bytes"):
        block_values(b"\x01\x02\x03", "<i2")
