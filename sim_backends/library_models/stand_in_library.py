"""A model of what a driver speaks to, in front of the simulated instrument that stands in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from instruments.library import Library
from instruments.opening import OpeningRequest
from sim_backends.simulated.simulated_instrument import SimulatedInstrument
from sim_backends.simulated.stand_ins import stand_in_request

Instrument = TypeVar("Instrument", bound=SimulatedInstrument)
Model = TypeVar("Model")


def stand_in_library(
    request: OpeningRequest[Any],
    open_instrument: Callable[[OpeningRequest[Any]], Instrument],
    model_of: Callable[[Instrument], Model],
) -> Library[Model]:
    """Return the model of a library, or of a window, and the twin's clock.

    Parameters
    ----------
    request
        What the driver was told.
    open_instrument
        Opens the simulated instrument.
    model_of
        Makes the model in front of it.

    Raises
    ------
    BenchFileError
        If the settings do not make a simulated instrument.
    """
    instrument = open_instrument(stand_in_request(request.bench, request.name, request.shared))
    return Library(model_of(instrument), instrument.twin.clock, simulated=True)
