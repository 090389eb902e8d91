"""Simulated actuators of the reference phase."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from instruments.bench_file.schema import BenchFile
from instruments.errors import InstrumentError
from instruments.limits import Limit
from instruments.opening import OpeningRequest
from sim_backends.simulated.settings import ReferencePhaseSettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument


class SimulatedReferencePhase(SimulatedInstrument):
    """Phase actuators in the references of a twin's tap banks, linear and without hysteresis.

    The one the bench file names under ``arms.reference.phase`` has a channel for every bank, in
    the order z, a, delta, rho of the first stage, then of the next; further channels turn nothing.
    The phase follows at once; only waiting takes time.
    """

    kind: ClassVar[str] = "reference_phase"
    Settings: ClassVar[type[ReferencePhaseSettings]] = ReferencePhaseSettings

    def __init__(self, request: OpeningRequest[ReferencePhaseSettings]) -> None:
        own = request.settings
        super().__init__(request, {"volts": Limit(0.0, own.highest, "V")})
        self.channels = own.channels
        self.settling_seconds = own.settling
        self._radians_per_volt = math.pi / own.half_wave_voltage
        self._volts = np.zeros(own.channels)
        self._settled_at = 0.0
        self._banks: list[str] = []
        if request.bench.arms.reference.phase == self.name:
            self._banks = tap_banks(request.bench)
            if len(self._banks) > own.channels:
                raise InstrumentError(
                    f"{self.name}: {own.channels} channels for {len(self._banks)} banks of taps; "
                    "it needs one for each"
                )

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the actuators, at 0 V.

        Raises
        ------
        InstrumentError
            If there are fewer than banks of taps.
        """
        return cls(request)

    def set_volts(self, volts: npt.NDArray[np.floating]) -> None:
        """Set voltages ``[channels]``; errors as of the interface."""
        self._volts = self._checked_channels("volts", volts, self.channels)
        self._settled_at = self._clock.now() + self.settling_seconds
        self._tell()

    def volts(self) -> npt.NDArray[np.float64]:
        """Return the voltages ``[channels]``."""
        self._check_open()
        return self._volts.copy()

    def wait_until_settled(self, timeout_seconds: float) -> None:
        """Let the twin's time pass until the phases stand still."""
        self._check_open()
        self._wait_until(self._settled_at, timeout_seconds, "settling")

    def _tell(self) -> None:
        for bank, volts in zip(self._banks, self._volts, strict=False):
            self.twin.set_reference_phase(bank, self._radians_per_volt * float(volts))

    def _go_safe(self) -> None:
        self._volts = np.zeros(self.channels)
        self._tell()


def tap_banks(bench: BenchFile) -> list[str]:
    """Return the banks of taps in the order of the reference phase's channels."""
    return [bank for stage in bench.stages.values() for bank in stage.taps.present().values()]
