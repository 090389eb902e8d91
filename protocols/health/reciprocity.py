"""Are weights the same both ways? The matrix light meets going forward against that going back.

Where the same modes are used both ways, ``W_b`` is the transpose of ``W_f`` but for factors of taps
and injectors, which a diagonal on either side takes up. What is left is the reciprocity,

    min over diagonal D1, D2 of ||W_f - D1 W_b^T D2|| / ||W_f||.

``W_b`` is measured column by column, every output lit alone; ``W_f`` follows from a batch of random
fields as they enter the weights and as they leave. No table matters but for the straightness of
the taps.

All is taken twice. What differs is noise, and products of one take with the other have none in the
mean: neither in ``W_f``, nor in the diagonals, nor in what is left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instruments.bench import Bench
from instruments.network import Array
from protocols.health.bench_parts import panel_of
from protocols.health.drift.finding import Drift

Floats = npt.NDArray[np.float64]

SAMPLES_PER_INPUT = 2
REPEATS = 4
"""Of each output lit alone, in each take."""

NAME = "reciprocity"

_ROUNDS = 100
_ALLOWED = 0.1


@dataclass(frozen=True)
class Reciprocity:
    """Relative distance of the two matrices after the best diagonals; 0 is reciprocal.

    Attributes
    ----------
    value, sigma
        Noise taken off, with one standard deviation.
    """

    value: float
    sigma: float


def names(bench: Bench) -> list[str]:
    """Return the names of the checks a bench may give."""
    return [f"{NAME}_{layer + 1}" for layer in bench.lit_both_ways()]


def find(bench: Bench, inputs: Array, generator: np.random.Generator) -> list[Drift]:
    """Compare the weights shown with themselves, lit from behind."""
    layers = bench.lit_both_ways()
    found = [measure_reciprocity(bench, layer, generator) for layer in layers]
    return [
        Drift(
            name=f"{NAME}_{layer + 1}",
            what=f"weights of layer {layer + 1} from behind, from themselves",
            instrument=panel_of(bench, bench.arrangement.stage_of(layer).name),
            stage=bench.arrangement.stage_of(layer).name,
            value=one.value,
            sigma=one.sigma,
            allowed=_ALLOWED,
        )
        for layer, one in zip(layers, found, strict=True)
    ]


def measure_reciprocity(bench: Bench, layer: int, generator: np.random.Generator) -> Reciprocity:
    """Measure the reciprocity of the weights a bench shows.

    Parameters
    ----------
    layer
        Whose (0 is the first); one that can be lit both ways.
    generator
        Draws the fields.
    """
    shape = bench.layers[layer]
    samples = SAMPLES_PER_INPUT * shape.inputs
    seed = int(generator.integers(2**32))
    alone = np.tile(np.eye(shape.outputs, dtype=np.float32), (REPEATS, 1))
    entering, leaving, backward = [], [], []
    for _ in range(2):
        # The same fields twice: only noise differs.
        one, other = bench.light_weights(layer, samples, np.random.default_rng(seed))
        entering.append(_centred(one))
        leaving.append(_centred(other))
        arriving = bench.through_weights(layer, alone).astype(np.float64)
        backward.append(arriving.reshape(REPEATS, shape.outputs, -1).mean(axis=0))
    return compare_ways(
        (
            _matrix(entering[0], leaving[0], entering[1]),
            _matrix(entering[1], leaving[1], entering[0]),
        ),
        (backward[0], backward[1]),
    )


def _matrix(entering: Floats, leaving: Floats, again: Floats) -> Floats:
    """Return ``W_f [M, N]``; fields of the other take beside them, noise does not shrink it."""
    found = np.linalg.lstsq(again.T @ entering, again.T @ leaving, rcond=1e-6)[0]
    return np.asarray(found.T, np.float64)


def _centred(fields: Array) -> Floats:
    """Take off what is the same in all samples: what taps read in the dark, for one."""
    values = fields.astype(np.float64)
    centred: Floats = values - values.mean(axis=0)
    return centred


def compare_ways(forward: tuple[Floats, Floats], backward: tuple[Floats, Floats]) -> Reciprocity:
    """Return the distance of two takes of ``W_f`` from two of ``W_b^T``, all ``[M, N]``."""
    rows, columns = _diagonals(forward, backward)
    left = [
        one - rows[:, np.newaxis] * other * columns
        for one, other in zip(forward, backward, strict=True)
    ]
    power = float(np.vdot(*forward))
    if power <= 0.0:
        return Reciprocity(math.nan, math.nan)
    square = float(np.vdot(*left)) / power
    # Of a product of two takes: what is left times the noise of each, and both noises.
    noise = 0.5 * float(np.square(left[0] - left[1]).sum()) / power
    sigma = math.sqrt((2.0 * max(0.0, square) * noise + noise**2) / left[0].size)
    value = math.sqrt(max(0.0, square))
    return Reciprocity(value, sigma / max(2.0 * value, math.sqrt(sigma), 1e-12))


def _diagonals(
    forward: tuple[Floats, Floats], backward: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Return the factors of outputs ``[M]`` and inputs ``[N]`` that bring both ways together."""
    rows, columns = np.ones(forward[0].shape[0]), np.ones(forward[0].shape[1])
    # One take with the other, whichever is which.
    across = 0.5 * (forward[0] * backward[1] + forward[1] * backward[0])
    itself = backward[0] * backward[1]
    for _ in range(_ROUNDS):
        rows = _ratio(across @ columns, itself @ columns**2)
        columns = _ratio(rows @ across, rows**2 @ itself)
    return rows, columns


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0.0)
