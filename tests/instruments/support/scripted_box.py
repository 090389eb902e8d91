"""A box whose replies a test writes down, and a clock that does not wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from instruments.transport.connection import ConnectionLostError, NoReplyError

IDENTITY = "Maker,Box,1,0"


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds


class ScriptedBox:
    """Answers what ``replies`` has for a message; knows who it is.

    An entry is the reply, or an exception to raise, or a list of them taken one after the other.
    """

    is_stream = True

    def __init__(self, replies: dict[str, object], identity: str = IDENTITY) -> None:
        self.replies = dict(replies)
        self.identity = identity
        self.received: list[str] = []
        self.readable: deque[bytes] = deque()
        self.cleared = 0
        self.open = True
        self.on_write: Callable[[str], None] = lambda message: None

    def write(self, message: bytes) -> None:
        if not self.open:
            raise ConnectionLostError("the cable is out")
        text = message.decode("latin-1").rstrip("\r\n")
        self.received.append(text)
        self.on_write(text)
        reply = f"{self.identity}\n" if text == "*IDN?" else self.replies.get(text)
        if isinstance(reply, list):
            reply = reply.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, str):
            reply = reply.encode("latin-1")
        if isinstance(reply, bytes):
            self.readable.append(reply)

    def read_message(self) -> bytes:
        if not self.open:
            raise ConnectionLostError("the cable is out")
        if not self.readable:
            raise NoReplyError
        data = self.readable.popleft()
        end = data.find(b"\n") + 1
        if end and end < len(data):
            self.readable.appendleft(data[end:])
            return data[:end]
        return data

    def read_bytes(self, count: int) -> bytes:
        data = b"".join(self.readable)
        self.readable.clear()
        if len(data) < count:
            raise NoReplyError(data)
        if data[count:]:
            self.readable.append(data[count:])
        return data[:count]

    def set_timeout(self, seconds: float) -> None:
        pass

    def clear(self) -> None:
        self.cleared += 1
        self.readable.clear()

    def close(self) -> None:
        pass


class ScriptedWire:
    """Boxes, one after the other; ``None`` is nobody."""

    simulated = False

    def __init__(self, boxes: Iterable[ScriptedBox | None]) -> None:
        self.clock = Clock()
        self.boxes = deque(boxes)

    def connect(self, address, timeout_seconds, end, baud_rate):
        box = self.boxes.popleft() if len(self.boxes) > 1 else self.boxes[0]
        if box is None:
            raise ConnectionLostError("nobody listens")
        return box
