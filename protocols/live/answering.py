"""What a trainer answers to commands: an acknowledgement at once, the state later.

Requests carry an id; the same id twice is answered twice and obeyed once. One monitor at a time
is in control; another may watch, and may take control by saying so. An abort is anybody's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from instruments.errors import RecordError
from protocols.live.messages import Message
from protocols.live.stored_parts import read_part
from protocols.run_control import RunControl

CONTROL_LAPSES_SECONDS = 10.0
"""A controller that was not heard for so long is in control no more."""

_REMEMBERED = 256
_COMMANDS = ("pause", "pause_now", "resume", "stop", "abort")


class CommandDesk:
    """Answers the messages that arrive for one run.

    Parameters
    ----------
    path
        Folder of the run.
    control
        What passes commands on to the training loop.
    clock
        Seconds that never go back; monitors learn how theirs differs.
    rows, arrays
        Addresses where the run is published.
    """

    def __init__(
        self, path: Path, control: RunControl, clock: Callable[[], float], *, rows: str, arrays: str
    ) -> None:
        self._path = path
        self._control = control
        self._clock = clock
        self._published = {"rows_at": rows, "arrays_at": arrays}
        self._answers: OrderedDict[tuple[bytes, str], Message] = OrderedDict()
        self._holder: tuple[bytes, str] | None = None
        self._holder_heard = 0.0

    @property
    def controller(self) -> str:
        """Who is in control, as ``user@host``; empty if nobody is."""
        if self._holder is None or self._clock() - self._holder_heard > CONTROL_LAPSES_SECONDS:
            return ""
        return self._holder[1]

    def answer(self, sender: bytes, request: Message) -> Message:
        """Return the answer to a request; ``sender`` tells monitors apart."""
        identifier = str(request.header.get("id", ""))
        known = self._answers.get((sender, identifier))
        if known is not None and identifier:
            return known
        by = str(request.header.get("by", "somebody"))
        if self._holder is not None and self._holder[0] == sender:
            self._holder_heard = self._clock()
        if request.topic == "read":
            return self._read(request, identifier)
        if request.topic in _COMMANDS:
            answer = self._obey(sender, by, request, identifier)
            self._answers[sender, identifier] = answer
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
            return answer
        if request.topic == "take":
            self._take(sender, by)
            return self._said(identifier, True, f"{by} is in control")
        if request.topic in ("hello", "status"):
            return self._said(identifier, True, "")
        return self._said(identifier, False, f"{request.topic!r} is not understood")

    def _obey(self, sender: bytes, by: str, request: Message, identifier: str) -> Message:
        command = request.topic
        if request.header.get("take"):
            self._take(sender, by)
        holder = self.controller
        others = bool(holder) and self._holder is not None and self._holder[0] != sender
        if others and command != "abort":
            return self._said(identifier, False, f"{holder} is in control: take control first")
        if not others:
            self._take(sender, by)
        text = getattr(self._control, command)(by)
        return self._said(identifier, True, text)

    def _take(self, sender: bytes, by: str) -> None:
        self._holder = (sender, by)
        self._holder_heard = self._clock()

    def _read(self, request: Message, identifier: str) -> Message:
        try:
            header, arrays = read_part(self._path, request.header)
        except (RecordError, OSError, KeyError, TypeError, ValueError) as error:
            return self._said(identifier, False, f"cannot be read ({error})")
        return Message("part", {"id": identifier, "accepted": True, **header}, arrays)

    def _said(self, identifier: str, accepted: bool, text: str) -> Message:
        header = {
            "id": identifier,
            "accepted": accepted,
            "text": text,
            "state": self._control.state,
            "controller": self.controller,
            "run": str(self._path.absolute()),
            "time": self._clock(),
            **self._published,
        }
        return Message("answer", header)
