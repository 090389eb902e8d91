"""What all drivers have in common, whatever they speak to: name, limits and the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.errors import InstrumentError
from instruments.limits import Limit, check_array, check_shape, check_value
from instruments.opening import OpeningRequest


class DrivenInstrument:
    """An instrument behind a driver.

    Parameters
    ----------
    request
        What it was opened with.
    limits
        What the device allows; the bench file may narrow it.
    """

    def __init__(self, request: OpeningRequest[Any], limits: Mapping[str, Limit]) -> None:
        self.name = request.name
        self._limits = dict(limits)
        for quantity, asked in request.limits.items():
            if quantity in self._limits:
                own = self._limits[quantity]
                self._limits[quantity] = own.narrowed(self.name, quantity, asked)
        self._closed = False

    def limits(self) -> Mapping[str, Limit]:
        """Return what is allowed, as narrowed by the bench file."""
        self._check_open()
        return self._limits

    def make_safe(self) -> None:
        """Go to the safe state of the kind."""
        if not self._closed:
            self._go_safe()

    def close(self) -> None:
        """Give the device up, outputs as they are."""
        if not self._closed:
            self._closed = True
            self._release()

    def _go_safe(self) -> None:
        """Bring the device to the safe state of its kind."""
        raise NotImplementedError  # what is safe differs from kind to kind

    def _release(self) -> None:
        """Give up whatever reaches the device."""
        raise NotImplementedError  # a session, a library or a window: the driver knows which

    def _check_open(self) -> None:
        if self._closed:
            raise InstrumentError(f"{self.name}: closed; open the bench again")

    def _checked(self, quantity: str, value: float) -> float:
        self._check_open()
        return check_value(self.name, quantity, value, self._limits[quantity])

    def _checked_channels(
        self, quantity: str, values: npt.NDArray[np.floating], channels: int
    ) -> npt.NDArray[np.float64]:
        self._check_open()
        asked = np.array(values, np.float64)
        check_shape(self.name, quantity, asked, (channels,))
        check_array(self.name, quantity, asked, self._limits[quantity])
        return asked
