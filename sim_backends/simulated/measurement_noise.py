"""The noise of one simulated instrument: drawn from the twin's seed, kept in checkpoints."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from instruments.opening import OpeningRequest
from sim_backends.simulated.twin_of_bench import shared_twin


class MeasurementNoise:
    """What is random about an instrument whose noise the twin's light does not bring.

    Attributes
    ----------
    calibration_error
        A standard normal number, drawn once.
    generator
        Draws the noise of every reading.
    """

    def __init__(self, seed: int, instrument: str) -> None:
        # Instruments of one twin differ, whatever the order in which they are opened.
        self.generator = np.random.default_rng((seed, zlib.crc32(instrument.encode())))
        self.calibration_error = float(self.generator.normal())

    def state(self) -> dict[str, Any]:
        """Return where the generator is."""
        return {"generator": self.generator.bit_generator.state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` returned."""
        self.generator.bit_generator.state = state["generator"]


def measurement_noise(request: OpeningRequest[Any]) -> MeasurementNoise:
    """Return the noise of an instrument, shared so that its state goes into checkpoints."""
    seed = shared_twin(request).imperfections.seed
    return request.shared.get(
        f"noise of {request.name}", lambda: MeasurementNoise(seed, request.name)
    )
