"""A monitor's side: hears what is published, and asks and commands with acknowledgement.

Nothing here waits unless it says so; a window calls ``hear`` and ``answers`` from a timer.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy.typing as npt
import zmq

from instruments.errors import RecordError
from protocols.live.address import LiveAddress, parse_address, read_address, user_at_host
from protocols.live.keys import use_keys
from protocols.live.messages import Message, MessageError, decode, encode

_MESSAGES_A_LOOK = 512
_GREET_SECONDS = 1.0
_STATUS_SECONDS = 3.0


@dataclass(frozen=True)
class Answer:
    """What the trainer said to a request.

    Parameters
    ----------
    request
        Id the request was sent with.
    accepted, text
        Whether it will be done, and what will happen or why not.
    state
        What the trainer was doing when it answered.
    """

    request: str
    accepted: bool
    text: str
    state: str


class LiveClient:
    """Connection to a running trainer.

    Parameters
    ----------
    address
        Where it takes commands, and the keys if it wants any.
    clock
        Seconds that never go back.
    """

    def __init__(
        self, address: LiveAddress, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.address = address
        self._clock = clock
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
        self._commands = self._connected(zmq.DEALER, address.commands, 1000)
        self._published: list[zmq.Socket[bytes]] = []
        self._sent: dict[str, float] = {}
        self._answers: list[Answer] = []
        self._best_round_trip = float("inf")
        self.heard_at = -float("inf")
        """When anything was heard last, by this side's clock."""
        self.clock_difference: float | None = None
        """Trainer's clock minus this side's, seconds; ``None`` until it has answered."""
        self.run: Path | None = None
        """Folder of the run as the trainer calls it."""
        self.controller = ""
        """Who is in control, as ``user@host``."""
        self._hello_at = -float("inf")

    @classmethod
    def to_run(cls, path: Path) -> LiveClient:
        """Connect to the trainer of the run in a folder.

        Raises
        ------
        RecordError
            If no trainer can be reached there.
        """
        try:
            return cls(read_address(path))
        except FileNotFoundError as error:
            raise RecordError(
                f"{path}: no trainer publishes this run (there is no monitor.json); it has ended, "
                "or was started without"
            ) from error

    @classmethod
    def to_address(cls, text: str, key_file: Path | None = None) -> LiveClient:
        """Connect to ``tcp://HOST:PORT``, with the keys in a copy of its ``monitor.json``."""
        key: dict[str, str] = {}
        if key_file is not None:
            try:
                key = read_address(key_file).key
            except FileNotFoundError as error:
                raise RecordError(
                    f"{key_file} does not exist; give a copy of monitor.json"
                ) from error
        return cls(LiveAddress(parse_address(text), key=key))

    # Asking ---------------------------------------------------------------------------------------

    def send(self, topic: str, **header: Any) -> str:
        """Send a request and return its id; the answer comes with ``answers``."""
        identifier = uuid.uuid4().hex
        values = {"id": identifier, "by": user_at_host(), **header}
        try:
            self._commands.send_multipart(encode(Message(topic, values)), zmq.NOBLOCK)
        except zmq.Again:
            return identifier
        self._sent[identifier] = self._clock()
        return identifier

    def greet(self) -> None:
        """Ask where the run is published, and the time; again now and then until it is known.

        Asked now and then afterwards it also tells the trainer that whoever is in control is
        still there.
        """
        pause = _GREET_SECONDS if self.clock_difference is None else _STATUS_SECONDS
        if self._clock() - self._hello_at >= pause:
            self._hello_at = self._clock()
            self.send("hello")

    def answers(self) -> list[Answer]:
        """Return what was answered since the last call."""
        while self._commands.poll(0):
            self._take_answer()
        answers, self._answers = self._answers, []
        return answers

    def ask(self, topic: str, timeout_seconds: float = 2.0, **header: Any) -> Answer:
        """Send a request and wait for its answer.

        Raises
        ------
        RecordError
            If none came in time.
        """
        message = self._wait_for(self.send(topic, **header), timeout_seconds)
        return _answer(message)

    def read(
        self, request: Mapping[str, Any], timeout_seconds: float = 5.0
    ) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Read a part of the run through the trainer (see ``stored_parts.read_part``); waits.

        Raises
        ------
        RecordError
            If it cannot be read or no answer came in time.
        """
        message = self._wait_for(self.send("read", **request), timeout_seconds)
        if not message.header.get("accepted"):
            raise RecordError(f"{self.address.commands}: {message.header.get('text', 'refused')}")
        return message.header, message.arrays

    # Hearing --------------------------------------------------------------------------------------

    def subscribe(self) -> bool:
        """Begin to hear what is published, once the trainer has said where; whether it has."""
        if not self._published and self.clock_difference is not None:
            for address, queued in ((self._rows, 1000), (self._arrays, 2)):
                socket = self._connected(zmq.SUB, address, queued)
                socket.subscribe(b"")
                self._published.append(socket)
        return bool(self._published)

    def hear(self) -> list[Message]:
        """Return what was published since the last call, oldest first, and never wait."""
        messages = []
        for socket in self._published:
            for _ in range(_MESSAGES_A_LOOK):
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                try:
                    messages.append(decode(frames))
                except MessageError:
                    continue
        if messages:
            self.heard_at = self._clock()
            for message in messages:
                self.controller = str(message.header.get("controller", self.controller))
        return messages

    def trainer_time(self, now: float | None = None) -> float:
        """Return the trainer's clock now; its own where they were not compared yet."""
        return (self._clock() if now is None else now) + (self.clock_difference or 0.0)

    def close(self) -> None:
        """Let go. The run goes on."""
        self._context.destroy(linger=100)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _connected(self, kind: int, address: str, queued: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.linger = 0
        socket.sndhwm = socket.rcvhwm = queued
        socket.ipv6 = "[" in address
        use_keys(socket, self.address.key)
        socket.connect(address)
        return socket

    def _wait_for(self, identifier: str, timeout_seconds: float) -> Message:
        until = self._clock() + timeout_seconds
        while (left := until - self._clock()) > 0:
            if self._commands.poll(int(1000 * left) + 1):
                message = self._take_answer(keep=identifier)
                if message is not None:
                    return message
        raise RecordError(
            f"{self.address.commands}: no answer within {timeout_seconds:g} s; the trainer has "
            "ended, or cannot be reached from here"
        )

    def _take_answer(self, keep: str = "") -> Message | None:
        """Take one answer; return it if it is the one waited for, else put it with the others."""
        try:
            message = decode(self._commands.recv_multipart(zmq.NOBLOCK))
        except (zmq.Again, MessageError):
            return None
        now = self._clock()
        self.heard_at = now
        identifier = str(message.header.get("id", ""))
        sent = self._sent.pop(identifier, None)
        if sent is not None and "time" in message.header:
            self._compare_clocks(float(message.header["time"]), sent, now)
        if "rows_at" in message.header:
            self._rows = self._reachable(str(message.header["rows_at"]))
            self._arrays = self._reachable(str(message.header["arrays_at"]))
            self.run = Path(str(message.header["run"]))
            self.controller = str(message.header["controller"])
        if identifier == keep:
            return message
        if message.topic == "answer":
            self._answers.append(_answer(message))
        return None

    def _compare_clocks(self, theirs: float, sent: float, received: float) -> None:
        """Take the clock of the trainer from the quickest answer so far."""
        if received - sent <= self._best_round_trip:
            self._best_round_trip = received - sent
            self.clock_difference = theirs - (sent + received) / 2

    def _reachable(self, published: str) -> str:
        """Return a published address by the name under which the trainer was reached."""
        host = self.address.commands.rpartition(":")[0]
        return f"{host}:{published.rpartition(':')[2]}"


def _answer(message: Message) -> Answer:
    header = message.header
    return Answer(
        str(header.get("id", "")),
        bool(header.get("accepted")),
        str(header.get("text", "")),
        str(header.get("state", "")),
    )
