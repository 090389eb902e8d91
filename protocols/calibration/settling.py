"""How long a panel takes from one frame to the next, seen by the taps."""

from __future__ import annotations

import numpy as np

from protocols.calibration.registration import stage_level
from protocols.calibration.session import CalibrationSession
from protocols.calibration.stage_drive import StageDrive, measuring_gain


def settling_seconds(session: CalibrationSession, stage: str) -> float:
    """Return the time after which 1 % of a change of frame is left to come, from single shots."""
    light = session.light
    hardware = session.hardware(stage)
    levels = hardware.bank.levels or 256
    bank = session.forward_bank(stage)
    shape = hardware.geometry.shape
    flat = np.zeros(shape, np.uint16)
    light.open_arms("reference", "forward")
    lit = np.zeros((1, hardware.inputs))
    lit[:, : max(1, hardware.inputs // 8)] = 1.0
    drive = StageDrive(session, stage, stage_level(session, stage), lit)
    hardware.set_field_gain(measuring_gain(session, stage, drive.level, 0.05))
    light.show(stage, flat, flat)
    period = session.light.file.exposure.shot_period
    patience = hardware.panel.refresh_seconds + hardware.panel.settling_seconds
    shots = max(1, int(np.ceil(1e-3 / period)))
    fields = np.tile(drive.level * lit, (shots, 1))
    usable = session.banks[bank].usable
    light.start_showing(stage, np.full(shape, levels, np.uint16), flat)
    steps = min(200, int(np.ceil(patience / (shots * period))))
    seen = [drive.expose_fields(fields, [bank])[1][bank].mean(axis=0)[usable] for _ in range(steps)]
    drive.close()
    light.open_arms("reference", "forward", "backward")
    track = np.stack(seen)
    final = track[-1] - track[0]
    share = (track - track[0]) @ final / max(float(final @ final), 1e-300)
    # Counted from where the change begins: before that the old frame waits for its refresh.
    begun = int(np.argmax(share > 0.02))
    arrived = np.flatnonzero(share < 0.99)
    last = int(arrived[-1]) + 1 if arrived.size else 0
    return float(max(0, last - begun) * shots) * period
