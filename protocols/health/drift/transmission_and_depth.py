"""How much light gets through the weights, and how deep the absorber behind them is."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from instruments.bench import Bench
from instruments.network import Array, Pass
from protocols.calibration import absorber, vector_matrix
from protocols.calibration.linear_fit import fit_linear
from protocols.health.bench_parts import is_nominal, oven_of, panel_of
from protocols.health.drift.finding import Drift
from protocols.health.table_twin import TableTwin

SAMPLES = 64
_ALLOWED_POWER = 0.2
_ALLOWED_DEPTH = 0.15


def names(bench: Bench) -> list[str]:
    """Return the names of the checks a bench may give."""
    layers = range(1, len(bench.layers) + 1)
    return [f"transmission_{layer}" for layer in layers] + [
        f"optical_depth_{layer}" for layer in layers[:-1]
    ]


def find(bench: Bench, inputs: Array, generator: np.random.Generator) -> list[Drift]:
    """Compare sums and activations of random inputs with what the tables let expect."""
    shown = random_inputs(bench, generator)
    twin = TableTwin(bench)
    passed = bench.forward(shown)
    found = []
    for layer, read, stage in sums_read(bench, passed):
        slope, sigma = slope_of(twin.unit_input(layer, passed.activations[layer]), read)
        found.append(
            Drift(
                name=f"transmission_{layer + 1}",
                what=f"power through the weights of layer {layer + 1}",
                instrument=panel_of(bench, stage),
                stage=stage,
                value=slope**2 - 1.0,
                sigma=2.0 * abs(slope) * sigma,
                allowed=_ALLOWED_POWER,
                protocol=vector_matrix.NAME,
                nominal=is_nominal(bench, "weight_banks", stage),
            )
        )
    if passed.unit_inputs is not None:
        for layer, z in enumerate(passed.unit_inputs):
            stage = bench.arrangement.stage_of(layer).name
            depth, sigma = _relative_depth(twin, layer, z, passed.activations[layer + 1])
            found.append(
                Drift(
                    name=f"optical_depth_{layer + 1}",
                    what=f"optical depth behind layer {layer + 1}",
                    instrument=oven_of(bench) or stage,
                    stage=stage,
                    value=depth - 1.0,
                    sigma=sigma,
                    allowed=_ALLOWED_DEPTH,
                    protocol=absorber.NAME,
                    nominal=is_nominal(bench, "absorbers", stage),
                )
            )
    return found


def random_inputs(bench: Bench, generator: np.random.Generator) -> Array:
    """Return inputs ``[SAMPLES, N_0]`` between 0 and 1."""
    return generator.uniform(0, 1, (SAMPLES, bench.layers[0].inputs)).astype(np.float32)


def sums_read(bench: Bench, passed: Pass) -> Iterator[tuple[int, Array, str]]:
    """Yield the layers whose sums were read, with them and the stage they were read at."""
    last = len(bench.layers) - 1
    for layer in range(last + 1):
        stage = bench.arrangement.stage_of(layer).name
        if layer == last:
            yield layer, passed.output, stage
        elif passed.unit_inputs is not None:
            yield layer, passed.unit_inputs[layer], stage


def slope_of(expected: Array, read: Array) -> tuple[float, float]:
    """Return the slope of what was read against what was expected, offsets of taps left out."""
    x = expected.astype(np.float64) - expected.mean(axis=0, dtype=np.float64)
    y = read.astype(np.float64) - read.mean(axis=0, dtype=np.float64)
    power = float(np.vdot(x, x))
    if power == 0.0:
        return math.nan, math.nan
    slope = float(np.vdot(x, y)) / power
    left = y - slope * x
    return slope, math.sqrt(float(np.vdot(left, left)) / left.size / power)


def _relative_depth(twin: TableTwin, layer: int, z: Array, a: Array) -> tuple[float, float]:
    """Return the optical depth over that of the tables: the one factor that fits all neurons best.

    The transmission at ``f`` times the depth is that at the depth to the power of ``f``, exactly
    for Eq. 4 and nearly so for small changes of any medium. Scale and offset of the taps behind
    are fitted along with it.
    """
    field, read = z.astype(np.float64), a.astype(np.float64)
    passing = twin.transmission(layer, z).astype(np.float64)
    factor, sigma = 1.0, math.nan
    for _ in range(4):
        curve = field * passing**factor
        columns = [curve * np.log(passing), curve]
        columns = [one - one.mean(axis=0) for one in columns]
        matrix = np.stack([one.ravel() for one in columns], axis=1)
        target = (read - read.mean(axis=0)).ravel()
        found = fit_linear(matrix, target, smallest=1e-6)
        change, scale = found.parameters
        if found.rank < 2 or not scale:
            return math.nan, math.nan
        factor += float(np.clip(change / scale, -0.3, 0.3))
        sigma = float(found.sigmas[0] / abs(scale))
    return factor, sigma
