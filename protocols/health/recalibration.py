"""Measure tables again on a bench that is in the middle of something, and go on.

Runs the calibration protocols on the open bench. What is accepted is in use at once; weights are
then shown again by the new tables. Whoever trains keeps weights and moments: they know nothing
of tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from instruments.bench import Bench
from instruments.calibration_light import CalibrationLight
from protocols.calibration.results import ProtocolResult
from protocols.calibration.sequence import plan_steps, run_steps
from protocols.calibration.session import CalibrationSession
from protocols.health.bench_parts import file_of, tables_of
from protocols.health.drift.finding import Drift


def recalibrate(
    bench: Bench, drifted: Sequence[Drift], generator: np.random.Generator
) -> list[ProtocolResult]:
    """Measure again what drifted, stage by stage; weights and gains are then as before.

    Parameters
    ----------
    drifted
        What to measure again; what names no protocol is left out.
    generator
        Draws the patterns that are shown.
    """
    wanted = {(one.protocol, one.stage) for one in drifted if one.protocol}
    if not wanted:
        return []
    weights, point = bench.parameters(), bench.operating_point()
    session = CalibrationSession(
        CalibrationLight(bench, file_of(bench)),
        tables_of(bench).tables,
        generator,
        datetime.now(UTC).isoformat(),
        None,
    )
    actuator = session.light.reference_phase
    if actuator is not None:
        # References are tracked: they stand where they are in phase, not where they once rested.
        standing = np.asarray(actuator.volts(), np.float64)
        for channel, bank in enumerate(session.light.banks()[: actuator.channels]):
            session.rest_volts[bank] = float(standing[channel])
    steps = [
        step
        for step in plan_steps(session, sorted({protocol for protocol, _ in wanted}))
        if (step.protocol, step.stage) in wanted
    ]
    try:
        return run_steps(session, steps)
    finally:
        session.light.bypass(False)
        session.light.open_arms("reference", "forward", "backward")
        session.turn_to_rest()
        bench.write(weights, point)
        # New tables may need other gains for the same weights.
        bench.write(weights)
