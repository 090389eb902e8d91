"""Optical depth against the temperature of the cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from protocols.calibration.absorber import NAME, chosen_model
from protocols.calibration.medium_readings import take_medium_readings
from protocols.calibration.results import Curve, ProtocolResult
from protocols.calibration.session import CalibrationSession


def scan_oven(
    session: CalibrationSession, stage: str, celsius: Sequence[float]
) -> list[ProtocolResult]:
    """Measure optical depth against the cell's temperature; the oven returns to where it was."""
    oven = session.light.oven
    taps = session.section(stage).taps
    result = ProtocolResult(NAME, f"{stage}, oven")
    if oven is None or taps.z is None or taps.a is None:
        result.notes.append("no oven, or no taps on both sides of the medium")
        return [result]
    before = oven.target_celsius()
    timeout = session.light.file.exposure.timeout
    depths, sigmas = [], []
    try:
        for temperature in celsius:
            oven.set_temperature_celsius(temperature)
            oven.wait_until_settled(timeout)
            readings, fits = take_medium_readings(session, stage, taps.z, taps.a)
            usable = readings.usable
            found = fits[chosen_model(fits, usable)]
            depths.append(float(found.parameters[usable, 0].mean()))
            sigmas.append(float(found.sigmas[usable, 0].mean() / np.sqrt(usable.sum())))
            result.add(f"optical depth at {temperature:g} degC", depths[-1], sigmas[-1])
    finally:
        oven.set_temperature_celsius(before)
        oven.wait_until_settled(timeout)
    result.curves.append(
        Curve(
            f"{stage}, optical depth",
            np.array(celsius, np.float64),
            np.array(depths),
            None,
            "cell temperature (degC)",
            "optical depth",
        )
    )
    return [result]
