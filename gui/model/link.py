"""Whether what is shown is up to date: live, stale, lost, or a run of the past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LinkKind = Literal["live", "store", "stale", "lost", "finished"]

STALE_SECONDS = 3.0
FINISHED_STATES = frozenset({"completed", "stopped early", "interrupted", "failed"})


@dataclass(frozen=True)
class Link:
    """State of the connection to a run.

    Parameters
    ----------
    kind
        ``live``: heard over the socket; ``store``: read from the folder, without a socket;
        ``stale``: a trainer that has fallen silent; ``lost``: it died without closing its run;
        ``finished``: it closed it.
    age_seconds
        What is shown was the truth so long ago; ``None`` for a run that is over.
    """

    kind: LinkKind
    age_seconds: float | None = None

    def __str__(self) -> str:
        if self.age_seconds is None:
            return self.kind
        if self.age_seconds < 1:
            return f"{self.kind} · {1000 * self.age_seconds:.0f} ms old"
        if self.age_seconds < 120:
            return f"{self.kind} · {self.age_seconds:.0f} s old"
        return f"{self.kind} · {self.age_seconds / 60:.0f} min old"


def judge(stored_state: str, *, heard_seconds_ago: float | None, truth_seconds_ago: float) -> Link:
    """Return the state of the link.

    Parameters
    ----------
    stored_state
        What the record says: ``running``, ``killed`` (running, and nobody holds its lock) or how
        it was closed.
    heard_seconds_ago
        Since the trainer said anything; ``None`` if it never did.
    truth_seconds_ago
        Since what is shown was the truth.
    """
    if stored_state == "killed":
        return Link("lost")
    if stored_state in FINISHED_STATES:
        return Link("finished")
    if heard_seconds_ago is None:
        kind: LinkKind = "store" if truth_seconds_ago <= STALE_SECONDS else "stale"
        return Link(kind, max(truth_seconds_ago, 0.0))
    if heard_seconds_ago > STALE_SECONDS:
        return Link("stale", heard_seconds_ago)
    return Link("live", max(truth_seconds_ago, 0.0))
