"""Values survive JSON exactly or are refused by the place they stand at."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.errors import RecordError
from protocols.record.json_values import from_json, to_json

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10
)


@given(VALUES)
def test_whatever_goes_in_comes_back(value: Any) -> None:
    text = json.dumps(to_json(value, "value"), allow_nan=False)
    assert from_json(json.loads(text)) == value


def test_generator_states_survive() -> None:
    for kind in (np.random.PCG64, np.random.PCG64DXSM):
        state = kind(7).state
        assert from_json(json.loads(json.dumps(to_json(state, "state")))) == state


def test_numpy_scalars_paths_and_tuples_become_plain() -> None:
    value = {"a": np.float32(0.1), "b": (np.int64(2), np.bool_(True)), "c": Path("x")}
    assert to_json(value, "value") == {"a": float(np.float32(0.1)), "b": [2, True], "c": "x"}


def test_floats_json_has_no_word_for() -> None:
    back = from_json(to_json([math.inf, -math.inf, math.nan, -0.0], "value"))
    assert back[:2] == [math.inf, -math.inf]
    assert math.isnan(back[2])
    assert math.copysign(1, back[3]) == -1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": [1, {2}]}, r"value\.a\[1\]: a set"),
        ({"a": {1: 2}}, r"value\.a: the key 1"),
        (np.zeros(3), "value: a ndarray"),
        (1j, "value: a complex"),
    ],
)
def test_anything_else_is_refused_by_its_place(value: Any, words: str) -> None:
    with pytest.raises(RecordError, match=words):
        to_json(value, "value")
