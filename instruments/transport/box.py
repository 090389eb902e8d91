"""A box at the other end of a wire: who it is, and whether its answers are those to our questions.

A reply that does not come leaves a box out of step, because it may come later and would then pass
for the answer to another question; so before anything else is sent, what is on its way is thrown
away and the box is asked who it is until it says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.transport.connection import ConnectionLostError, NoReplyError
from instruments.transport.line import Line, SenselessReplyError
from instruments.transport.wire import Wire
from instruments.transport.wire_errors import ConnectionLost, GarbledReply
from instruments.transport.wire_recording import WireRecording

IDENTITY_QUERY = "*IDN?"
MOST_STALE_BYTES = 1 << 24

_LONGEST_SHOWN = 80
_HOW_TO_REACH_IT = "check that it is switched on, its address, and that no other program holds it"


class Box:
    """A box, connected or not. One thread at a time may use it.

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
    end
        With what messages end, either way.
    baud_rate
        Of a serial line.
    recording
        Where traffic is written.

    Attributes
    ----------
    log
        Where traffic, and what goes wrong, is logged.
    sent
        The latest command.
    """

    def __init__(
        self,
        name: str,
        address: str,
        wire: Wire,
        *,
        timeout_seconds: float,
        end: bytes,
        baud_rate: int | None,
        recording: WireRecording | None,
    ) -> None:
        self._names = {name}
        self.address = address
        self.wire = wire
        self.timeout_seconds = timeout_seconds
        self.log = self._own_log()
        self.sent = ""
        self._end = end
        self._baud_rate = baud_rate
        self._recording = recording
        self._line: Line | None = None
        self._out_of_step = False
        self._identity_text = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.address})"

    @property
    def name(self) -> str:
        """The instrument's, or those of all instruments the box serves."""
        return ", ".join(sorted(self._names))

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._line is not None

    def serves(self, name: str, timeout_seconds: float) -> None:
        """Note that the box serves an instrument; the most patient one sets the limit."""
        self._names.add(name)
        self.log = self._own_log()
        self.timeout_seconds = max(self.timeout_seconds, timeout_seconds)
        if self._line is not None:
            self._line.log = self.log
            self._line.set_timeout(self.timeout_seconds)

    def connect(self) -> None:
        """Connect and ask who is there, the same as ever if that was known.

        Raises
        ------
        ConnectionLost
            If nobody can be reached, or another box answers.
        GarbledReply
            If whoever is there is no instrument.
        InstrumentTimeoutError
            If it does not say who it is.
        """
        try:
            connection = self.wire.connect(
                self.address, self.timeout_seconds, self._end, self._baud_rate
            )
        except ConnectionLostError as error:
            raise ConnectionLost(
                f"{self}: cannot be reached: {error}; {error.advice or _HOW_TO_REACH_IT}"
            ) from error
        line = Line(connection, self.address, self._end, self.log, self._recording)
        self._line = line
        self._out_of_step = False
        self.sent = IDENTITY_QUERY
        try:
            # Whoever spoke before may have left half a message or an unread reply behind.
            line.clear()
            line.send(IDENTITY_QUERY.encode())
            text = line.read_text()
            if "," not in text:
                # IEEE 488.2, 10.14.3: four fields with commas between.
                raise self.unexpected(text, "maker, model, serial number and firmware")
        except SenselessReplyError as error:
            self.disconnect()
            raise self.garbled(str(error)) from error
        except NoReplyError as error:
            self.disconnect()
            raise InstrumentTimeoutError(
                f"{self}: is there but does not say who it is within {self.timeout_seconds:g} s "
                "('*IDN?' was sent); check its address and its remote interface"
            ) from error
        except ConnectionLostError as error:
            raise self.lost(error) from error
        except BaseException:
            self.disconnect()
            raise
        if self._identity_text and text != self._identity_text:
            self.disconnect()
            raise ConnectionLost(
                f"{self}: another box answers there now: '{text}' in place of "
                f"'{self._identity_text}'; check the cables"
            )
        self._identity_text = text

    def disconnect(self) -> None:
        """Close the connection, if there is one."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def exchange(self, command: str, message: bytes, read: Callable[[Line], Any] | None) -> Any:
        """Send a message and return what is read of the answer, back in step before that.

        Parameters
        ----------
        command
            What errors show of the message.
        message
            What is sent.
        read
            Reads the answer; ``None`` if there is none.

        Raises
        ------
        ConnectionLostError
            If the box is gone.
        GarbledReply
            If the answer makes no sense.
        InstrumentTimeoutError
            If it does not come in time.
        """
        line = self._connected()
        if self._out_of_step:
            self._resynchronise(line)
        self.sent = command
        try:
            line.send(message)
            return None if read is None else read(line)
        except SenselessReplyError as error:
            raise self.garbled(str(error)) from error
        except NoReplyError as error:
            raise self._no_reply(error) from error

    def read(self) -> str:
        """Return an answer to what was sent before; errors as of ``exchange``."""
        try:
            return self._connected().read_text()
        except SenselessReplyError as error:
            raise self.garbled(str(error)) from error
        except NoReplyError as error:
            raise self._no_reply(error) from error

    def still_answers(self) -> bool:
        """Return whether a box that left a reply out says at least who it is."""
        try:
            self._resynchronise(self._connected())
        except (InstrumentTimeoutError, ConnectionLostError):
            return False
        return True

    def lost(self, error: ConnectionLostError) -> ConnectionLost:
        """Disconnect, and return the error to raise about a box that is gone."""
        self.disconnect()
        return ConnectionLost(
            f"{self}: lost at {shown(self.sent)}: {error}; check its power and its cable, then "
            "start anew"
        )

    def garbled(self, what: str) -> GarbledReply:
        """Return the error to raise about an answer without sense, and note the loss of step."""
        self._out_of_step = True
        return GarbledReply(
            f"{self}: makes no sense after {shown(self.sent)}: {what}; check the cable, the baud "
            "rate and whether another program talks to it"
        )

    def unexpected(self, found: str, expected: str) -> GarbledReply:
        """Return the error to raise about another answer than expected; as ``garbled``."""
        return self.garbled(f"{shown(found)} was answered; {expected} was expected")

    def _resynchronise(self, line: Line) -> None:
        """Throw away late replies: ask who is there until that is what is answered."""
        self.log.warning("%s: out of step after a lost reply; brought back", self)
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
                f"{self}: does not answer since {shown(self.sent)}; switch it off and on again, "
                "then start anew"
            ) from error
        raise self.garbled("answers without end that nobody asked for")

    def _connected(self) -> Line:
        if self._line is None:
            raise ConnectionLostError("the connection is closed")
        return self._line

    def _no_reply(self, error: NoReplyError) -> InstrumentTimeoutError:
        self._out_of_step = True
        came = f" but {len(error.partial)} bytes of one" if error.partial else ""
        return InstrumentTimeoutError(
            f"{self}: no answer within {self.timeout_seconds:g} s to {shown(self.sent)}{came}; "
            "check that it is on and not busy, or give it a longer timeout in its settings"
        )

    def _own_log(self) -> logging.Logger:
        return logging.getLogger(f"instruments.wire.{self.name}")


def shown(text: str) -> str:
    """Return a command or an answer as errors and logs show it, its beginning if it is long."""
    kept = text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 2]}.."
    return f"'{kept}'"
