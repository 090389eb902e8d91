"""Whether half a weight is half as much light as a whole one.

It is the amplitude that a look-up table gone wrong spoils most.
"""

from __future__ import annotations

import math

import numpy as np

from instruments.bench import Bench
from instruments.network import Array
from protocols.calibration import spatial_light_modulator
from protocols.health.bench_parts import is_nominal, panel_of
from protocols.health.drift.finding import Drift
from protocols.health.drift.transmission_and_depth import random_inputs, slope_of, sums_read
from protocols.health.table_twin import TableTwin

_WHOLE, _HALF = 0.9, 0.45
"""Weights as a share of the largest a block holds."""

_FILLED = 0.5
"""Share of their range that detectors are to fill at most."""

_ALLOWED = 0.04


def names(bench: Bench) -> list[str]:
    """Return the names of the checks a bench may give."""
    return [f"half_weight_{layer}" for layer in range(1, len(bench.layers) + 1)]


def find(bench: Bench, inputs: Array, generator: np.random.Generator) -> list[Drift]:
    """Show whole and half weights of random sign; compare how much light each lets through."""
    weights, found = bench.parameters(), []
    for layer in range(len(bench.layers)):
        hardware = bench.arrangement.stage_of(layer)
        slopes = []
        for share in (_HALF, _WHOLE):
            slopes.append(_slope_at(bench, layer, share, weights, generator))
        (half, half_sigma), (whole, whole_sigma) = slopes
        if not (math.isfinite(half) and whole):
            continue
        ratio = half / whole
        sigma = abs(ratio) * math.hypot(half_sigma / half, whole_sigma / whole)
        found.append(
            Drift(
                name=f"half_weight_{layer + 1}",
                what=f"half a weight of layer {layer + 1}",
                instrument=panel_of(bench, hardware.name),
                stage=hardware.name,
                value=ratio - 1.0,
                sigma=sigma,
                allowed=_ALLOWED,
                protocol=spatial_light_modulator.NAME,
                nominal=is_nominal(bench, "weight_banks", hardware.name),
            )
        )
    return found


def _slope_at(
    bench: Bench,
    layer: int,
    share: float,
    weights: list[Array],
    generator: np.random.Generator,
) -> tuple[float, float]:
    hardware, own = bench.arrangement.stage_of(layer), bench.layers[layer]
    reach = hardware.bank.largest_weights(hardware.field_gain)
    # Weights wider than the panel take several frames.
    largest = np.resize(reach[: own.outputs].T, (own.inputs, own.outputs)).T
    signs = generator.choice([-1.0, 1.0], largest.shape)
    shown = [one.copy() for one in weights]
    shown[layer] = (share * largest * signs).astype(np.float32)
    bench.write(shown, bench.operating_point())
    twin = TableTwin(bench)
    inputs = random_inputs(bench, generator)
    sums = twin.forward(inputs)
    expected = sums.output if layer == len(bench.layers) - 1 else (sums.unit_inputs or ())[layer]
    bank = hardware.taps.get("z")
    if bank is None:
        return math.nan, math.nan
    table = bench.light.taps[bank]
    range_fields = table.saturation_volts / float(np.abs(table.volts_per_field).max())
    if layer == 0:
        inputs *= min(1.0, _FILLED * range_fields / max(1e-9, float(np.abs(expected).max())))
    passed = bench.forward(inputs)
    for number, read, _ in sums_read(bench, passed):
        if number == layer:
            return slope_of(twin.unit_input(layer, passed.activations[layer]), read)
    return math.nan, math.nan
