"""Whether modulators are dark where the tables say."""

from __future__ import annotations

import math

import numpy as np

from instruments.bench import Bench
from instruments.calibration.encoder import EncoderTable
from instruments.calibration_light import CalibrationLight
from instruments.network import Array
from protocols.calibration import modulators
from protocols.health.bench_parts import file_of, is_nominal, tables_of
from protocols.health.drift.finding import Drift

_REST_SHOTS = 16
_SWING = 0.6
"""Share of the half-wave voltage to which a channel swings on either side of its null."""

_ALLOWED_RADIANS = 0.05


def names(bench: Bench) -> list[str]:
    """Return the names of the checks a bench may give."""
    encoders = tables_of(bench).tables.encoders
    return [
        f"null_{one}"
        for stage in file_of(bench).stages.values()
        for one in (stage.inputs, stage.injector)
        if one is not None and isinstance(encoders[one], EncoderTable)
    ]


def find(bench: Bench, inputs: Array, generator: np.random.Generator) -> list[Drift]:
    """Swing every modulator alone to both sides of its null: they have to be alike."""
    file = file_of(bench)
    light, found = CalibrationLight(bench, file), []
    encoders = tables_of(bench).tables.encoders
    light.rest_volts = {name: table.dark_drive for name, table in encoders.items()}
    try:
        for place, (name, stage) in enumerate(file.stages.items()):
            before = list(file.stages.values())[place - 1] if place else stage
            forward = stage.taps.z or (stage.taps.a if light.can_bypass else None)
            backward = stage.taps.delta or stage.taps.rho or before.taps.delta
            for array, bank, is_forward in (
                (stage.inputs, forward, True),
                (stage.injector, backward if light.can_bypass else None, False),
            ):
                table = None if array is None else encoders[array]
                # Mirrors have no null that could drift.
                if array is None or bank is None or not isinstance(table, EncoderTable):
                    continue
                light.bypass(not is_forward or bank == stage.taps.a)
                light.open_arms("reference", "forward" if is_forward else "backward")
                value, sigma = _null(light, table, array, bank)
                found.append(
                    Drift(
                        name=f"null_{array}",
                        what=f"null of {array}",
                        instrument=array,
                        stage=name,
                        value=value,
                        sigma=sigma,
                        allowed=_ALLOWED_RADIANS,
                        unit="rad",
                        protocol=modulators.NAME,
                        nominal=is_nominal(bench, "encoders", array),
                    )
                )
    finally:
        light.bypass(False)
        light.open_arms("reference", "forward", "backward")
    return found


def _null(
    light: CalibrationLight, table: EncoderTable, array: str, bank: str
) -> tuple[float, float]:
    """Return by how much channels are off null, rms in radians, and its standard error."""
    count, null = table.channels, table.dark_volts.astype(np.float64)
    low, high = light.volts_range(array)
    swing = np.minimum(_SWING * table.half_wave_volts, np.minimum(high - null, null - low))
    angle = 0.5 * np.pi * swing / table.half_wave_volts
    channels = np.arange(count)
    drive = np.tile(null, (_REST_SHOTS + 2 * count, 1))
    drive[_REST_SHOTS + channels, channels] += swing
    drive[_REST_SHOTS + count + channels, channels] -= swing
    read = light.take({array: drive}, [bank])[bank].astype(np.float64)
    rest, above, below = np.split(read, [_REST_SHOTS, _REST_SHOTS + count])
    noise = math.sqrt(float(np.mean(rest.var(axis=0, ddof=1))))
    seen = (above - below) / (2.0 * np.sin(angle)[:, np.newaxis])
    lopsided = 0.5 * (above + below) - rest.mean(axis=0)
    power = np.square(seen).sum(axis=1)
    lit = power > (5.0 * noise) ** 2
    if not lit.any():
        return math.nan, math.nan
    off = (lopsided * seen).sum(axis=1)[lit] / power[lit] / (np.cos(angle[lit]) - 1.0)
    # Where the table makes up for a field that never goes out, dark is not the null of the sine.
    alive = np.where(table.field_at_full == 0.0, 1.0, table.field_at_full)
    off -= np.arcsin(np.clip(-table.offset / alive, -1.0, 1.0))[lit]
    variance = (0.5 + 1.0 / _REST_SHOTS) * noise**2 / power[lit]
    variance /= np.square(np.cos(angle[lit]) - 1.0)
    mean_square = float(np.mean(np.square(off) - variance))
    spread = math.sqrt(float(np.mean(variance)) / (2.0 * lit.sum()))
    return math.sqrt(max(0.0, mean_square)), spread
