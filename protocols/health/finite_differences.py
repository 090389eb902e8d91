"""Spot checks of the gradient: single weights are moved on the bench and the output is measured.

Needs neither light from behind nor tables: what the output does when a weight is moved, times the
errors there, is the slope of the loss, whatever stands between. Noise is measured along with it,
by doing it several times.

The difference of two losses would be that slope half-way between the two frames. Panels round
every weight, so that half-way is off by up to a grey level from where the gradient was measured;
near a minimum, where slopes are small and change fast, that is as much as the slope itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instruments.network import Array, Network

Floats = npt.NDArray[np.float64]

STEP_SHARE = 0.1
"""How far a weight is moved: so that the sum it is part of changes by about this share of its rms.
That is many grey levels, and so little that what a symmetric difference leaves out, the third
derivative, is well below a per cent."""

REPEATS = 4


@dataclass(frozen=True)
class SpotChecks:
    """Slopes of the loss along single weights of one layer.

    Attributes
    ----------
    layer
        Counted from 1.
    weights
        ``[k, 2]`` output and input of each.
    slopes, sigmas
        ``[k]`` measured by moving the weight, and one standard deviation of their noise.
    measured
        ``[k]`` what the gradient has there.
    """

    layer: int
    weights: npt.NDArray[np.int64]
    slopes: Floats
    sigmas: Floats
    measured: Floats

    @property
    def cosine(self) -> float:
        """Cosine of the two over these weights; NaN if one of them is nothing."""
        length = float(np.linalg.norm(self.slopes) * np.linalg.norm(self.measured))
        return float(np.vdot(self.slopes, self.measured)) / length if length else math.nan

    @property
    def noise_share(self) -> float:
        """Noise of the slopes, relative to them."""
        length = float(np.linalg.norm(self.slopes))
        return float(np.linalg.norm(self.sigmas)) / length if length else math.inf


def spot_checks(
    network: Network,
    inputs: Array,
    errors: Array,
    gradients: Sequence[Array],
    count: int,
    generator: np.random.Generator,
    after: Callable[[], None] | None = None,
    repeats: int = REPEATS,
) -> list[SpotChecks]:
    """Move ``count`` weights of every layer up and down; the weights are restored afterwards.

    Parameters
    ----------
    inputs
        ``[B, N_0]`` what is shown.
    errors
        ``[B, N_L]`` at the output, with the weights as they are: the slopes of the loss there.
    gradients
        What was measured, to compare with.
    after
        Called behind every weight.
    repeats
        How often each is moved, at least twice: what differs is noise.
    """
    weights, point = network.parameters(), network.operating_point()
    checks = []
    try:
        for layer, (held, gradient) in enumerate(zip(weights, gradients, strict=True)):
            share = min(1.0, STEP_SHARE * math.sqrt(held.shape[1]))
            step = np.float32(share * max(float(np.sqrt(np.mean(held**2))), 1e-3))
            chosen = generator.choice(held.size, min(count, held.size), replace=False)
            slopes = np.empty((len(chosen), repeats))
            for place, index in enumerate(chosen):
                for take in range(repeats):
                    outputs = []
                    for sign in (1, -1):
                        moved = [one.copy() for one in weights]
                        moved[layer].reshape(-1)[index] += sign * step
                        network.write(moved, point)
                        outputs.append(network.forward(inputs).output)
                    change = (outputs[0] - outputs[1]) / (2 * step)
                    slopes[place, take] = np.vdot(errors, change) / len(errors)
                if after is not None:
                    after()
            checks.append(
                SpotChecks(
                    layer + 1,
                    np.stack(np.unravel_index(chosen, held.shape), axis=1).astype(np.int64),
                    slopes.mean(axis=1),
                    slopes.std(axis=1, ddof=1) / math.sqrt(repeats),
                    gradient.reshape(-1)[chosen].astype(np.float64),
                )
            )
    finally:
        network.write(weights, point)
    return checks
