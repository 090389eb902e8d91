"""What is sent comes back bit for bit, and nothing that arrives is executed."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra.numpy import array_shapes, arrays

from protocols.live.messages import Message, MessageError, decode, encode

DTYPES = some.sampled_from(["<f8", "<f4", "<i8", "|u1", "<c8", "|b1"])
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    some.dictionaries(some.sampled_from(["a", "b", "first"]), VALUES, max_size=3),
    DTYPES.flatmap(lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_side=4))),
)
def test_a_message_comes_back_as_it_was(header, values):
    back = decode(encode(Message("rows", header, {"values": values})))
    assert back.topic == "rows"
    # repr, because NaN is not equal to itself.
    assert repr({name: back.header[name] for name in header}) == repr(header)
    assert back.arrays["values"].dtype == values.dtype
    assert back.arrays["values"].tobytes() == values.tobytes()
    assert back.arrays["values"].shape == values.shape


@settings(deadline=None)
@given(some.lists(some.binary(max_size=40), max_size=4))
def test_noise_is_no_message(frames):
    with pytest.raises(MessageError):
        decode(frames)


def header(**changes):
    """A header as it should be, changed."""
    described = {"name": "x", "dtype": "<f8", "shape": [2]}
    values = {"version": 1, "arrays": [described | changes.pop("array", {})]} | changes
    return json.dumps(values).encode()


@pytest.mark.parametrize(
    "frames",
    [
        [b"rows", header(version=2), bytes(16)],
        [b"rows", header(), bytes(15)],
        [b"rows", header()],
        [b"rows", header(array={"shape": [-2, -1]}), bytes(16)],
        [b"rows", header(array={"dtype": "O"}), bytes(16)],
        [b"rows", header(array={"dtype": "<M8[s]"}), bytes(16)],
        [b"rows", header(array={"shape": "ab"}), bytes(16)],
        [b"\xff", header(), bytes(16)],
        [b"rows", pickle.dumps(print), bytes(16)],
    ],
)
def test_what_does_not_fit_its_header_is_refused(frames):
    with pytest.raises(MessageError):
        decode(frames)


def test_an_array_that_was_sent_may_be_overwritten_afterwards():
    values = np.arange(4.0)
    frames = encode(Message("fields", {}, {"x": values}))
    values[:] = -1
    assert decode(frames).arrays["x"].tolist() == [0, 1, 2, 3]
