"""What a driver needs of a window, be it on a screen or in front of a twin."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from instruments.display.screens import Screen

Picture = npt.NDArray[np.uint8]
"""``[rows, columns]`` grey, or ``[rows, columns, 3]`` red, green, blue."""


class Window(Protocol):
    """A window over a whole screen. Every picture handed over is shown, in order, pixel by pixel.

    Nothing scales, dithers or colour-manages what it shows.
    """

    @property
    def screen(self) -> Screen:
        """Where it is."""
        ...

    def show(self, picture: Picture) -> None:
        """Hand a picture over, for the next refresh that is free.

        The caller may overwrite it at once. Waits while too many are under way.

        Raises
        ------
        InstrumentError
            If the picture has another size, or the window is gone.
        """
        ...

    def shown_at_seconds(self) -> float | None:
        """Return at which refresh the latest picture appeared, on the bench's clock.

        While it has not, the time at which it is expected; ``None`` before the first.
        """
        ...

    def latest_times_seconds(self, count: int) -> list[float]:
        """Return when the latest pictures appeared, at most ``count`` of them, oldest first."""
        ...

    def wait_until_shown(self, timeout_seconds: float) -> None:
        """Return when the latest picture has appeared, at once if there is none.

        Raises
        ------
        InstrumentTimeoutError
            If it does not in time.
        InstrumentError
            If the window is gone.
        """
        ...

    def close(self) -> None:
        """Take the window away."""
        ...
