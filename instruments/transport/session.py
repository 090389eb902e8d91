"""A conversation with one box that stays in step, whoever talks and whatever goes wrong.

One thread at a time speaks and hears the answer. What keeps the box in step is in ``box``, what
finds it again when it is gone in ``reconnection``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from instruments.clock import Clock
from instruments.interfaces.instrument import Identity, InstrumentTimeoutError
from instruments.transport.binary_blocks import BlockError, block_values, to_block
from instruments.transport.box import IDENTITY_QUERY, Box, shown
from instruments.transport.connection import ConnectionLostError
from instruments.transport.line import Line
from instruments.transport.reconnection import Reconnection
from instruments.transport.wire import Wire
from instruments.transport.wire_errors import ConnectionLost, GarbledReply, InstrumentComplaint
from instruments.transport.wire_recording import WireRecording

Result = TypeVar("Result")

MOST_QUEUED_ERRORS = 50


class _FoundAgain(Exception):  # noqa: N818 - tells what happened, within this file
    """The box was lost and found again, and has its settings; what was under way has not."""


class Session:
    """A conversation with one box.

    Use it in a ``with`` statement to keep other threads out over several calls.

    Parameters
    ----------
    name
        The instrument's, which every message begins with.
    address
        Where the box answers.
    wire
        What it hangs on.
    timeout_seconds
        How long a reply may take.
    reconnect
        How often a lost box is looked for again.
    end
        With what messages end, either way.
    baud_rate
        Of a serial line.
    recording
        Where traffic is written.
    """

    def __init__(
        self,
        name: str,
        address: str,
        wire: Wire,
        *,
        timeout_seconds: float = 2.0,
        reconnect: int = 0,
        end: bytes = b"\n",
        baud_rate: int | None = None,
        recording: WireRecording | None = None,
    ) -> None:
        self._box = Box(
            name,
            address,
            wire,
            timeout_seconds=timeout_seconds,
            end=end,
            baud_rate=baud_rate,
            recording=recording,
        )
        self._reconnection = Reconnection(self._box, reconnect)
        self._lock = threading.RLock()
        self._all_or_nothing = False
        self._users = 0

    @property
    def name(self) -> str:
        """The instrument's, or those of all instruments the box serves."""
        return self._box.name

    @property
    def address(self) -> str:
        """Where the box answers."""
        return self._box.address

    @property
    def timeout_seconds(self) -> float:
        """How long a reply may take."""
        return self._box.timeout_seconds

    @property
    def restorers(self) -> list[Callable[[], None]]:
        """Called after a lost box was found again, to tell it its settings."""
        return self._reconnection.restorers

    def serves(self, name: str, timeout_seconds: float, reconnect: int) -> None:
        """Note that the box serves an instrument; the most patient one sets the limits."""
        with self._lock:
            self._box.serves(name, timeout_seconds)
            self._reconnection.attempts = max(self._reconnection.attempts, reconnect)

    def insisting(self, name: str) -> AbstractContextManager[None]:
        """Connect again, once and without delay, whatever the bench file allows.

        For the safe state: a laser may shine at the other end of a broken connection. What other
        instruments on the box have to say about that is logged and changes nothing.
        """
        return self._reconnection.insisting(name)

    # Opening and closing ---------------------------------------------------------------------

    def open(self) -> Self:
        """Connect, if that has not been done, and ask who is there.

        Raises
        ------
        ConnectionLost
            If nobody can be reached.
        InstrumentTimeoutError
            If whoever is there does not say who it is.
        """
        with self._lock:
            if not self._box.is_connected:
                self._box.connect()
                self._users = 0
            self._users += 1
        return self

    def close(self) -> None:
        """Leave; the last one to leave closes the connection."""
        with self._lock:
            self._users -= 1
            if self._users <= 0:
                self._box.disconnect()

    def identity(self) -> Identity:
        """Ask who is there."""
        parts = [part.strip() for part in self.query(IDENTITY_QUERY).split(",")]
        parts += [""] * (4 - len(parts))
        return Identity(parts[0], parts[1], parts[2], ",".join(parts[3:]).rstrip(","))

    @property
    def clock(self) -> Clock:
        """The bench's time."""
        return self._box.wire.clock

    @property
    def simulated(self) -> bool:
        """Whether nothing outside this computer hangs on it."""
        return self._box.wire.simulated

    @property
    def lock(self) -> threading.RLock:
        """Held over every question and its answer."""
        return self._lock

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()

    # Speaking --------------------------------------------------------------------------------

    def write(self, command: str) -> None:
        """Send a command.

        Raises
        ------
        InstrumentTimeoutError
            If the box does not take it in time.
        ConnectionLost
            If it is gone, and not found again where that is allowed.
        """
        self._exchange(command, command.encode("ascii"), None)

    def write_block(self, command: str, data: bytes) -> None:
        """Send a command that ends with a binary block; errors as of ``write``."""
        self._exchange(command, command.encode("ascii") + to_block(data), None)

    def query(self, command: str) -> str:
        """Send a question and return the answer, without its terminator.

        Raises
        ------
        InstrumentTimeoutError
            If no whole answer comes in time.
        GarbledReply
            If it is no text.
        ConnectionLost
            If the box is gone, and not found again where that is allowed.
        """
        message: str = self._exchange(command, command.encode("ascii"), Line.read_text)
        return message

    def query_block(self, command: str, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
        """Send a question and return the numbers of the binary block that answers it.

        Parameters
        ----------
        command
            The question.
        dtype
            How the box packs numbers, byte order included: ``">i2"``, ``"<f4"``.

        Raises
        ------
        InstrumentError
            As of ``query``.
        """
        data: bytes = self._exchange(command, command.encode("ascii"), Line.read_block)
        try:
            return block_values(data, dtype)
        except BlockError as error:
            raise self._box.garbled(str(error)) from error

    def all_or_nothing(self, action: Callable[[], Result]) -> Result:
        """Do what only makes sense as a whole, and hold others off meanwhile.

        If the box is lost in the middle and found again, it is done again from the start.

        Raises
        ------
        ConnectionLost
            If it is lost a second time.
        InstrumentError
            As of what is done.
        """
        with self._lock:
            if self._all_or_nothing:
                return action()
            self._all_or_nothing = True
            try:
                for _ in range(2):
                    with suppress(_FoundAgain):
                        return action()
            finally:
                self._all_or_nothing = False
        raise ConnectionLost(
            f"{self._box}: lost again as soon as it was found, at {shown(self._box.sent)}; check "
            "its power and its cable, then start anew"
        )

    def read(self) -> str:
        """Return an answer to what was written before; errors as of ``query``."""
        with self._lock:
            try:
                return self._box.read()
            except ConnectionLostError as error:
                raise self._box.lost(error) from error

    def check_errors(self) -> None:
        """Empty the box's error queue.

        Raises
        ------
        InstrumentComplaint
            If there was anything in it; the message has all of it.
        """
        complaints: list[str] = []
        with self._lock:
            about = self._box.sent
            for _ in range(MOST_QUEUED_ERRORS):
                entry = self.query("SYST:ERR?").strip()
                number = entry.split(",", 1)[0].strip()
                try:
                    is_error = int(float(number)) != 0
                except ValueError:
                    raise self._box.garbled(
                        f"{entry[:40]!r} is no entry of an error queue"
                    ) from None
                if not is_error:
                    break
                complaints.append(entry)
        if complaints:
            raise InstrumentComplaint(
                f"{self._box}: refused something, last {shown(about)}: {'; '.join(complaints)}; "
                "look the numbers up in its manual and check the settings in the bench file"
            )

    def garbled(self, found: str, expected: str) -> GarbledReply:
        """Return the error to raise about an answer that makes no sense; the session notes it."""
        return self._box.unexpected(found, expected)

    # What goes on behind ---------------------------------------------------------------------

    def _exchange(self, command: str, message: bytes, read: Callable[[Line], Any] | None) -> Any:
        box, reconnection = self._box, self._reconnection
        with self._lock:
            may_look = reconnection.is_allowed
            try:
                return box.exchange(command, message, read)
            except ConnectionLostError as error:
                if not may_look:
                    raise box.lost(error) from error
                how = str(error)
            except InstrumentTimeoutError:
                # A box without power does not say goodbye.
                if not may_look or box.still_answers():
                    raise
                how = "it has fallen silent"
            reconnection.find_again(command, how)
            if self._all_or_nothing:
                raise _FoundAgain
            try:
                return box.exchange(command, message, read)
            except ConnectionLostError as error:
                raise box.lost(error) from error
