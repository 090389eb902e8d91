"""The window of a simulated bench: the twin sees what it shows, pixel by pixel."""

from __future__ import annotations

from typing import Any

import numpy as np

from instruments.display.screens import Screen
from instruments.display.window import Picture
from instruments.errors import InstrumentError
from instruments.library import Library
from instruments.opening import OpeningRequest
from sim_backends.library_models.stand_in_library import stand_in_library
from sim_backends.simulated.spatial_light_modulator import SimulatedSpatialLightModulator


class PanelWindow:
    """A window over a screen that is a panel of the twin.

    Parameters
    ----------
    panel
        The panel, which is given frames of pixels only.
    """

    def __init__(self, panel: SimulatedSpatialLightModulator) -> None:
        self._panel = panel
        refresh = panel.refresh_seconds
        self.screen = Screen(
            name=panel.name,
            manufacturer="Backbeam",
            model="simulated screen",
            serial=f"twin {panel.twin.imperfections.seed}",
            rows=panel.rows,
            columns=panel.columns,
            refresh_hertz=1.0 / refresh if refresh else 0.0,
        )

    def show(self, picture: Picture) -> None:
        """Let the panel show a picture; one in colour has to be grey all over.

        Raises
        ------
        InstrumentError
            If the picture has another size, or colours.
        """
        if picture.ndim == 3:
            if picture.shape[2] != 3 or np.ptp(picture, axis=2).any():
                raise InstrumentError(
                    f"{self._panel.name}: a picture in colours given; a panel has grey levels"
                )
            picture = picture[:, :, 0]
        self._panel.show_frame(picture)

    def shown_at_seconds(self) -> float | None:
        """Return at which refresh the latest picture appears, on the twin's clock."""
        return self._panel.appears_at_seconds()

    def latest_times_seconds(self, count: int) -> list[float]:
        """Return when the latest picture appears; the twin keeps no other."""
        latest = self._panel.appears_at_seconds()
        return [] if latest is None else [latest][:count]

    def wait_until_shown(self, timeout_seconds: float) -> None:
        """Let the twin's time pass until the latest picture appears."""
        self._panel.wait_until_it_appears(timeout_seconds)

    def close(self) -> None:
        """Take the window away; the twin's panel stays as it is."""
        self._panel.close()


def panel_window(request: OpeningRequest[Any]) -> Library[PanelWindow]:
    """Return the window of a panel that is driven as a display.

    Raises
    ------
    BenchFileError
        If the settings do not make a simulated panel.
    """
    return stand_in_library(request, SimulatedSpatialLightModulator.open, PanelWindow)
