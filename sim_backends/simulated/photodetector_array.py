"""Simulated array of photodetectors."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from instruments.errors import InstrumentError
from instruments.interfaces.sequence import SequenceState
from instruments.limits import Limit
from instruments.opening import OpeningRequest
from sim_backends.simulated.settings import PhotodetectorArraySettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument, check_all_fired
from sim_backends.simulated.trigger_line import shared_trigger_line

Floats = npt.NDArray[np.float32]


class SimulatedPhotodetectorArray(SimulatedInstrument):
    """Balanced detectors at one tap port of a twin."""

    kind: ClassVar[str] = "photodetector_array"
    Settings: ClassVar[type[PhotodetectorArraySettings]] = PhotodetectorArraySettings

    def __init__(self, request: OpeningRequest[PhotodetectorArraySettings]) -> None:
        own = request.settings
        super().__init__(request, {"shots": Limit(1, own.most_shots, "shots")})
        if self.name not in self.twin.detectors:
            raise InstrumentError(
                f"{self.name}: no stage of the bench has it as a tap; name it under "
                "stages.NAME.taps or leave it out"
            )
        self.channels = own.channels
        self.saturation_volts = own.full_scale
        self.sequence = SequenceState(self.name, loads=False)
        self._readings: list[Floats] = []
        shared_trigger_line(request).banks[self.name] = self

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the detectors, stopped.

        Raises
        ------
        InstrumentError
            If they are no tap of the bench.
        """
        return cls(request)

    @property
    def dark_volts(self) -> Floats:
        """Nominal readings without light: none."""
        return np.zeros(self.channels, np.float32)

    @property
    def armed(self) -> bool:
        """Whether triggers make it read."""
        return self.sequence.stage == "armed"

    def arm(self, shots: int) -> None:
        """Get ready to take ``shots`` readings."""
        self._checked("shots", shots)
        self.sequence.armed(shots)
        self._readings.clear()

    def read(self, timeout_seconds: float) -> Floats:
        """Return the readings ``[shots, channels]`` in volts."""
        self._check_open()
        check_all_fired(self.sequence, timeout_seconds)
        readings = self._readings
        volts = readings[0] if len(readings) == 1 else np.concatenate(readings)
        self._readings = []
        self.sequence.read_out()
        return volts

    def stop(self) -> None:
        """Abandon what is armed or not yet read."""
        self._check_open()
        self._go_safe()
        self.twin.faults.stopped(self.name)

    def take(self, volts: Floats) -> None:
        """Take what the twin shows in the shots of one firing."""
        taken = self.sequence.triggered(len(volts))
        self._readings.append(volts if taken == len(volts) else volts[:taken])

    def _go_safe(self) -> None:
        self.sequence.stopped()
        self._readings = []
