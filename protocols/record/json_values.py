"""Values that go into JSON and come back exactly.

Integers of any size survive (the states of numpy's generators have 128 bits), floats survive
bit for bit, and those JSON has no word for are written as ``{"nonfinite": "nan"}``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from instruments.errors import RecordError

_NONFINITE = "nonfinite"


def to_json(value: Any, where: str) -> Any:
    """Turn a value into one that ``json`` writes strictly.

    Numpy scalars become Python's, tuples become lists, paths become strings.

    Raises
    ------
    RecordError
        For anything else, naming the place in ``value``.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_NONFINITE: str(float(value))}
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [to_json(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise RecordError(f"{where}: the key {key!r} is no string; JSON allows only those")
        return {str(key): to_json(item, f"{where}.{key}") for key, item in value.items()}
    raise RecordError(
        f"{where}: a {type(value).__name__} cannot be recorded as JSON; "
        "allowed are None, booleans, numbers, strings, and lists and dictionaries of them"
    )


def from_json(value: Any) -> Any:
    """Undo ``to_json`` (tuples stay lists)."""
    if isinstance(value, dict):
        if value.keys() == {_NONFINITE}:
            return float(value[_NONFINITE])
        return {key: from_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return value
