"""The model of a box that speaks SCPI: commands, error queue, status registers.

A family of boxes derives from it and marks its methods with the headers they answer to, as its
manual writes them. What a method returns is the reply; numbers in headers come first among its
arguments, then what the message brings.
"""

from __future__ import annotations

import inspect
import math
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, TypeVar

from sim_backends.twin.clock import SimulatedClock
from sim_backends.wire.scpi_syntax import (
    Argument,
    NotANumberError,
    Unit,
    header_pattern,
    number,
    units_of,
)

Reply = str | bytes | None
Patterns = tuple[tuple[re.Pattern[str], str], ...]
Method = TypeVar("Method", bound=Callable[..., Reply])

OPERATION_COMPLETE, QUERY_ERROR, DEVICE_ERROR = 1, 4, 8
EXECUTION_ERROR, COMMAND_ERROR, POWER_ON = 16, 32, 128
ERROR_AVAILABLE, MESSAGE_AVAILABLE, EVENT_SUMMARY, SERVICE_REQUEST = 4, 16, 32, 64
LONGEST_QUEUE = 20

_MARK = "scpi headers"
_SHORT = 64


class ScpiError(Exception):
    """Refuses a command; goes into the box's error queue."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def out_of_range() -> ScpiError:
    """Return SCPI's error -222."""
    return ScpiError(-222, "Data out of range")


def settings_conflict(what: str) -> ScpiError:
    """Return SCPI's error -221."""
    return ScpiError(-221, f"Settings conflict; {what}")


def scpi(*patterns: str) -> Callable[[Method], Method]:
    """Mark a method as what answers to headers."""

    def mark(method: Method) -> Method:
        setattr(method, _MARK, patterns)
        return method

    return mark


class ScpiModel:
    """A box.

    Parameters
    ----------
    name
        The instrument's in the bench file.
    serial
        Its serial number.
    clock
        The twin's.
    """

    maker: ClassVar[str] = ""
    model: ClassVar[str] = ""
    firmware: ClassVar[str] = "1.0"
    end: ClassVar[bytes] = b"\n"
    """With what its replies end."""
    command_end: ClassVar[bytes] = b"\n"
    """With what commands end, on a stream."""

    patterns: ClassVar[Patterns] = ()
    """What the headers of its commands match, and the methods that answer."""

    def __init_subclass__(cls) -> None:
        found = []
        for name in dir(cls):
            for pattern in getattr(getattr(cls, name), _MARK, ()):
                found.append((header_pattern(pattern), name))
        cls.patterns = tuple(found)

    def __init__(self, name: str, serial: str, clock: SimulatedClock) -> None:
        self.name = name
        self.serial = serial
        self.clock = clock
        self._resolved: dict[str, _Resolved] = {}
        self._errors: deque[str] = deque()
        self._events = POWER_ON
        self._event_mask = self._request_mask = 0
        self._busy_until = 0.0
        self._announce_completion = False
        self.reset()

    def receive(self, message: bytes) -> bytes | None:
        """Carry out a message; return the reply with its terminator, if there is one."""
        replies: list[bytes] = []
        try:
            for unit in _units(message) if len(message) < _SHORT else units_of(message):
                reply = self._carry_out(unit)
                if reply is not None:
                    replies.append(reply if isinstance(reply, bytes) else reply.encode("ascii"))
        except ScpiError as error:
            self.complain(error)
        except NotANumberError:
            self.complain(ScpiError(-104, "Data type error"))
        return b";".join(replies) + self.end if replies else None

    def complain(self, error: ScpiError) -> None:
        """Put an error into the queue and its class into the event register."""
        if len(self._errors) >= LONGEST_QUEUE:
            self._errors[-1] = '-350,"Queue overflow"'
        else:
            self._errors.append(f'{error.code},"{error.text}"')
        if -200 < error.code <= -100:
            self._events |= COMMAND_ERROR
        elif -300 < error.code <= -200:
            self._events |= EXECUTION_ERROR
        elif -500 < error.code <= -400:
            self._events |= QUERY_ERROR
        else:
            self._events |= DEVICE_ERROR

    def power_cycle(self) -> None:
        """Lose everything, as when switched off and on."""
        self._errors.clear()
        self._events = POWER_ON
        self._event_mask = self._request_mask = 0
        self._announce_completion = False
        self.reset()

    def reset(self) -> None:
        """Go to the settings of ``*RST``, outputs off."""

    def is_busy(self) -> bool:
        """Return whether an operation is still under way."""
        return self.clock.now() < self._busy_until

    def busy_for(self, seconds: float) -> None:
        """Note that an operation has begun that takes so long."""
        self._busy_until = self.clock.now() + seconds

    def status_byte(self, *, has_reply: bool = False) -> int:
        """Return what a serial poll reads."""
        self._look_whether_done()
        byte = ERROR_AVAILABLE if self._errors else 0
        byte |= MESSAGE_AVAILABLE if has_reply else 0
        byte |= EVENT_SUMMARY if self._events & self._event_mask else 0
        return byte | (SERVICE_REQUEST if byte & self._request_mask else 0)

    # What every box knows (IEEE 488.2) --------------------------------------------------------

    @scpi("*IDN?")
    def _who(self) -> Reply:
        return f"{self.maker},{self.model},{self.serial},{self.firmware}"

    @scpi("*RST")
    def _reset(self) -> Reply:
        self.reset()
        return None

    @scpi("*CLS")
    def _clear_status(self) -> Reply:
        self._errors.clear()
        self._events = 0
        self._announce_completion = False
        return None

    @scpi("*ESR?")
    def _read_events(self) -> Reply:
        self._look_whether_done()
        events, self._events = self._events, 0
        return str(events)

    @scpi("*ESE")
    def _set_event_mask(self, mask: Argument) -> Reply:
        self._event_mask = int(number(mask))
        return None

    @scpi("*ESE?")
    def _get_event_mask(self) -> Reply:
        return str(self._event_mask)

    @scpi("*SRE")
    def _set_request_mask(self, mask: Argument) -> Reply:
        self._request_mask = int(number(mask))
        return None

    @scpi("*SRE?")
    def _get_request_mask(self) -> Reply:
        return str(self._request_mask)

    @scpi("*STB?")
    def _read_status(self) -> Reply:
        return str(self.status_byte())

    @scpi("*OPC")
    def _announce(self) -> Reply:
        self._announce_completion = True
        return None

    @scpi("*OPC?")
    def _wait_for_completion(self) -> Reply:
        self.clock.wait_until(self._busy_until)
        return "1"

    @scpi("*WAI")
    def _wait(self) -> Reply:
        self.clock.wait_until(self._busy_until)
        return None

    @scpi("*TST?")
    def _test(self) -> Reply:
        return "0"

    @scpi("*OPT?")
    def _options(self) -> Reply:
        return "0"

    @scpi("*SAV", "*RCL")
    def _memory(self, place: Argument) -> Reply:
        return None

    @scpi("SYSTem:ERRor[:NEXT]?")
    def _next_error(self) -> Reply:
        return self._errors.popleft() if self._errors else '0,"No error"'

    @scpi("SYSTem:VERSion?")
    def _version(self) -> Reply:
        return "1999.0"

    # How a header finds its method ------------------------------------------------------------

    def _carry_out(self, unit: Unit) -> Reply:
        found = self._resolved.get(unit.header)
        if found is None:
            found = self._resolve(unit.header)
            self._resolved[unit.header] = found
        if len(unit.arguments) < found.fewest:
            raise ScpiError(-109, "Missing parameter")
        if len(unit.arguments) > found.most:
            raise ScpiError(-108, "Parameter not allowed")
        return found.method(*found.numbers, *unit.arguments)

    def _resolve(self, header: str) -> _Resolved:
        found = _lookup(self.patterns, header.upper())
        if found is None:
            raise ScpiError(-113, f"Undefined header; {header}")
        name, numbers = found
        return _Resolved.of(getattr(self, name), numbers)

    def _look_whether_done(self) -> None:
        if self._announce_completion and not self.is_busy():
            self._events |= OPERATION_COMPLETE
            self._announce_completion = False


@lru_cache(maxsize=4096)
def _units(message: bytes) -> tuple[Unit, ...]:
    """Return the commands of a message; the same short ones come over and over again."""
    return tuple(units_of(message))


@lru_cache(maxsize=4096)
def _lookup(patterns: Patterns, header: str) -> tuple[str, tuple[int, ...]] | None:
    """Return the method that answers to a header, and the numbers in it."""
    for pattern, name in patterns:
        match = pattern.fullmatch(header)
        if match is not None:
            return name, tuple(int(text or 1) for text in match.groups())
    return None


@dataclass(frozen=True, slots=True)
class _Resolved:
    """The method a header means, the numbers in it, and how many parameters it takes."""

    method: Callable[..., Reply]
    numbers: tuple[int, ...]
    fewest: int
    most: float

    @classmethod
    def of(cls, method: Callable[..., Reply], numbers: tuple[int, ...]) -> _Resolved:
        own = list(inspect.signature(method).parameters.values())[len(numbers) :]
        counted = [one for one in own if one.kind is not one.VAR_POSITIONAL]
        fewest = sum(one.default is one.empty for one in counted)
        most = math.inf if len(counted) < len(own) else len(counted)
        return cls(method, numbers, fewest, most)


def switch(text: Argument) -> bool:
    """Return what ``ON``, ``OFF``, ``1`` or ``0`` says."""
    word = str(text).upper()
    if word in ("ON", "TRUE"):
        return True
    if word in ("OFF", "FALSE"):
        return False
    return bool(int(number(text)))


def value_in(text: Argument, low: float, high: float) -> float:
    """Return a number within limits; ``MIN`` and ``MAX`` stand for them.

    Raises
    ------
    ScpiError
        If it is outside.
    """
    word = str(text).upper() if isinstance(text, str) else ""
    if word in ("MIN", "MINIMUM"):
        return low
    if word in ("MAX", "MAXIMUM"):
        return high
    value = number(text)
    if not low <= value <= high:
        raise out_of_range()
    return value


def asked(which: tuple[Argument, ...], value: float, low: float, high: float) -> str:
    """Return the answer to ``..?``, ``..? MIN`` or ``..? MAX``."""
    if which:
        return exponent(value_in(which[0], low, high))
    return exponent(value)


def exponent(value: float) -> str:
    """Return a number as most boxes write it."""
    return f"{value:+.11E}"


def short_form(text: Argument, *words: str) -> str:
    """Return the short form of the word that was given, in any of its forms.

    Raises
    ------
    ScpiError
        If it is none of the words.
    """
    given = str(text).upper()
    for word in words:
        short = "".join(letter for letter in word if not letter.islower())
        if given in (short, word.upper()):
            return short
    raise ScpiError(-224, f"Illegal parameter value; {given}")
