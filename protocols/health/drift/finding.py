"""How far one thing on a bench is from what the tables say of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Drift:
    """How far one thing is from what the tables say.

    Attributes
    ----------
    name
        As a column of the record.
    what
        In words.
    instrument
        Whom it concerns.
    stage
        The stage it belongs to; empty for what belongs to none.
    value, sigma
        Found, with one standard deviation.
    allowed
        From which size on it matters. What stands still, training absorbs, many times as large;
        this is for what changes under it, and for weights that were trained before the change.
    unit
        Of these; empty for shares.
    protocol
        The calibration protocol that measures it anew; empty where it was put right already.
    nominal
        Whether the table was never measured: then some of it is no drift but the bench's own.
    """

    name: str
    what: str
    instrument: str
    stage: str
    value: float
    sigma: float
    allowed: float
    unit: str = ""
    protocol: str = ""
    nominal: bool = False

    @property
    def is_beyond(self) -> bool:
        """Whether it is more than allowed, by more than noise."""
        return abs(self.value) - 2.0 * self.sigma > self.allowed

    def reading(self) -> str:
        """Return the number as a person reads it."""
        if self.unit:
            return f"{self.value:+.3f} {self.unit}"
        return f"{100 * self.value:+.1f} %"
