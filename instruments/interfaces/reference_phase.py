"""Actuators that set the phase of the reference beams (piezo mirrors, phase modulators)."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from instruments.interfaces.instrument import Instrument


@runtime_checkable
class ReferencePhase(Instrument, Protocol):
    """Phase actuators, a channel each; usually one for every bank of taps.

    Limit: ``volts``, for every channel. Safe state: 0 V.
    """

    @property
    def channels(self) -> int:
        """How many actuators there are."""
        ...

    @property
    def settling_seconds(self) -> float:
        """How long after a change the phase stands still."""
        ...

    def set_volts(self, volts: npt.NDArray[np.floating]) -> None:
        """Set voltages ``[channels]``.

        Raises
        ------
        LimitError
            If one is outside the limits or not a number; none is changed then.
        InstrumentError
            If the number of channels is another.
        """
        ...

    def volts(self) -> npt.NDArray[np.float64]:
        """Return the voltages ``[channels]`` last set."""
        ...

    def wait_until_settled(self, timeout_seconds: float) -> None:
        """Return when the phases stand still; ``InstrumentTimeoutError`` if not in time."""
        ...
