"""How fast each thing drifts, from one check to the next, and what is to be measured again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from protocols.calibration.sequence import PROTOCOLS
from protocols.health.drift.finding import Drift


class DriftRates:
    """The drifts found so far; checks come at even intervals, in which rates are counted.

    Where a table was never measured, what the first check finds is how the bench is, and only
    what comes on top of it has drifted.
    """

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._rates: dict[str, float] = {}

    def take(self, found: Sequence[Drift]) -> None:
        """Note what the newest checks found."""
        for one in found:
            if not math.isfinite(one.value):
                continue
            if one.nominal:
                self._first.setdefault(one.name, one.value)
            if one.name in self._last:
                self._rates[one.name] = one.value - self._last[one.name]
            self._last[one.name] = one.value

    def rate(self, name: str) -> float:
        """Return by how much something drifted from the last check but one to the last."""
        return self._rates.get(name, 0.0)

    def drifted(self, one: Drift) -> float:
        """Return how far something has drifted."""
        return one.value - self._first.get(one.name, 0.0)

    def due(self, found: Sequence[Drift]) -> list[Drift]:
        """Return what has to be measured again now.

        It is beyond what is allowed, or will be by the next check if it goes on like that; and
        there is a protocol that measures it. Of several protocols only the first in their order:
        what the others would find rests on it, and may be right once it is.
        """
        due = [one for one in found if one.protocol and self._is_due(one)]
        first = min((PROTOCOLS.index(one.protocol) for one in due), default=0)
        return [one for one in due if PROTOCOLS.index(one.protocol) == first]

    def _is_due(self, one: Drift) -> bool:
        drifted, rate = self.drifted(one), self.rate(one.name)
        if abs(drifted) - 2.0 * one.sigma > one.allowed:
            return True
        certain = abs(drifted) > 2.0 * one.sigma and abs(rate) > 3.0 * one.sigma
        return rate * drifted > 0.0 and certain and abs(drifted + rate) > one.allowed

    def forget(self, names: Sequence[str]) -> None:
        """Begin anew with what was measured again."""
        for name in names:
            for known in (self._first, self._last, self._rates):
                known.pop(name, None)

    def state(self) -> dict[str, Any]:
        """Return what the next decision depends on, as JSON values."""
        return {"first": dict(self._first), "last": dict(self._last), "rates": dict(self._rates)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` returned."""
        self._first, self._last = dict(state["first"]), dict(state["last"])
        self._rates = dict(state["rates"])
