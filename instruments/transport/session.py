"""A conversation with one box that stays in step, whoever talks and whatever goes wrong.

One thread at a time speaks and hears the answer. A reply that does not come leaves the session out
of step, because it may come later and would then pass for the answer to another question; so
before anything else is sent, what is on its way is thrown away and the box is asked who it is until
it says so. A box that is gone is looked for again if the bench file allows that.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from instruments.clock import Clock
from instruments.errors import InstrumentError
from instruments.interfaces.instrument import Identity, InstrumentTimeoutError
from instruments.transport.binary_blocks import BlockError, block_values, to_block
from instruments.transport.connection import ConnectionLostError, NoReplyError
from instruments.transport.line import Line, SenselessReplyError
from instruments.transport.wire import Wire
from instruments.transport.wire_errors import ConnectionLost, GarbledReply, InstrumentComplaint
from instruments.transport.wire_recording import WireRecording

Result = TypeVar("Result")

IDENTITY_QUERY = "*IDN?"
MOST_QUEUED_ERRORS = 50
MOST_STALE_BYTES = 1 << 24
FIRST_BACK_OFF_SECONDS = 0.5
LONGEST_BACK_OFF_SECONDS = 30.0

_LONGEST_SHOWN = 80
_HOW_TO_REACH_IT = "check that it is switched on, its address, and that no other program holds it"


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
    asks_identity
        Whether the box knows ``*IDN?``.
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
        self._names = {name}
        self.address = address
        self._wire = wire
        self.timeout_seconds = timeout_seconds
        self._reconnect = reconnect
        self._end = end
        self._baud_rate = baud_rate
        self._recording = recording
        self._lock = threading.RLock()
        self._line: Line | None = None
        self._out_of_step = False
        self._restoring = False
        self._all_or_nothing = False
        self._insisting: set[str] = set()
        self._users = 0
        self._identity_text = ""
        self._sent = ""
        self._log = logging.getLogger(f"instruments.wire.{self.name}")
        self.restorers: list[Callable[[], None]] = []
        """Called after a lost box was found again, to tell it its settings."""

    @property
    def name(self) -> str:
        """The instrument's, or those of all instruments the box serves."""
        return ", ".join(sorted(self._names))

    def serves(self, name: str, timeout_seconds: float, reconnect: int) -> None:
        """Note that the box serves an instrument; the most patient one sets the limits."""
        with self._lock:
            self._names.add(name)
            self._log = logging.getLogger(f"instruments.wire.{self.name}")
            self._reconnect = max(self._reconnect, reconnect)
            self.timeout_seconds = max(self.timeout_seconds, timeout_seconds)
            if self._line is not None:
                self._line.log = self._log
                self._line.set_timeout(self.timeout_seconds)

    @contextmanager
    def insisting(self, name: str) -> Iterator[None]:
        """Connect again, once and without delay, whatever the bench file allows.

        For the safe state: a laser may shine at the other end of a broken connection. What other
        instruments on the box have to say about that is logged and changes nothing.
        """
        self._insisting.add(name)
        try:
            yield
        finally:
            self._insisting.discard(name)

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
            if self._line is None:
                self._connect()
                self._users = 0
            self._users += 1
        return self

    def close(self) -> None:
        """Leave; the last one to leave closes the connection."""
        with self._lock:
            self._users -= 1
            if self._users <= 0:
                self._disconnect()

    def identity(self) -> Identity:
        """Ask who is there."""
        parts = [part.strip() for part in self.query(IDENTITY_QUERY).split(",")]
        parts += [""] * (4 - len(parts))
        return Identity(parts[0], parts[1], parts[2], ",".join(parts[3:]).rstrip(","))

    @property
    def clock(self) -> Clock:
        """The bench's time."""
        return self._wire.clock

    @property
    def simulated(self) -> bool:
        """Whether nothing outside this computer hangs on it."""
        return self._wire.simulated

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
            raise self._garbled(str(error)) from error

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
            f"{self._who()}: lost again as soon as it was found, at {_shown(self._sent)}; check "
            "its power and its cable, then start anew"
        )

    def read(self) -> str:
        """Return an answer to what was written before; errors as of ``query``."""
        with self._lock:
            try:
                return self._connected().read_text()
            except SenselessReplyError as error:
                raise self._garbled(str(error)) from error
            except NoReplyError as error:
                raise self._no_reply(error) from error
            except ConnectionLostError as error:
                raise self._lost(error) from error

    def check_errors(self) -> None:
        """Empty the box's error queue.

        Raises
        ------
        InstrumentComplaint
            If there was anything in it; the message has all of it.
        """
        complaints: list[str] = []
        with self._lock:
            about = self._sent
            for _ in range(MOST_QUEUED_ERRORS):
                entry = self.query("SYST:ERR?").strip()
                number = entry.split(",", 1)[0].strip()
                try:
                    is_error = int(float(number)) != 0
                except ValueError:
                    raise self._garbled(f"{entry[:40]!r} is no entry of an error queue") from None
                if not is_error:
                    break
                complaints.append(entry)
        if complaints:
            raise InstrumentComplaint(
                f"{self._who()}: refused something, last {_shown(about)}: {'; '.join(complaints)}; "
                "look the numbers up in its manual and check the settings in the bench file"
            )

    def garbled(self, found: str, expected: str) -> GarbledReply:
        """Return the error to raise about an answer that makes no sense; the session notes it."""
        return self._garbled(f"{_shown(found)} was answered; {expected} was expected")

    # What goes on behind ---------------------------------------------------------------------

    def _exchange(self, command: str, message: bytes, read: Callable[[Line], Any] | None) -> Any:
        with self._lock:
            may_look = bool(self._reconnect or self._insisting) and not self._restoring
            try:
                return self._once(command, message, read)
            except ConnectionLostError as error:
                if not may_look:
                    raise self._lost(error) from error
                how = str(error)
            except InstrumentTimeoutError:
                # A box without power does not say goodbye.
                if not may_look or self._still_answers():
                    raise
                how = "it has fallen silent"
            if self._insisting:
                self._connect_at_once(command, how)
            else:
                self._find_again(command, how)
            if self._all_or_nothing:
                raise _FoundAgain
            try:
                return self._once(command, message, read)
            except ConnectionLostError as error:
                raise self._lost(error) from error

    def _once(self, command: str, message: bytes, read: Callable[[Line], Any] | None) -> Any:
        line = self._connected()
        if self._out_of_step:
            self._resynchronise(line)
        self._sent = command
        try:
            line.send(message)
            return None if read is None else read(line)
        except SenselessReplyError as error:
            raise self._garbled(str(error)) from error
        except NoReplyError as error:
            raise self._no_reply(error) from error

    def _still_answers(self) -> bool:
        """Return whether a box that left a reply out says at least who it is."""
        try:
            self._resynchronise(self._connected())
        except (InstrumentTimeoutError, ConnectionLostError):
            return False
        return True

    def _resynchronise(self, line: Line) -> None:
        """Throw away late replies: ask who is there until that is what is answered."""
        self._log.warning("%s: out of step after a lost reply; brought back", self._who())
        line.clear()
        stale = 0
        try:
            line.send(IDENTITY_QUERY.encode())
            while stale < MOST_STALE_BYTES:
                message = line.receive()
                stale += len(message)
                if message.decode("ascii", "replace").rstrip("\r\n") == self._identity_text:
                    self._out_of_step = False
                    return
        except NoReplyError as error:
            raise InstrumentTimeoutError(
                f"{self._who()}: does not answer since {_shown(self._sent)}; switch it off and on "
                "again, then start anew"
            ) from error
        raise self._garbled("answers without end that nobody asked for")

    def _connected(self) -> Line:
        if self._line is None:
            raise ConnectionLostError("the connection is closed")
        return self._line

    def _connect(self) -> None:
        try:
            connection = self._wire.connect(
                self.address, self.timeout_seconds, self._end, self._baud_rate
            )
        except ConnectionLostError as error:
            raise ConnectionLost(
                f"{self._who()}: cannot be reached: {error}; {error.advice or _HOW_TO_REACH_IT}"
            ) from error
        line = Line(connection, self.address, self._end, self._log, self._recording)
        self._line = line
        self._out_of_step = False
        self._sent = IDENTITY_QUERY
        try:
            # Whoever spoke before may have left half a message or an unread reply behind.
            line.clear()
            line.send(IDENTITY_QUERY.encode())
            text = line.read_text()
            if "," not in text:
                # IEEE 488.2, 10.14.3: four fields with commas between.
                raise self.garbled(text, "maker, model, serial number and firmware")
        except SenselessReplyError as error:
            self._disconnect()
            raise self._garbled(str(error)) from error
        except NoReplyError as error:
            self._disconnect()
            raise InstrumentTimeoutError(
                f"{self._who()}: is there but does not say who it is within "
                f"{self.timeout_seconds:g} s ('*IDN?' was sent); check its address and its remote "
                "interface"
            ) from error
        except ConnectionLostError as error:
            self._disconnect()
            raise self._lost(error) from error
        except BaseException:
            self._disconnect()
            raise
        if self._identity_text and text != self._identity_text:
            self._disconnect()
            raise ConnectionLost(
                f"{self._who()}: another box answers there now: '{text}' in place of "
                f"'{self._identity_text}'; check the cables"
            )
        self._identity_text = text

    def _disconnect(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _find_again(self, command: str, how: str) -> None:
        """Look for a lost box, each time after twice as long, and tell it its settings."""
        back_off = FIRST_BACK_OFF_SECONDS
        for attempt in range(1, self._reconnect + 1):
            self._log.warning(
                "%s: lost at %s (%s); attempt %d of %d to find it",
                *(self._who(), _shown(command), how, attempt, self._reconnect),
            )
            self._disconnect()
            self.clock.wait(back_off)
            back_off = min(2 * back_off, LONGEST_BACK_OFF_SECONDS)
            try:
                self._connect()
                break
            except (ConnectionLost, InstrumentTimeoutError):
                if attempt == self._reconnect:
                    raise
        self._restoring = True
        try:
            self._restore_settings()
        except (ConnectionLost, InstrumentTimeoutError, GarbledReply):
            # Half of its settings are no settings: whoever asks next begins anew.
            self._disconnect()
            raise
        finally:
            self._restoring = False

    def _connect_at_once(self, command: str, how: str) -> None:
        """Connect again for the sake of the safe state."""
        self._log.warning("%s: lost at %s (%s); connecting", self._who(), _shown(command), how)
        self._disconnect()
        self._connect()
        self._restoring = True
        try:
            self._restore_settings()
        except InstrumentError as error:
            self._log.warning("%s", error)
        finally:
            self._restoring = False

    def _restore_settings(self) -> None:
        """Let every instrument on the box tell it its settings, also after one refused."""
        refusal: InstrumentError | None = None
        for restore in self.restorers:
            try:
                restore()
            except (ConnectionLost, InstrumentTimeoutError, GarbledReply):
                raise
            except InstrumentError as error:
                refusal = refusal or error
        if refusal is not None:
            raise refusal

    def _no_reply(self, error: NoReplyError) -> InstrumentTimeoutError:
        self._out_of_step = True
        came = f" but {len(error.partial)} bytes of one" if error.partial else ""
        return InstrumentTimeoutError(
            f"{self._who()}: no answer within {self.timeout_seconds:g} s to "
            f"{_shown(self._sent)}{came}; check that it is on and not busy, or give it a longer "
            "timeout in its settings"
        )

    def _lost(self, error: ConnectionLostError) -> ConnectionLost:
        self._disconnect()
        return ConnectionLost(
            f"{self._who()}: lost at {_shown(self._sent)}: {error}; check its power and its cable, "
            "then start anew"
        )

    def _garbled(self, what: str) -> GarbledReply:
        self._out_of_step = True
        return GarbledReply(
            f"{self._who()}: makes no sense after {_shown(self._sent)}: {what}; check the cable, "
            "the baud rate and whether another program talks to it"
        )

    def _who(self) -> str:
        return f"{self.name} ({self.address})"


def _shown(command: str) -> str:
    text = command if len(command) <= _LONGEST_SHOWN else f"{command[: _LONGEST_SHOWN - 2]}.."
    return f"'{text}'"
