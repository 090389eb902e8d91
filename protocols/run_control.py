"""What a run is asked from a monitor or a terminal: pause, go on, stop, abort.

Other threads ask; the training loop looks between two minibatches and obeys. Holding or stopping
there leaves weights, moments and generators in step with each other. A pause now is looked for
before every exposure too: the minibatch in hand is given up there and done again afterwards. Only
an abort does not wait: it is raised in the middle of a step, as a second Ctrl-C is.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Literal, NamedTuple

from protocols.interruption import StopRequest

ControlState = Literal[
    "running", "pausing", "pausing now", "paused", "stopping", "aborting", "ended"
]

_LOOK_SECONDS = 0.1
_ENDED = "the run has ended"


class GivenUp(BaseException):
    """A pause now: what is in hand ends before its next exposure, to be done again.

    Raised inside the training loop and caught there. No ``Exception``, so that nothing in between
    takes it for an error of an instrument.
    """


class ControlNote(NamedTuple):
    """Something that was asked, for the log of events."""

    kind: str
    text: str


class RunControl:
    """Pause, resume, stop and abort of one run.

    ``pause``, ``pause_now``, ``resume``, ``stop`` and ``abort`` may be called from any thread and
    return at once, with a sentence that says what will happen. The training loop looks at ``asked``
    after every minibatch and calls ``give_up_if_asked`` before every exposure.

    Parameters
    ----------
    stop
        What signals ask of the same run; an abort is passed on to it.
    """

    def __init__(self, stop: StopRequest) -> None:
        self._signals = stop
        self._condition = threading.Condition()
        self._notes: deque[ControlNote] = deque()
        self._pause = False
        self._now = False
        self._held = False
        self._stop: str | None = None
        self._abort: str | None = None
        self._ended = False

    # For the one who asks -------------------------------------------------------------------------

    @property
    def state(self) -> ControlState:
        """What the run is doing about it, as far as the loop itself has got."""
        if self._ended:
            return "ended"
        if self._abort is not None:
            return "aborting"
        if self._pause:
            if self._held:
                return "paused"
            return "pausing now" if self._now else "pausing"
        if self._stop is not None or self._signals.signal_number is not None:
            return "stopping"
        return "running"

    def pause(self, by: str) -> str:
        """Hold the run after the minibatch in hand, in the safe state."""
        with self._condition:
            if self._ended:
                return _ENDED
            if self._pause:
                return f"{self.state} already"
            self._pause = True
            self._notes.append(ControlNote("pause", f"pause asked by {by}"))
        return "pausing after the minibatch in hand"

    def pause_now(self, by: str) -> str:
        """Hold the run before its next exposure; the minibatch in hand is done again afterwards."""
        with self._condition:
            if self._ended:
                return _ENDED
            if self._held or self._now:
                return f"{self.state} already"
            self._pause = self._now = True
            self._notes.append(ControlNote("pause", f"pause now asked by {by}"))
        return "pausing before the next exposure"

    def resume(self, by: str) -> str:
        """Go on after a pause."""
        with self._condition:
            if self._ended:
                return _ENDED
            if not self._pause:
                return "the run is not paused"
            self._pause = self._now = False
            self._notes.append(ControlNote("resume", f"resume asked by {by}"))
            self._condition.notify_all()
        return "going on"

    def stop(self, by: str) -> str:
        """End the run for good after the epoch in hand; a paused run goes on until then."""
        with self._condition:
            if self._ended:
                return _ENDED
            if self._stop is None:
                self._stop = by
                self._notes.append(ControlNote("stop", f"stop asked by {by}"))
            self._pause = self._now = False
            self._condition.notify_all()
        return "stopping after the epoch in hand"

    def abort(self, by: str) -> str:
        """End the step in hand at once; the safe state follows, and the run can be resumed."""
        with self._condition:
            if self._ended:
                return _ENDED
            if self._abort is None:
                self._abort = by
                self._notes.append(ControlNote("abort", f"abort asked by {by}"))
                self._signals.interrupt(f"aborted by {by}")
            self._condition.notify_all()
        return "aborting now"

    # For the training loop ------------------------------------------------------------------------

    @property
    def asked(self) -> bool:
        """Whether there is something to obey or to note."""
        return self._pause or self._abort is not None or bool(self._notes)

    @property
    def pause_asked(self) -> bool:
        """Whether the run should hold; an end that is asked for comes first."""
        return self._pause and self._abort is None and self._signals.signal_number is None

    def give_up_if_asked(self) -> None:
        """Raise ``GivenUp`` if the run should hold now."""
        if self._now and self.pause_asked:
            raise GivenUp

    @property
    def stop_asked_by(self) -> str | None:
        """Who asked for the end after the epoch in hand."""
        return self._stop

    def take_notes(self) -> list[ControlNote]:
        """Return what was asked since the last call."""
        notes = []
        while self._notes:
            notes.append(self._notes.popleft())
        return notes

    def hold(self) -> None:
        """Wait as long as the run is paused. The hardware is safe by now."""
        with self._condition:
            self._held = True
            try:
                while self.pause_asked:
                    # The time limit lets Ctrl-C in, on Windows too.
                    self._condition.wait(_LOOK_SECONDS)
            finally:
                self._held = False

    def end(self) -> None:
        """Say that nothing can be asked any more."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()
