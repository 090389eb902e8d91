"""How models of boxes are found: by the name of the driver they answer to.

An entry point of the group ``backbeam.wire_models`` has the driver's name and is a ``WireModel``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from instruments.opening import OpeningRequest
from sim_backends.wire.scpi_model import ScpiModel

ENTRY_POINT_GROUP = "backbeam.wire_models"

Hang = Callable[[OpeningRequest[Any], Sequence[Any]], None]


@dataclass(frozen=True, slots=True)
class WireModel:
    """The boxes behind one driver.

    Parameters
    ----------
    box
        What each of its boxes is.
    hang
        Connects the boxes of an instrument, in their order, with the optics. It is given a request
        with the settings of the simulated instrument whose place they take.
    """

    box: type[ScpiModel]
    hang: Hang
