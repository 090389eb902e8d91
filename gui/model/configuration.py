"""The configuration of a run as lines to read, and what two runs differ in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

_MOST_CHARACTERS = 200


class Difference(NamedTuple):
    """A setting with another value in another run; ``None`` where it does not exist."""

    name: str
    here: str | None
    there: str | None


def as_lines(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Return every setting by its dotted name, its value as text."""
    lines: dict[str, str] = {}
    _collect("", configuration, lines)
    return lines


def _collect(prefix: str, value: Any, lines: dict[str, str]) -> None:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            _collect(f"{prefix}.{key}" if prefix else str(key), inner, lines)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for number, inner in enumerate(value, start=1):
            _collect(f"{prefix}.{number}", inner, lines)
    else:
        lines[prefix] = _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool) or value is None:
        text = {True: "yes", False: "no", None: "—"}[value]
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, list):
        text = ", ".join(_text(item) for item in value)
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[Difference]:
    """Return the settings in which two configurations differ, in the order of the first."""
    mine, others = as_lines(here), as_lines(there)
    names = [*mine, *(name for name in others if name not in mine)]
    return [
        Difference(name, mine.get(name), others.get(name))
        for name in names
        if mine.get(name) != others.get(name)
    ]
