"""Which screen is meant: by the name of its output, or by what its EDID says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from instruments.errors import InstrumentError
from instruments.interfaces.instrument import Identity


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen as the window system describes it.

    Parameters
    ----------
    name
        Of the output: ``"HDMI-1"``, ``"DISPLAY2"``.
    manufacturer, model, serial
        From the panel's EDID; empty where it says nothing.
    rows, columns
        Pixels.
    refresh_hertz
        Frames a second.
    """

    name: str
    manufacturer: str
    model: str
    serial: str
    rows: int
    columns: int
    refresh_hertz: float

    def __str__(self) -> str:
        return f"'{self.name}' ({self.description})"

    @property
    def description(self) -> str:
        """What the EDID says of it, and its pixels."""
        words = " ".join(word for word in (self.manufacturer, self.model, self.serial) if word)
        size = f"{self.columns} x {self.rows} at {self.refresh_hertz:.4g} Hz"
        return f"{words}, {size}" if words else size

    def identity(self) -> Identity:
        """Return what the EDID says of the device that is this screen."""
        return Identity(self.manufacturer or "unknown maker", self.model or self.name, self.serial)


def chosen_screen(wanted: str, screens: Sequence[Screen]) -> int:
    """Return the place of the screen that is meant.

    Parameters
    ----------
    wanted
        The name of an output, or words of the panel's manufacturer, model and serial number as
        its EDID has them. ``NAME#2`` is the second of those to which ``NAME`` applies.
    screens
        All there are.

    Raises
    ------
    InstrumentError
        If it applies to none, or to several; the message lists them.
    """
    words, _, number = wanted.rpartition("#")
    if not (words and number.isdigit()):
        words, number = wanted, ""
    found = [place for place, one in enumerate(screens) if one.name == words]
    found = found or [place for place, one in enumerate(screens) if _describes(words, one)]
    if number and 1 <= int(number) <= len(found):
        return found[int(number) - 1]
    if len(found) == 1 and not number:
        return found[0]
    there = ", ".join(map(str, screens)) or "none"
    if not found:
        raise InstrumentError(f"no screen is '{wanted}'; there are: {there}")
    raise InstrumentError(
        f"'{wanted}' applies to {len(found)} screens; write a serial number, or '{words}#1' to "
        f"'{words}#{len(found)}'. There are: {there}"
    )


def _describes(words: str, screen: Screen) -> bool:
    said = f"{screen.name} {screen.manufacturer} {screen.model} {screen.serial}".casefold()
    asked = words.casefold().split()
    return bool(asked) and all(word in said for word in asked)
