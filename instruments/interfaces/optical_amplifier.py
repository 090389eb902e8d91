"""Semiconductor optical amplifiers, one or an array, with their current drivers."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from instruments.interfaces.instrument import Instrument

Readings = npt.NDArray[np.float64]


@runtime_checkable
class OpticalAmplifier(Instrument, Protocol):
    """Optical amplifiers, a channel each, enabled and made safe together.

    Limit: ``current_amperes``, for every channel, never above the limit set in the driver itself.
    Safe state: currents ramped to zero, then disabled.
    """

    @property
    def channels(self) -> int:
        """How many amplifiers there are."""
        ...

    @property
    def ramp_amperes_per_second(self) -> float:
        """How fast the current is moved at most; ``inf`` if steps do no harm."""
        ...

    def current_limits_amperes(self) -> Readings:
        """Return the current limits ``[channels]`` set in the drivers, as read back."""
        ...

    def set_currents_amperes(self, amperes: npt.NDArray[np.floating]) -> None:
        """Ramp to currents ``[channels]``; returns when they are reached.

        They are kept while disabled and flow once enabled.

        Raises
        ------
        LimitError
            If one is outside the limits or not a number; none is changed then.
        InstrumentError
            If the number of channels is another.
        """
        ...

    def currents_amperes(self) -> Readings:
        """Return the currents ``[channels]`` that flow, as measured; zero while disabled."""
        ...

    def temperatures_celsius(self) -> Readings:
        """Return the measured temperatures ``[channels]``; NaN where there is no sensor."""
        ...

    def powers_watts(self) -> Readings:
        """Return the output powers ``[channels]`` at the monitors; NaN where there is none."""
        ...

    def set_enabled(self, enabled: bool) -> None:
        """Switch on, ramping from zero to the currents set, or ramp to zero and switch off.

        Raises
        ------
        InstrumentError
            If it refuses, for an interlock or a temperature that has not settled.
        """
        ...

    def enabled(self) -> bool:
        """Return whether current can flow, as the driver says."""
        ...
