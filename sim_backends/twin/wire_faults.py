"""Faults of the wire between a simulated instrument and its driver, switched on by hand.

Each befalls one instrument, by its name in the bench file, once, at its next message or a later
one; a refused connection stays until the faults are cleared.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

WireFault = Literal[
    "late reply",
    "dropped reply",
    "half reply",
    "garbled reply",
    "error in queue",
    "power cycle",
    "closed",
    "refused",
]
OF_REPLIES: frozenset[WireFault] = frozenset(
    {"late reply", "dropped reply", "half reply", "garbled reply"}
)


@dataclass
class _Coming:
    kind: WireFault
    messages_until: int


class WireFaults:
    """Faults of the wires of one bench; none at first.

    Attributes
    ----------
    any
        Whether there is one at all, so that a healthy wire pays for one look.
    """

    def __init__(self) -> None:
        self.any = False
        self._lock = threading.Lock()
        self._coming: dict[str, deque[_Coming]] = {}
        self._refused: set[str] = set()

    def spoil(self, instrument: str, kind: WireFault, after: int = 0) -> None:
        """Let a fault befall an instrument.

        Parameters
        ----------
        kind
            What happens: a reply that comes with the next one, never, cut in half or with a bit
            turned over; an entry in the error queue; power off and on; a closed connection; a
            connection that cannot be opened.
        after
            How many messages (for faults of replies: how many questions) go well before.
        """
        with self._lock:
            if kind == "refused":
                self._refused.add(instrument)
            else:
                self._coming.setdefault(instrument, deque()).append(_Coming(kind, after))
            self.any = True

    def clear(self) -> None:
        """End all faults."""
        with self._lock:
            self._coming.clear()
            self._refused.clear()
            self.any = False

    def refuses(self, instrument: str) -> bool:
        """Return whether an instrument cannot be connected to."""
        return self.any and instrument in self._refused

    def at_message(self, instrument: str) -> WireFault | None:
        """Return what befalls an instrument as a message reaches it."""
        return self._take(instrument, of_replies=False)

    def at_reply(self, instrument: str) -> WireFault | None:
        """Return what befalls the reply an instrument is giving."""
        return self._take(instrument, of_replies=True)

    def _take(self, instrument: str, *, of_replies: bool) -> WireFault | None:
        with self._lock:
            coming = self._coming.get(instrument)
            if not coming or (coming[0].kind in OF_REPLIES) is not of_replies:
                return None
            if coming[0].messages_until:
                coming[0].messages_until -= 1
                return None
            return coming.popleft().kind
