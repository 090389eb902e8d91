"""Where an instrument looks at a twin's light: which stage, which port."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.bench_file.problems import listed, nearest
from instruments.errors import InstrumentError
from instruments.opening import OpeningRequest
from sim_backends.simulated.twin_of_bench import shared_twin
from sim_backends.twin.stage import StageTruth

Floats = npt.NDArray[np.float32]


def stage_looked_at(request: OpeningRequest[Any]) -> StageTruth | None:
    """Return the stage that an instrument's setting ``stage`` names, if it names one.

    Raises
    ------
    InstrumentError
        If the bench has no such stage.
    """
    name = request.settings.stage
    if name is None:
        return None
    stages = request.bench.stages
    if name not in stages:
        raise InstrumentError(
            f"{request.name}: settings.stage: there is no stage '{name}'; the bench has: "
            f"{listed(stages)}{nearest(name, stages)}"
        )
    panel = stages[name].weights
    return next(one for one in shared_twin(request).stages if one.layout.panel == panel)


def powers(stage: StageTruth, port: str) -> Floats:
    """Return the powers ``[B, n]`` at a port in the latest exposure, in saturation powers."""
    field = {"x": stage.x, "z": stage.z, "a": stage.a}[port]
    power: Floats = np.square(field).sum(axis=0)
    return power
