"""A plain TCP connection, for instruments that speak SCPI on a socket.

Used in place of PyVISA-py's, whose sockets take a closed peer for a slow one and a refused
connection for an open one (versions up to 0.8.1).
"""

from __future__ import annotations

import re
import socket
from contextlib import suppress

from instruments.transport.connection import ConnectionLostError, NoReplyError

_ADDRESS = re.compile(r"TCPIP\d*::([^:]+|\[[^\]]+\])::(\d+)::SOCKET", re.IGNORECASE)
_CHUNK = 1 << 16
_DRAIN_SECONDS = 0.05


def host_and_port(address: str) -> tuple[str, int] | None:
    """Return host and port of ``TCPIP0::host::port::SOCKET``; ``None`` for another address."""
    match = _ADDRESS.fullmatch(address.strip())
    return None if match is None else (match[1].strip("[]"), int(match[2]))


class SocketConnection:
    """Bytes over TCP; messages end with a line feed.

    Parameters
    ----------
    host, port
        Where the instrument listens.
    timeout_seconds
        How long connecting, writing or reading may take.

    Raises
    ------
    ConnectionLostError
        If nobody listens there.
    """

    is_stream = True

    def __init__(self, host: str, port: int, timeout_seconds: float, end: bytes = b"\n") -> None:
        self._end = end[-1:]
        self._received = bytearray()
        try:
            self._socket = socket.create_connection((host, port), timeout_seconds)
        except TimeoutError:
            raise ConnectionLostError(f"{host} does not answer") from None
        except OSError as error:
            raise ConnectionLostError(f"port {port} of {host}: {_reason(error)}") from error
        # Commands are short and each is waited for: gathering them would only cost time.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, message: bytes) -> None:
        """Send a message."""
        try:
            self._socket.sendall(message)
        except TimeoutError:
            raise NoReplyError from None
        except OSError as error:
            raise ConnectionLostError(_reason(error)) from error

    def read_message(self) -> bytes:
        """Return what comes up to a terminator."""
        searched = 0
        while True:
            end = self._received.find(self._end, searched)
            if end >= 0:
                return self._take(end + 1)
            searched = len(self._received)
            self._receive()

    def read_bytes(self, count: int) -> bytes:
        """Return exactly ``count`` bytes."""
        while len(self._received) < count:
            self._receive()
        return self._take(count)

    def set_timeout(self, seconds: float) -> None:
        """Set how long a write or read may take."""
        self._socket.settimeout(seconds)

    def clear(self) -> None:
        """Throw away what has arrived, and what arrives within a moment."""
        timeout = self._socket.gettimeout()
        self._socket.settimeout(_DRAIN_SECONDS)
        try:
            while True:
                self._receive()
        except NoReplyError:
            pass
        finally:
            self._received.clear()
            self._socket.settimeout(timeout)

    def close(self) -> None:
        """Close."""
        with suppress(OSError):
            self._socket.close()

    def _receive(self) -> None:
        try:
            chunk = self._socket.recv(_CHUNK)
        except TimeoutError:
            raise NoReplyError(bytes(self._received)) from None
        except OSError as error:
            raise ConnectionLostError(_reason(error)) from error
        if not chunk:
            raise ConnectionLostError("it closed the connection")
        self._received += chunk

    def _take(self, count: int) -> bytes:
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
