"""Wire traffic in a file: written while a bench runs, replayed in a test.

A line of JSON for every message: which address, whether it was ``sent`` or ``received``, and the
bytes, one character of Latin-1 each so that text stays readable and nothing is lost.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from instruments.clock import Clock
from instruments.errors import DataError, SettingsError
from instruments.opening import SharedResources
from instruments.transport.connection import Connection, ConnectionLostError, NoReplyError

Traffic = tuple[str, bytes]
"""``("sent", bytes)`` or ``("received", bytes)``."""


class WireRecording:
    """Writes traffic to a file as it happens.

    Raises
    ------
    SettingsError
        If the file exists already or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._path = path
        self._sessions = 0
        self._file: IO[str] | None = None
        try:
            path.open("x").close()
        except FileExistsError as error:
            raise SettingsError(
                f"record-wire: {path} exists already; choose another file"
            ) from error
        except OSError as error:
            raise SettingsError(
                f"record-wire: {path} cannot be written ({error.strerror}); choose a file in a "
                "folder that exists"
            ) from error

    def begin(self) -> None:
        """Keep the file open for one more connection."""
        with self._lock:
            self._sessions += 1
            if self._file is None:
                # Line by line: what was said last is what matters after a crash.
                self._file = self._path.open("a", buffering=1, encoding="utf-8", newline="\n")

    def end(self) -> None:
        """Close the file behind the last connection."""
        with self._lock:
            self._sessions -= 1
            if self._sessions == 0 and self._file is not None:
                self._file.close()
                self._file = None

    def note(self, address: str, direction: str, message: bytes) -> None:
        """Write one message down."""
        line = json.dumps({"address": address, direction: message.decode("latin-1")})
        with self._lock:
            if self._file is not None:
                self._file.write(line + "\n")


def record_wire(shared: SharedResources, path: Path) -> WireRecording:
    """Let all sessions of a bench that share ``shared`` be recorded in a file."""
    return shared.get("wire recording", lambda: WireRecording(path))


def recording_of(shared: SharedResources) -> WireRecording | None:
    """Return the recording of a bench, if it is recorded."""
    found = shared.built().get("wire recording")
    return found if isinstance(found, WireRecording) else None


def read_recording(path: Path) -> dict[str, list[Traffic]]:
    """Return the traffic of each address in a recording.

    Raises
    ------
    DataError
        If the file is no recording.
    """
    traffic: dict[str, list[Traffic]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entry = json.loads(line)
            address = entry.pop("address")
            ((direction, text),) = entry.items()
            traffic.setdefault(address, []).append((direction, text.encode("latin-1")))
        except (ValueError, KeyError, AttributeError) as error:
            raise DataError(f"{path}, line {number}: not a line of a wire recording") from error
    return traffic


class ReplayConnection:
    """Answers as a recorded box did, as long as it is asked the same.

    Parameters
    ----------
    address
        For the messages.
    traffic
        What was sent and received, in order.
    """

    is_stream = True

    def __init__(self, address: str, traffic: Iterable[Traffic]) -> None:
        self._address = address
        self._traffic = deque(traffic)
        self._readable = bytearray()
        self.end = b"\n"
        """With what messages end."""

    def write(self, message: bytes) -> None:
        """Check that this is what comes next."""
        if not self._traffic or self._traffic[0][0] != "sent":
            expected: object = "nothing more" if not self._traffic else "a read"
        else:
            expected = self._traffic[0][1]
        if expected != message:
            raise AssertionError(
                f"{self._address}: {_short(message)} was sent; the recording has {_short(expected)}"
            )
        self._traffic.popleft()
        while self._traffic and self._traffic[0][0] == "received":
            self._readable += self._traffic.popleft()[1]

    def read_message(self) -> bytes:
        """Return the reply up to its first terminator."""
        end = self._readable.find(self.end[-1:]) + 1
        if not end:
            raise NoReplyError(bytes(self._readable))
        return self.read_bytes(end)

    def read_bytes(self, count: int) -> bytes:
        """Return part of the reply."""
        if len(self._readable) < count:
            raise NoReplyError(bytes(self._readable))
        taken = bytes(self._readable[:count])
        del self._readable[:count]
        return taken

    def set_timeout(self, seconds: float) -> None:
        """Do nothing: a recording answers at once."""

    def clear(self) -> None:
        """Throw away what is not yet read."""
        self._readable.clear()

    def close(self) -> None:
        """Do nothing."""

    @property
    def left(self) -> int:
        """How many messages of the recording have not come to pass."""
        return len(self._traffic)


class ReplayWire:
    """A wire on which recorded boxes hang."""

    simulated = True

    def __init__(self, traffic: Mapping[str, Iterable[Traffic]], clock: Clock) -> None:
        self.clock = clock
        self.connections = {
            address: ReplayConnection(address, messages) for address, messages in traffic.items()
        }

    def connect(
        self, address: str, timeout_seconds: float, end: bytes, baud_rate: int | None
    ) -> Connection:
        """Return the recorded box of that address."""
        if address not in self.connections:
            raise ConnectionLostError("the recording has nobody at this address")
        connection = self.connections[address]
        connection.end = end
        return connection


def _short(message: object) -> str:
    text = repr(message)
    return text if len(text) <= 120 else f"{text[:100]}.. ({len(text)} characters)"
