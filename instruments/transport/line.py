"""An open connection whose messages are logged and recorded, and cut into replies."""

from __future__ import annotations

import logging

from instruments.transport.binary_blocks import BlockError, read_header
from instruments.transport.connection import Connection, NoReplyError
from instruments.transport.wire_recording import WireRecording

_LONGEST_SHOWN = 80


class SenselessReplyError(Exception):
    """What came is not what was asked for; the text says what it is."""


class Line:
    """A connection while it lasts.

    Parameters
    ----------
    connection
        It.
    address
        With whom.
    end
        With what messages end, either way.
    log
        Where traffic is logged.
    recording
        Where it is written, if it is.
    """

    def __init__(
        self,
        connection: Connection,
        address: str,
        end: bytes,
        log: logging.Logger,
        recording: WireRecording | None,
    ) -> None:
        self._connection = connection
        self._address = address
        self._end = end
        self.log = log
        self._recording = recording
        if recording is not None:
            recording.begin()

    def send(self, message: bytes) -> None:
        """Send a message; errors as of ``Connection.write``."""
        if self.log.isEnabledFor(logging.DEBUG):
            self.log.debug("to %s: %s", self._address, shown_bytes(message))
        if self._recording is not None:
            self._recording.note(self._address, "sent", message + self._end)
        self._connection.write(message + self._end)

    def receive(self) -> bytes:
        """Return what comes up to a terminator; errors as of ``Connection.read_message``."""
        message = self._connection.read_message()
        self._heard(message)
        return message

    def read_text(self) -> str:
        """Return a reply without its terminator.

        Raises
        ------
        SenselessReplyError
            If it is no text.
        """
        message = self.receive()
        try:
            return message.decode("ascii").rstrip("\r\n")
        except UnicodeDecodeError:
            raise SenselessReplyError(
                f"{shown_bytes(message)} was answered; text was expected"
            ) from None

    def read_block(self) -> bytes:
        """Return the bytes of the block that a reply is.

        Raises
        ------
        SenselessReplyError
            If it is none.
        """
        connection = self._connection
        message = connection.read_message()
        try:
            while (header := read_header(message)) is None:
                message += connection.read_message()
            if header.end is None:
                if connection.is_stream:
                    raise BlockError("a block without a length cannot be told from what follows it")
                self._heard(message)
                return message[header.start :].removesuffix(b"\n")
        except BlockError as error:
            self._heard(message)
            raise SenselessReplyError(str(error)) from error
        whole = header.end + (len(self._end) if connection.is_stream else 0)
        if len(message) < whole:
            try:
                message += connection.read_bytes(whole - len(message))
            except NoReplyError as error:
                raise NoReplyError(message + error.partial) from error
        self._heard(message)
        return message[header.start : header.end]

    def clear(self) -> None:
        """Throw away whatever is on its way."""
        self._connection.clear()

    def set_timeout(self, seconds: float) -> None:
        """Set how long a write or read may take."""
        self._connection.set_timeout(seconds)

    def close(self) -> None:
        """Close."""
        self._connection.close()
        if self._recording is not None:
            self._recording.end()

    def _heard(self, message: bytes) -> None:
        if self.log.isEnabledFor(logging.DEBUG):
            self.log.debug("from %s: %s", self._address, shown_bytes(message))
        if self._recording is not None:
            self._recording.note(self._address, "received", message)


def shown_bytes(message: bytes) -> str:
    """Return a message as logs and errors show it, its beginning if it is long."""
    text = repr(message[:_LONGEST_SHOWN])[1:]
    return text if len(message) <= _LONGEST_SHOWN else f"{text}.. ({len(message)} bytes)"
