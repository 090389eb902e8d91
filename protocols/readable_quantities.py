"""Quantities as a person reads them: 46.7 ms instead of 0.04666666666666667."""

from __future__ import annotations

import math

from instruments.limits import Limit

_PREFIXES = {
    -15: "f",
    -12: "p",
    -9: "n",
    -6: "u",
    -3: "m",
    0: "",
    3: "k",
    6: "M",
    9: "G",
    12: "T",
}
_PREFIXED = ("V", "A", "W", "s", "m", "Hz", "J")


def readable(value: float, unit: str, digits: int = 3) -> str:
    """Return a value with ``digits`` significant digits, and a prefix where its unit takes one."""
    if unit not in _PREFIXED or value == 0 or not math.isfinite(value):
        return f"{value:.{digits}g} {unit}".rstrip()
    rounded = float(f"{value:.{digits - 1}e}")
    power = 3 * math.floor(math.log10(abs(rounded)) / 3)
    power = min(max(power, min(_PREFIXES)), max(_PREFIXES))
    return f"{rounded / 10.0**power:.{digits}g} {_PREFIXES[power]}{unit}"


def readable_duration(seconds: float) -> str:
    """Return a time as a person says it: with a prefix up to minutes, then in minutes, hours."""
    if seconds < 60:
        return readable(seconds, "s")
    minutes = round(seconds / 60)
    return f"{seconds / 60:.1f} min" if minutes < 60 else f"{seconds / 3600:.1f} h"


def readable_limit(quantity: str, limit: Limit) -> str:
    """Return a limit with its quantity: ``"current 0 A to 200 mA"``.

    Parameters
    ----------
    quantity
        Its name, units included: ``"current_amperes"``.
    """
    name, _, last_word = quantity.rpartition("_")
    words = (name or last_word).replace("_", " ")
    has_prefix = limit.unit in _PREFIXED
    unit = "" if has_prefix or limit.unit == words else f" {limit.unit}"
    low, high = (
        readable(bound, limit.unit, 6) if has_prefix else f"{bound:.10g}"
        for bound in (limit.low, limit.high)
    )
    if math.isinf(limit.low) and math.isinf(limit.high):
        return f"{words} without limit"
    if math.isinf(limit.high):
        return f"{words} from {low}{unit}"
    if math.isinf(limit.low):
        return f"{words} up to {high}{unit}"
    return f"{words} {low} to {high}{unit}"
