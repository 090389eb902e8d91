"""The syntax of SCPI-99 and IEEE 488.2: headers in long and short form, messages, blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

Argument = str | bytes
"""A parameter as it was written, or the bytes of a block."""

_PART = re.compile(r"(\[)?:?([*A-Za-z0-9]+)(#?)(\])?")


class NotANumberError(ValueError):
    """A parameter is not the number it should be."""


class Unit(NamedTuple):
    """One command or question of a message.

    Parameters
    ----------
    header
        As it was written, the question mark included.
    arguments
        What follows it.
    """

    header: str
    arguments: list[Argument]


def header_pattern(pattern: str) -> re.Pattern[str]:
    """Return what matches a header in any of its forms.

    Parameters
    ----------
    pattern
        As manuals write it: capitals are the short form, ``[..]`` can be left out, ``#`` is a
        number that can be left out. ``"SOURce#:CURRent[:LEVel]?"`` matches ``SOUR:CURR?`` and
        ``source2:current:level?``.
    """
    question = pattern.endswith("?")
    expression = ""
    for match in _PART.finditer(pattern.rstrip("?")):
        optional, word, number = match[1] or match[4], match[2], match[3]
        short = "".join(letter for letter in word if not letter.islower())
        rest = word[len(short) :]
        # Some vendors end a short form in the middle: TRig, NORepetitions.
        names = re.escape(short) + (f"(?:{re.escape(rest)})?" if rest else "")
        node = f":?{names}" + (r"(\d*)" if number else "")
        expression += f"(?:{node})?" if optional else node
    return re.compile(expression + (r"\?" if question else ""), re.IGNORECASE)


def units_of(message: bytes) -> Iterator[Unit]:
    """Return the commands of a program message, without its terminator.

    A header after a semicolon begins where the one before it ended, unless it begins with a colon
    or an asterisk.
    """
    path = ""
    for part in _split(message, b";"):
        head, _, rest = part.lstrip().partition(b" ")
        header = head.decode("latin-1").rstrip()
        if not header:
            continue
        if header[0] not in ":*":
            header = path + header
        if header[0] != "*":
            path = header.rstrip("?").rpartition(":")[0]
            path = f"{path}:" if path else ""
        yield Unit(header.lstrip(":"), _arguments(rest))


def _arguments(text: bytes) -> list[Argument]:
    if b"#" not in text and b'"' not in text:
        written = text.decode("latin-1").strip()
        return [part.strip() for part in written.split(",")] if written else []
    found: list[Argument] = []
    for part in _split(text, b","):
        word = part.lstrip(b" ")
        block = block_end(word, 0)
        if block is not None:
            start, end = block
            found.append(bytes(word[start:end]))
        else:
            found.append(word.decode("latin-1").strip().strip('"'))
    return found


def _split(text: bytes, separator: bytes) -> Iterator[bytes]:
    """Split at separators outside of quotes and blocks."""
    if b'"' not in text and b"#" not in text:
        yield from text.split(separator)
        return
    begin = place = 0
    quoted = False
    while place < len(text):
        letter = text[place : place + 1]
        if letter == b'"':
            quoted = not quoted
        elif not quoted and letter == separator:
            yield text[begin:place]
            begin = place + 1
        elif not quoted and letter == b"#":
            block = block_end(text, place)
            if block is not None:
                place = block[1] - 1
        place += 1
    yield text[begin:]


def block_end(text: bytes | bytearray, place: int) -> tuple[int, int] | None:
    """Return where the bytes of a definite block at ``place`` begin and end.

    ``None`` if none begins there, or its length is not there yet.
    """
    if text[place : place + 1] != b"#" or not text[place + 1 : place + 2].isdigit():
        return None
    digits = int(text[place + 1 : place + 2])
    length = text[place + 2 : place + 2 + digits]
    if not digits or len(length) < digits or not length.isdigit():
        return None
    start = place + 2 + digits
    return start, start + int(length)


class Framer:
    """Cuts a stream of bytes into messages at terminators outside of blocks."""

    def __init__(self, terminator: bytes = b"\n") -> None:
        self._terminator = terminator[-1:]
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; return the messages that are complete now, without terminators."""
        if not self._pending and b"#" not in data and data.find(self._terminator) == len(data) - 1:
            # One whole message without a block, as most are.
            return [data[:-1].removesuffix(b"\r")]
        self._pending += data
        found: list[bytes] = []
        while True:
            after_block, end = self._end()
            if end is None:
                return found
            message = self._pending[:end]
            del self._pending[: end + 1]
            found.append(_without_return(message, after_block))

    def finish(self) -> bytes:
        """Return what is left when the sender says that its message ends here."""
        after_block, _ = self._end()
        message = self._pending[:]
        self._pending.clear()
        return _without_return(message, after_block)

    def clear(self) -> None:
        """Forget an unfinished message."""
        self._pending.clear()

    def _end(self) -> tuple[int, int | None]:
        """Return where the last block ends, and where the message does if that is there yet."""
        pending = self._pending
        place = after_block = 0
        while True:
            end = pending.find(self._terminator, place)
            block_at = pending.find(b"#", place, end if end >= 0 else len(pending))
            if block_at < 0:
                return after_block, None if end < 0 else end
            # Only where a parameter can begin.
            block = None
            if block_at and pending[block_at - 1] in b" ,":
                block = block_end(pending, block_at)
            if block is None:
                place = block_at + 1
            elif len(pending) < block[1]:
                return len(pending), None
            else:
                place = after_block = block[1]


def _without_return(message: bytearray, after_block: int) -> bytes:
    """Return a message without the carriage return before its terminator, if that is one."""
    if len(message) > after_block and message.endswith(b"\r"):
        del message[-1]
    return bytes(message)


def number(text: Argument) -> float:
    """Return a numeric parameter, with one of the units it may carry.

    Raises
    ------
    NotANumberError
        If it is none.
    """
    match = None if isinstance(text, bytes) else _NUMBER.fullmatch(text.strip())
    if match is None or match[2].upper() not in _UNITS:
        raise NotANumberError(f"{text!r} is no number")
    return float(match[1]) * _UNITS[match[2].upper()]


_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)")
_UNITS = {
    **dict.fromkeys(("", "V", "A", "W", "S", "HZ", "C", "NM", "VPP"), 1.0),
    **dict.fromkeys(("MV", "MA", "MW", "MS"), 1e-3),
    **dict.fromkeys(("UV", "UA", "UW", "US"), 1e-6),
    **dict.fromkeys(("NS",), 1e-9),
    **dict.fromkeys(("KHZ",), 1e3),
    **dict.fromkeys(("MHZ",), 1e6),
}
