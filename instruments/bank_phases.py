"""The reference phases of all banks of taps, whether an actuator turns them or a number does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from instruments.camera_taps import CameraTaps
from instruments.errors import LimitError
from instruments.interfaces.reference_phase import ReferencePhase
from instruments.limits import Limit


class ReferencePhases(Protocol):
    """What turns the references of banks of taps, a channel for every bank."""

    @property
    def channels(self) -> int:
        """How many banks there are channels for."""
        ...

    def limits(self) -> Mapping[str, Limit]:
        """Return the range of the ``volts``."""
        ...

    def set_volts(self, volts: npt.NDArray[np.floating], /) -> None:
        """Set voltages ``[channels]``."""
        ...

    def volts(self) -> npt.NDArray[np.float64]:
        """Return the voltages last set."""
        ...

    def wait_until_settled(self, timeout_seconds: float, /) -> None:
        """Return when the phases stand still."""
        ...


def can_turn(phases: ReferencePhases | None, channel: int) -> bool:
    """Return whether something turns the reference of a bank."""
    if phases is None or channel >= phases.channels:
        return False
    return not isinstance(phases, BankPhases) or phases.turns(channel)


class BankPhases:
    """Channels in the order of the banks; one for each that something can turn.

    Off-axis cameras are turned by a number, a full turn over the range of the volts; every other
    bank by its channel of the actuator. Without an actuator the volts are radians.

    Parameters
    ----------
    actuator
        What turns the references of detectors, a channel a bank; ``None`` if nothing does.
    cameras
        The off-axis camera of every bank, ``None`` for others.
    """

    def __init__(
        self, actuator: ReferencePhase | None, cameras: Sequence[CameraTaps | None]
    ) -> None:
        self._actuator = actuator
        turned = list(cameras)
        if actuator is not None:
            # Only what there are channels for can be turned.
            beyond = [one is None for one in turned[actuator.channels :]]
            turned = turned[: actuator.channels] if any(beyond) else turned
        self._cameras = turned
        if actuator is None:
            self._limits: Mapping[str, Limit] = {"volts": Limit(0.0, 2 * math.pi, "rad")}
        else:
            self._limits = actuator.limits()
        self._volts = np.zeros(len(turned))
        if actuator is not None:
            own = actuator.volts()[: len(turned)]
            self._volts[: own.size] = own

    @property
    def channels(self) -> int:
        """How many banks can be turned."""
        return len(self._cameras)

    def turns(self, channel: int) -> bool:
        """Whether a channel does anything: without an actuator only those of cameras do."""
        return self._actuator is not None or self._cameras[channel] is not None

    def limits(self) -> Mapping[str, Limit]:
        """Return the range of the volts."""
        return self._limits

    def radians_per_volt(
        self, actuators: npt.NDArray[np.float64] | None
    ) -> npt.NDArray[np.float64]:
        """Return by how much a volt turns each bank, given that of the actuators."""
        limit = self._limits["volts"]
        own = np.full(self.channels, 2 * math.pi / (limit.high - limit.low))
        for channel, camera in enumerate(self._cameras):
            if camera is None and actuators is not None:
                own[channel] = actuators[channel]
        return own

    def set_volts(self, volts: npt.NDArray[np.floating]) -> None:
        """Set voltages ``[channels]``; errors as of ``ReferencePhase``."""
        asked = np.array(volts, np.float64)
        limit = self._limits["volts"]
        if not ((asked >= limit.low) & (asked <= limit.high)).all():
            raise LimitError(
                f"reference phases: {asked.tolist()} asked for; {limit} is allowed. Nothing was "
                "changed"
            )
        if self._actuator is not None:
            every = np.array(self._actuator.volts(), np.float64)
            for channel, camera in enumerate(self._cameras):
                if camera is None:
                    every[channel] = asked[channel]
            self._actuator.set_volts(every)
        slopes = self.radians_per_volt(None)
        for channel, camera in enumerate(self._cameras):
            if camera is not None:
                camera.turn(float(slopes[channel] * asked[channel]))
        self._volts = asked

    def volts(self) -> npt.NDArray[np.float64]:
        """Return the voltages ``[channels]`` last set."""
        return self._volts.copy()

    def wait_until_settled(self, timeout_seconds: float) -> None:
        """Return when the phases stand still."""
        if self._actuator is not None:
            self._actuator.wait_until_settled(timeout_seconds)
