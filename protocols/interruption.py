"""Ctrl-C and SIGTERM: finish the step in hand, then stop; a second one stops at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupted(KeyboardInterrupt):
    """A run was asked to stop and has stopped safely.

    Attributes
    ----------
    exit_code
        128 plus the signal's number, as shells report it: 130 after Ctrl-C.
    """

    def __init__(self, message: str, signal_number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


class StopRequest:
    """Turns the first signal into a request that the training loop looks at between steps.

    Stopping between steps leaves weights, moments and generators in step with each other, so
    that the checkpoint written then resumes bit for bit. Handlers are installed in the main
    thread only (Python allows no other); elsewhere an interrupt arrives as usual.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
                number = getattr(signal, name, None)
                if number is not None:
                    self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is not None:
            raise Interrupted("stopped at once by a second signal", number)
        self.signal_number = number
