"""Whether the spots of neurons on cameras are where they are read."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from instruments.bench import Bench
from instruments.calibration_light import CalibrationLight
from instruments.network import Array
from protocols.calibration import camera_registration
from protocols.calibration.session import CalibrationSession
from protocols.health.bench_parts import file_of, is_camera, is_nominal, tables_of, tap_banks
from protocols.health.drift.finding import Drift

_ALLOWED_PIXELS = 1.0
"""Regions are moved by whole pixels anyway."""


def names(bench: Bench) -> list[str]:
    """Return the names of the checks a bench may give."""
    return [f"registration_{bank}" for bank in tap_banks(bench) if is_camera(bench, bank)]


def find(bench: Bench, inputs: Array, generator: np.random.Generator) -> list[Drift]:
    """Light a few neurons of every camera: their spots have to be where they are read."""
    tables, found = tables_of(bench).tables, []
    if not any(is_camera(bench, bank) for bank in tap_banks(bench)):
        return []
    light = CalibrationLight(bench, file_of(bench))
    session = CalibrationSession(light, tables, generator, datetime.now(UTC).isoformat())
    for stage in light.stages:
        for port, bank in camera_registration.camera_ports(session, stage):
            moved = camera_registration.spots_moved(session, stage, port, bank)
            if moved is None:
                continue
            found.append(
                Drift(
                    name=f"registration_{bank}",
                    what=f"spots on {bank}",
                    instrument=bank,
                    stage=stage,
                    value=moved[0],
                    sigma=moved[1],
                    allowed=_ALLOWED_PIXELS,
                    unit="pixels",
                    protocol=camera_registration.NAME,
                    nominal=is_nominal(bench, "camera_regions", bank),
                )
            )
    return found
