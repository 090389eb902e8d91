"""The screen that a device at a video output is, and the window that covers it."""

from __future__ import annotations

from typing import Any

from instruments.display.screens import Screen
from instruments.display.window import Picture, Window
from instruments.drivers.frame_panel import check_size
from instruments.errors import InstrumentError
from instruments.library import Library, library_for
from instruments.opening import OpeningRequest

SAFE_SECONDS = 1.0


def window_over(request: OpeningRequest[Any], *, vertical_blank: bool) -> Library[Window]:
    """Return a window over the screen that the settings name, ``screen``, or a model of one.

    Parameters
    ----------
    request
        What the driver was told.
    vertical_blank
        Whether pictures change in the vertical blank only.

    Raises
    ------
    InstrumentError
        If there is no such screen, it is scaled, or no window can be opened.
    """

    def on_the_screen() -> Window:
        from instruments.display.screen_window import ScreenWindow

        try:
            return ScreenWindow(
                request.name, request.settings.screen, vertical_blank=vertical_blank
            )
        except OSError as error:
            raise InstrumentError(
                f"{request.name}: the process of its window cannot be started: {error}"
            ) from error

    return library_for(request, on_the_screen)


def check_screen(instrument: str, screen: Screen, rows: int, columns: int) -> None:
    """Check that a screen has the pixels the bench file says; errors as of ``check_size``."""
    check_size(instrument, f"screen {screen}", (screen.rows, screen.columns), rows, columns)


def show_safe(window: Window, dark: Picture) -> None:
    """Show the picture of the safe state, and return when it is on."""
    window.show(dark)
    window.wait_until_shown(SAFE_SECONDS)
