"""What all simulated instruments have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.errors import InstrumentError
from instruments.interfaces.instrument import Identity, InstrumentTimeoutError
from instruments.interfaces.sequence import SequenceState
from instruments.limits import Limit, check_array, check_shape, check_value
from instruments.opening import OpeningRequest
from sim_backends.simulated.twin_of_bench import shared_twin
from sim_backends.twin.clock import SimulatedClock


class SimulatedInstrument:
    """Name, identity, limits, faults and the end of an instrument that shares a twin.

    Parameters
    ----------
    request
        What it was opened with; its limits may narrow the device's.
    limits
        What the device allows.
    """

    simulated = True

    def __init__(self, request: OpeningRequest[Any], limits: Mapping[str, Limit]) -> None:
        self.name = request.name
        self.twin = shared_twin(request)
        self._faults = self.twin.faults
        self._limits = dict(limits)
        for quantity, asked in request.limits.items():
            if quantity in self._limits:
                own = self._limits[quantity]
                self._limits[quantity] = own.narrowed(self.name, quantity, asked)
        self._closed = False

    @property
    def _clock(self) -> SimulatedClock:
        return self.twin.clock

    def identity(self) -> Identity:
        """Return that it is simulated, and as what."""
        self._check_open()
        return Identity("Backbeam", type(self).__name__, f"twin {self.twin.imperfections.seed}")

    def limits(self) -> Mapping[str, Limit]:
        """Return what is allowed, as narrowed by the bench file."""
        self._check_open()
        return self._limits

    def make_safe(self) -> None:
        """Go to the safe state of the kind."""
        if not self._closed:
            self._faults.meet(self.name)
            self._go_safe()

    def close(self) -> None:
        """Give the connection up; the twin stays as it is."""
        self._closed = True

    def _go_safe(self) -> None:
        raise NotImplementedError  # what is safe differs from kind to kind

    def _check_open(self) -> None:
        if self._closed:
            raise InstrumentError(f"{self.name}: closed; open the bench again")
        if self._faults.any:
            self._faults.meet(self.name)

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

    def _wait_until(self, moment: float, timeout_seconds: float, what: str) -> None:
        """Let the twin's time pass until ``moment``, or until the time limit is over."""
        now = self._clock.now()
        if moment - now > timeout_seconds:
            self._clock.wait(timeout_seconds)
            raise InstrumentTimeoutError(
                f"{self.name}: {what} takes {moment - now:.3g} s and was given "
                f"{timeout_seconds:g} s; wait longer"
            )
        self._clock.wait_until(moment)


def check_all_fired(sequence: SequenceState, timeout_seconds: float) -> None:
    """Raise at once what a device would after its time limit: no shot comes without a trigger.

    Raises
    ------
    SequenceError
        If it was not armed.
    InstrumentTimeoutError
        If shots are missing.
    """
    if sequence.stage == "fired":
        return
    sequence.check_started()
    raise InstrumentTimeoutError(
        f"{sequence.instrument}: {sequence.fired} of {sequence.shots} shots came within "
        f"{timeout_seconds:g} s; check that the trigger source fires and is connected"
    )
