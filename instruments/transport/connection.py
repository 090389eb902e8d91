"""A connection to one box: bytes there and back, and the two ways in which that fails."""

from __future__ import annotations

from typing import Protocol


class NoReplyError(Exception):
    """Nothing more came within the time limit.

    Parameters
    ----------
    partial
        What had come until then.
    """

    def __init__(self, partial: bytes = b"") -> None:
        super().__init__("no reply in time")
        self.partial = partial


class ConnectionLostError(Exception):
    """The box is gone, or was never there; the text says how that showed.

    Parameters
    ----------
    how
        How it showed.
    advice
        What to do, where the connection knows better than to look at power and cables.
    """

    def __init__(self, how: str, advice: str = "") -> None:
        super().__init__(how)
        self.advice = advice


class Connection(Protocol):
    """An open connection. Messages to and from the box end with a terminator."""

    @property
    def is_stream(self) -> bool:
        """Whether bytes follow each other without any mark but the terminator (sockets, serial)."""
        ...

    def write(self, message: bytes) -> None:
        """Send a whole message, terminator included.

        Raises
        ------
        NoReplyError
            If the box does not take it in time.
        ConnectionLostError
            If it is gone.
        """
        ...

    def read_message(self) -> bytes:
        """Return what comes up to a terminator or the end of the message; errors as of ``write``.

        Inside a binary block a byte may look like a terminator, and what is returned ends there.
        """
        ...

    def read_bytes(self, count: int) -> bytes:
        """Return exactly ``count`` bytes; errors as of ``write``."""
        ...

    def set_timeout(self, seconds: float) -> None:
        """Set how long a write or read may take."""
        ...

    def clear(self) -> None:
        """Throw away whatever is on its way in either direction, as far as that is possible."""
        ...

    def close(self) -> None:
        """Close; closing twice is allowed."""
        ...
