"""The cable to a simulated box: bytes there and back, and what can go wrong with them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from sim_backends.twin.faults import Faults
from sim_backends.twin.wire_faults import WireFault
from sim_backends.wire.real_time import RealTime
from sim_backends.wire.scpi_model import ScpiError, ScpiModel
from sim_backends.wire.scpi_syntax import Framer


class LinkBroken(Exception):  # noqa: N818 - what happened, not who is to blame
    """The connection is gone or was refused."""


class BoxLink:
    """One box with its address.

    Parameters
    ----------
    model
        The box.
    address
        Where it answers, as the bench file writes it.
    faults
        Of the twin.
    lock
        One for all boxes of a bench: they share one twin.

    Attributes
    ----------
    names
        The instruments it serves; what befalls one of them befalls the box.
    real_time
        Followed by the twin's time, where programs talk to the box that know no other.
    """

    def __init__(
        self, model: ScpiModel, address: str, faults: Faults, lock: threading.RLock
    ) -> None:
        self.model = model
        self.address = address
        self.lock = lock
        self.names = [model.name]
        self.real_time: RealTime | None = None
        self._faults = faults
        self._epoch = 0

    def connect(self, *, is_stream: bool) -> LinkSession:
        """Open a connection.

        Raises
        ------
        LinkBroken
            If the box refuses.
        """
        with self.lock:
            if any(map(self._faults.wire.refuses, self.names)):
                raise LinkBroken("connection refused")
            return LinkSession(self, self._epoch, is_stream)

    def break_connections(self) -> None:
        """Close every open connection."""
        self._epoch += 1

    def is_current(self, epoch: int) -> bool:
        """Return whether a connection of that time is still open."""
        return epoch == self._epoch

    def befall(self) -> None:
        """Let what is due befall the box as a message reaches it.

        Raises
        ------
        LinkBroken
            If that closes the connection.
        """
        wire = self._faults.wire
        if not wire.any:
            return
        fault = self._first(wire.at_message)
        if fault == "error in queue":
            self.model.complain(ScpiError(-310, "System error"))
        elif fault == "closed":
            self.break_connections()
            raise LinkBroken("connection closed by the box")
        elif fault == "power cycle":
            self.model.power_cycle()
            self.break_connections()
            raise LinkBroken("connection lost")

    def is_deaf(self) -> bool:
        """Return whether the box takes no notice of anything."""
        return self._faults.any and any(map(self._faults.fails, self.names))

    def wait_while_hanging(self) -> None:
        """Return when the box takes bytes again; whoever waits here keeps nobody else waiting."""
        if self._faults.any:
            for name in self.names:
                self._faults.wait_while_hanging(name)

    def keep_time(self) -> None:
        """Let the twin's time catch up with real time, if it is to follow that."""
        if self.real_time is not None:
            self.real_time.catch_up()

    def _first(self, look: Callable[[str], WireFault | None]) -> WireFault | None:
        """Return what befalls the first of its instruments that anything befalls."""
        return next((fault for fault in map(look, self.names) if fault is not None), None)

    def spoilt(self, reply: bytes) -> tuple[bytes, bytes]:
        """Return what comes of a reply now, and what only with the next one."""
        wire = self._faults.wire
        if not wire.any:
            return reply, b""
        fault = self._first(wire.at_reply)
        if fault == "late reply":
            return b"", reply
        if fault == "dropped reply":
            return b"", b""
        if fault == "half reply":
            return reply[: len(reply) // 2], b""
        if fault == "garbled reply":
            middle = max(0, (len(reply) - 1) // 2)
            spoilt = bytes([reply[middle] ^ 0x80])
            return reply[:middle] + spoilt + reply[middle + 1 :], b""
        return reply, b""


class LinkSession:
    """An open connection to a box.

    Parameters
    ----------
    link
        To whom.
    epoch
        When it was opened.
    is_stream
        Whether messages end with a terminator only, and replies queue up; otherwise a new message
        throws an unread reply away, as IEEE 488.2 has it.
    """

    def __init__(self, link: BoxLink, epoch: int, is_stream: bool) -> None:
        self.link = link
        self.is_stream = is_stream
        self._epoch = epoch
        self._framer = Framer(link.model.command_end)
        self._replies: deque[bytes] = deque()
        self._late = b""

    def write(self, data: bytes, *, ends: bool) -> None:
        """Take bytes; ``ends`` says that the message ends with them.

        Raises
        ------
        LinkBroken
            If the connection is gone.
        """
        self.link.wait_while_hanging()
        with self.link.lock:
            self._check()
            self.link.keep_time()
            for message in self._framer.feed(data):
                self._take(message)
            if ends and not self.is_stream:
                rest = self._framer.finish()
                if rest:
                    self._take(rest)

    def read(self, count: int, stop: bytes | None) -> tuple[bytes, bool, bool]:
        """Return up to ``count`` bytes, whether ``stop`` ended them, and whether that was all.

        Parameters
        ----------
        stop
            A byte after which to stop, if there is one.

        Raises
        ------
        LinkBroken
            If the connection is gone.
        """
        with self.link.lock:
            self._check()
            if not self._replies:
                return b"", False, False
            reply = self._replies[0]
            length = min(count, len(reply))
            stopped = False
            if stop is not None:
                place = reply.find(stop, 0, length)
                if place >= 0:
                    length, stopped = place + 1, True
            if length == len(reply):
                self._replies.popleft()
                return reply, stopped, True
            self._replies[0] = reply[length:]
            return reply[:length], stopped, False

    @property
    def has_reply(self) -> bool:
        """Whether something can be read."""
        return bool(self._replies)

    def take_replies(self) -> bytes:
        """Return all there is to read."""
        with self.link.lock:
            self._check()
            found = b"".join(self._replies)
            self._replies.clear()
            return found

    def clear(self) -> None:
        """Throw away half a message and all that has not been read."""
        with self.link.lock:
            self._check()
            self._framer.clear()
            self._replies.clear()

    def _check(self) -> None:
        if not self.link.is_current(self._epoch):
            raise LinkBroken("connection lost")

    def _take(self, message: bytes) -> None:
        link = self.link
        link.befall()
        if self._late:
            self._replies.append(self._late)
            self._late = b""
        if link.is_deaf():
            return
        if self._replies and not self.is_stream:
            self._replies.clear()
            link.model.complain(ScpiError(-410, "Query INTERRUPTED"))
        reply = link.model.receive(message)
        if reply is None:
            return
        now, self._late = link.spoilt(reply)
        if now:
            self._replies.append(now)
