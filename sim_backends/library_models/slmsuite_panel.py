"""slmsuite's object of a panel on a simulated bench: the twin sees every pixel it is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.library import Library
from instruments.opening import OpeningRequest
from sim_backends.library_models.stand_in_library import stand_in_library
from sim_backends.simulated.spatial_light_modulator import SimulatedSpatialLightModulator


class SlmsuitePanelModel:
    """What slmsuite's class ``SLM`` offers, for a panel of the twin.

    Parameters
    ----------
    panel
        The panel, which is given frames of pixels only.
    """

    def __init__(self, panel: SimulatedSpatialLightModulator) -> None:
        self._panel = panel
        self.shape = (panel.rows, panel.columns)
        self.bitdepth = panel.bit_depth
        self.name = f"twin {panel.twin.imperfections.seed}"
        self.dtype = np.dtype(np.uint8 if panel.bit_depth <= 8 else np.uint16)

    def set_phase(self, phase: npt.NDArray[Any], *, settle: bool) -> npt.NDArray[Any]:
        """Show grey levels of the panel's own type; slmsuite refuses whole numbers of another.

        Raises
        ------
        TypeError
            If their type is not the panel's.
        """
        if phase.dtype != self.dtype:
            raise TypeError(f"Unexpected integer type {phase.dtype}. Expected {self.dtype}.")
        self._panel.show_frame(phase)
        return phase

    def close(self) -> None:
        """Give the panel up; the twin's stays as it is."""
        self._panel.close()


def slmsuite_panel(request: OpeningRequest[Any]) -> Library[SlmsuitePanelModel]:
    """Return the object of a panel that slmsuite drives.

    Raises
    ------
    BenchFileError
        If the settings do not make a simulated panel.
    """
    return stand_in_library(request, SimulatedSpatialLightModulator.open, SlmsuitePanelModel)
