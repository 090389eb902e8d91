"""The two themes, each a handful of named colours.

Series colours keep a CIEDE2000 distance of 11 or more also for colour-blind eyes (Machado 2009,
full severity), and a contrast of 3:1 to the surface; text and state colours one of 4.5:1. Colour
never speaks alone: series differ in dash and marker too, states in icon and word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gui.theme.contrast import readable

ThemeName = Literal["light", "dark"]
StateName = Literal["ok", "warning", "fault", "off", "simulated", "accent"]


@dataclass(frozen=True)
class Theme:
    """Named colours, ``#RRGGBB``.

    Parameters
    ----------
    window, surface, raised
        Backgrounds: of the window, of plots and lists, of buttons.
    text, muted
        Writing, and writing of less weight.
    border, grid
        Lines around things, and lines in plots.
    accent, ok, warning, fault, off, simulated
        One meaning each.
    series
        Lines in plots, in the order they are used.
    """

    name: ThemeName
    window: str
    surface: str
    raised: str
    text: str
    muted: str
    border: str
    grid: str
    accent: str
    accent_text: str
    ok: str
    warning: str
    fault: str
    off: str
    simulated: str
    series: tuple[str, ...]

    def state(self, name: StateName) -> str:
        """Return the colour of a state."""
        return str(getattr(self, name))

    def line(self, number: int) -> str:
        """Return the colour of a series' line; after the last the first comes again."""
        return self.series[number % len(self.series)]

    def label(self, number: int) -> str:
        """Return the colour in which a series is written of."""
        return readable(self.line(number), self.surface, self.text)


LIGHT = Theme(
    name="light",
    window="#F3F5F8",
    surface="#FFFFFF",
    raised="#E9EDF2",
    text="#1B2026",
    muted="#56606C",
    border="#B4BCC7",
    grid="#D5DAE1",
    accent="#0A64A4",
    accent_text="#FFFFFF",
    ok="#1A7F4B",
    warning="#8A5A00",
    fault="#B3261E",
    off="#5B6470",
    simulated="#6A3FA0",
    series=("#0072B2", "#D55E00", "#289F9F", "#850E2C", "#711D6D", "#AA6078"),
)

DARK = Theme(
    name="dark",
    window="#1D2128",
    surface="#14171C",
    raised="#2B313A",
    text="#E7EAEF",
    muted="#A3ADBA",
    border="#4A5360",
    grid="#2F353E",
    accent="#6CB6FF",
    accent_text="#0B1520",
    ok="#3DD68C",
    warning="#F2B632",
    fault="#FF7A6E",
    off="#9AA4B2",
    simulated="#C4A3F5",
    series=("#56B4E9", "#E69F00", "#BBE7A4", "#634CD4", "#AA6078", "#726C19"),
)

THEMES: dict[str, Theme] = {"light": LIGHT, "dark": DARK}
