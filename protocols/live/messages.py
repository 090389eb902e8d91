"""What goes over the wire: a topic, a JSON header, and arrays as raw bytes. Never pickle.

A message is a list of frames: the topic (ASCII), the header (JSON), and one frame for each array
the header lists under ``arrays`` with name, dtype and shape, little-endian in C order.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.errors import RecordError
from protocols.record.documents import storable_dtype
from protocols.record.json_values import from_json, to_json

WIRE_VERSION = 1
LARGEST_ARRAY_BYTES = 2**28
_LARGEST_HEADER_BYTES = 2**24


class MessageError(Exception):
    """Frames that are no message of ours; they are dropped."""


@dataclass(frozen=True, eq=False)
class Message:
    """One message.

    Parameters
    ----------
    topic
        What kind of message it is; letters only.
    header
        JSON values by name.
    arrays
        Arrays by name.
    """

    topic: str
    header: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


def encode(message: Message) -> list[bytes]:
    """Return the frames of a message; arrays are copied.

    Raises
    ------
    RecordError
        If a value has no JSON form or an array no raw form.
    """
    frames, listed = [], []
    for name, values in message.arrays.items():
        dtype = storable_dtype(values.dtype, f"message array {name!r}")
        frames.append(np.asarray(values, dtype, order="C").tobytes())
        listed.append({"name": name, "dtype": dtype.str, "shape": list(values.shape)})
    header = {"version": WIRE_VERSION, **_header_values(message.header), "arrays": listed}
    text = json.dumps(header, allow_nan=False, separators=(",", ":"))
    return [message.topic.encode("ascii"), text.encode(), *frames]


def decode(frames: Sequence[bytes]) -> Message:
    """Return the message in frames that came from anywhere.

    Raises
    ------
    MessageError
        If they are not a message this version understands; nothing of them is executed.
    """
    if len(frames) < 2:
        raise MessageError(f"{len(frames)} frames")
    if len(frames[1]) > _LARGEST_HEADER_BYTES:
        raise MessageError(f"a header of {len(frames[1])} bytes")
    try:
        topic = frames[0].decode("ascii")
        header = json.loads(frames[1])
        if header["version"] != WIRE_VERSION:
            raise MessageError(f"wire version {header['version']}, this is {WIRE_VERSION}")
        listed = header.pop("arrays")
        if len(listed) != len(frames) - 2:
            raise MessageError(f"{len(listed)} arrays in {len(frames) - 2} frames")
        arrays = {
            str(one["name"]): _array(one, data)
            for one, data in zip(listed, frames[2:], strict=True)
        }
        return Message(topic, from_json(header), arrays)
    except (KeyError, TypeError, ValueError, AttributeError, RecordError) as error:
        raise MessageError(f"{type(error).__name__}: {error}") from error


def _array(described: Mapping[str, Any], data: bytes) -> npt.NDArray[Any]:
    dtype = storable_dtype(np.dtype(str(described["dtype"])), "array")
    shape = tuple(int(length) for length in described["shape"])
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size != len(data) or size > LARGEST_ARRAY_BYTES:
        raise MessageError(f"{len(data)} bytes for an array {list(shape)} of {dtype}")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _header_values(header: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = to_json(header, "message")
    return values
