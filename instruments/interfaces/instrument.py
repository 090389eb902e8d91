"""What every instrument promises, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from instruments.errors import InstrumentError
from instruments.limits import Limit


class InstrumentTimeoutError(InstrumentError):
    """An instrument did not finish within the time it was given."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an instrument says it is; the four fields of IEEE 488.2's ``*IDN?``.

    A field the device does not tell is an empty string.
    """

    manufacturer: str
    model: str
    serial: str = ""
    firmware: str = ""

    def __str__(self) -> str:
        words = [self.manufacturer, self.model]
        if self.serial:
            words.append(f"serial {self.serial}")
        if self.firmware:
            words.append(f"firmware {self.firmware}")
        return " ".join(word for word in words if word)


@runtime_checkable
class Instrument(Protocol):
    """Shared by all kinds.

    Methods may be called from one thread at a time, except ``make_safe``, which may come from
    another thread while a call hangs. Arrays handed to an instrument stay the caller's, who may
    overwrite them as soon as the call has returned; arrays an instrument hands out become the
    caller's. Every wait has a time limit.
    """

    @property
    def name(self) -> str:
        """The name the bench file gives it; every error message starts with it."""
        ...

    @property
    def simulated(self) -> bool:
        """Whether no light and no voltage outside this computer depends on it."""
        ...

    def identity(self) -> Identity:
        """Return who the device says it is; ``InstrumentError`` if it does not answer."""
        ...

    def limits(self) -> Mapping[str, Limit]:
        """Return what is allowed for each quantity that can be set.

        Keys are the quantities' names as the interface of the kind lists them, units included
        (``"current_amperes"``). Values outside raise ``LimitError`` and are never sent.
        """
        ...

    def make_safe(self) -> None:
        """Go to the state in which the instrument can do no harm and be left alone.

        What that state is stands in the interface of the kind. Allowed at any time, in any state
        and as often as one likes; does nothing on a closed instrument.
        """
        ...

    def close(self) -> None:
        """Release the connection, leaving the outputs as they are. Closing twice is allowed.

        Any other method but ``make_safe`` and ``close`` raises ``InstrumentError`` afterwards.
        """
        ...
