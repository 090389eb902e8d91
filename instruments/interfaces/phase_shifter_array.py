"""Thermo-optic phase shifters of an integrated mesh."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from instruments.interfaces.instrument import Instrument


@runtime_checkable
class PhaseShifterArray(Instrument, Protocol):
    """Heaters, a channel each. A phase follows its own heater's power and its neighbours'.

    Limits: ``heater_watts``, for every channel; ``total_watts``, for all together. Safe state: no
    power.
    """

    @property
    def channels(self) -> int:
        """How many phase shifters there are."""
        ...

    @property
    def settling_seconds(self) -> float:
        """How long after a change the phases stand still."""
        ...

    def set_heater_watts(self, watts: npt.NDArray[np.floating]) -> None:
        """Set the heaters' powers ``[channels]``.

        Raises
        ------
        LimitError
            If one or their sum is outside the limits, or not a number; none is changed then.
        InstrumentError
            If the number of channels is another.
        """
        ...

    def heater_watts(self) -> npt.NDArray[np.float64]:
        """Return the powers ``[channels]`` last set."""
        ...

    def wait_until_settled(self, timeout_seconds: float) -> None:
        """Return when the phases stand still; ``InstrumentTimeoutError`` if not in time."""
        ...
