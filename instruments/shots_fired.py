"""How many shots the trigger source of a bench has fired.

Many boxes step on, or begin a record, at a trigger without being able to say how many they have
seen. What can be known is what was fired; drivers of such boxes look here.
"""

from __future__ import annotations

import threading
from typing import Any

from instruments.opening import OpeningRequest


class ShotsFired:
    """Shots and firings since the bench was opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.shots = 0
        self.firings = 0

    def announce(self, shots: int) -> None:
        """Note that a trigger source fired ``shots`` triggers in a row."""
        with self._lock:
            self.shots += shots
            self.firings += 1


def shots_fired(request: OpeningRequest[Any]) -> ShotsFired:
    """Return the count of the bench an instrument is opened for."""
    return request.shared.get("shots fired", ShotsFired)
