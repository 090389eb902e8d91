"""Spot checks of the gradient: single weights are moved on the bench and the loss is measured.

Needs neither light from behind nor tables: what the loss does when a weight is moved is the
gradient, whatever stands between. Noise is measured along with it, by doing it several times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instruments.network import Array, Network
from protocols.losses import Labels, Loss

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
    labels: Labels,
    loss: Loss,
    gradients: Sequence[Array],
    count: int,
    generator: np.random.Generator,
    after: Callable[[], None] | None = None,
) -> list[SpotChecks]:
    """Move ``count`` weights of every layer up and down; the weights are restored afterwards.

    Parameters
    ----------
    gradients
        What was measured, to compare with.
    after
        Called behind every weight.
    """
    weights, point = network.parameters(), network.operating_point()
    checks = []
    try:
        for layer, (held, gradient) in enumerate(zip(weights, gradients, strict=True)):
            share = min(1.0, STEP_SHARE * math.sqrt(held.shape[1]))
            step = np.float32(share * max(float(np.sqrt(np.mean(held**2))), 1e-3))
            chosen = generator.choice(held.size, min(count, held.size), replace=False)
            slopes = np.empty((len(chosen), REPEATS))
            for place, index in enumerate(chosen):
                for take in range(REPEATS):
                    losses = []
                    for sign in (1, -1):
                        moved = [one.copy() for one in weights]
                        moved[layer].reshape(-1)[index] += sign * step
                        network.write(moved, point)
                        losses.append(loss(network.forward(inputs).output, labels).loss)
                    slopes[place, take] = (losses[0] - losses[1]) / (2.0 * float(step))
                if after is not None:
                    after()
            checks.append(
                SpotChecks(
                    layer + 1,
                    np.stack(np.unravel_index(chosen, held.shape), axis=1).astype(np.int64),
                    slopes.mean(axis=1),
                    slopes.std(axis=1, ddof=1) / math.sqrt(REPEATS),
                    gradient.reshape(-1)[chosen].astype(np.float64),
                )
            )
    finally:
        network.write(weights, point)
    return checks
