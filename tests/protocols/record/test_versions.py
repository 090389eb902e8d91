"""A resumed run says in what its surroundings differ."""

from __future__ import annotations

import json

import numpy as np

from protocols.record.versions import present_versions, version_differences


def test_this_process_does_not_differ_from_itself() -> None:
    recorded = json.loads(json.dumps(present_versions()))
    assert version_differences(recorded, present_versions()) == []
    assert recorded["numpy"] == np.__version__


def test_differences_are_said_in_words() -> None:
    then = {"python": "3.11.9", "threads": {"cores": 4, "openblas 0.3": "4 threads"}}
    now = {
        "python": "3.13.1",
        "threads": {"cores": 4, "openblas 0.3": "1 threads", "mkl 2025": "1 threads"},
    }
    assert version_differences(then, now) == [
        "python: 3.11.9 then, 3.13.1 now",
        "openblas 0.3: 4 threads then, 1 threads now",
    ]


def test_a_record_without_an_entry_differs() -> None:
    assert version_differences({}, {"numba": "0.61"}) == ["numba: None then, 0.61 now"]
