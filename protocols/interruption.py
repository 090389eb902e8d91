"""Ctrl-C, SIGTERM, SIGHUP: finish the step in hand, then stop; a second one stops at once."""

from __future__ import annotations

import _thread
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

_STOPPING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


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
    thread only (Python allows no other); elsewhere an interrupt arrives as usual. May be entered
    again while it is entered, to hold from the start of a record on ::

        with StopRequest() as stop:
            recorder = start_record(training, path)
            training.run(recorder, stop=stop)

    Attributes
    ----------
    signal_number
        The signal that came; ``None`` as long as none did.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._interrupted: str | None = None
        self._previous: list[dict[int, Any]] = []

    def __enter__(self) -> Self:
        previous: dict[int, Any] = {}
        self._previous.append(previous)
        if threading.current_thread() is threading.main_thread():
            for name in _STOPPING:
                number = getattr(signal, name, None)
                if number is not None and _may_be_handled(number):
                    previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.pop().items():
            signal.signal(number, handler)

    def interrupt(self, reason: str) -> None:
        """End the step in hand at once, from another thread: as a second signal would.

        Without handlers, outside the main thread, ``raise_if_interrupted`` does it after the step.
        """
        self._interrupted = reason
        if any(self._previous):
            _wake_main_thread()

    def raise_if_interrupted(self) -> None:
        """Raise ``Interrupted`` if another thread asked for it."""
        if self._interrupted is not None:
            raise Interrupted(self._interrupted)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.raise_if_interrupted()
        if self.signal_number is not None:
            raise Interrupted("stopped at once by a second signal", number)
        self.signal_number = number


def _wake_main_thread() -> None:
    """Have the handler of SIGINT run in the main thread, whatever that is doing."""
    if hasattr(signal, "pthread_kill"):
        # Unlike the other way this also ends a system call the main thread is waiting in.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main(signal.SIGINT)


def _may_be_handled(number: int) -> bool:
    """Leave alone what was not set from Python, and the terminal's end under ``nohup``."""
    present = signal.getsignal(number)
    is_hang_up = number == getattr(signal, "SIGHUP", None)
    return present is not None and not (is_hang_up and present is signal.SIG_IGN)
