r"""How well the gradient that light measures agrees with the one that follows from the tables.

For each layer, with ``g`` measured and ``r`` computed:

* cosine ``<g, r> / (|g| |r|)``,
* gain ``<g, r> / <r, r>``: by how much the measured one is longer along the computed one,
* residual ``|g - gain r| / |gain r|``: what of it points elsewhere.

Takes of the same minibatch tell how much of that is noise. If ``G`` is the gradient without noise
and ``s`` the rms length of the noise of one take, noise alone leaves a cosine of
``|G| / sqrt(|G|^2 + s^2)``. What the mean of ``K`` takes has beyond noise is unbiased:

.. math:: |G|^2 = |\bar g|^2 - s^2 / K, \qquad \cos_{signal} = \frac{<\bar g, r>}{|G|\,|r|}.

Near the end of training the gradient is nearly zero and a poor cosine says nothing: then
``|G|^2`` is not larger than what ``s^2 / K`` leaves uncertain, and no verdict is given.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from instruments.network import Array
from protocols.health.repeated_frames import Repeats

GREEN, AMBER, STOP = 0.9, 0.7, 0.5
"""Cosines from which on a layer's gradient is good, and to be watched; below the last one training
stops. From training 784-128-128-10 with errors of each kind, see ``docs/health.md``."""

CERTAIN = 2.0
"""A verdict needs a gradient so many times longer than what the mean over takes leaves of noise."""

MOST_TAKES = 1000
"""More takes than this are no way out of noise."""


class Level(enum.StrEnum):
    """What is to be thought of a gradient."""

    GOOD = "good"
    WATCH = "watch"
    POOR = "poor"
    STOP = "stop"
    NOISE = "noise"


@dataclass(frozen=True)
class LayerFidelity:
    """One layer's gradient against the computed one.

    Attributes
    ----------
    layer
        Counted from 1.
    cosine, gain, residual
        Of a single take, as training uses it: the mean over takes.
    signal_cosine
        With noise taken out; NaN where nothing is left of the gradient without it.
    noise_cosine
        What noise alone would leave of a perfect gradient's cosine.
    noise
        rms noise of a take, as a share of the length of the gradient without it.
    takes
        How many there were.
    """

    layer: int
    cosine: float
    gain: float
    residual: float
    signal_cosine: float
    noise_cosine: float
    noise: float
    takes: int

    @property
    def certain(self) -> bool:
        """Whether there is enough gradient beside the noise for a verdict."""
        return self.noise * CERTAIN <= math.sqrt(self.takes)

    @property
    def level(self) -> Level:
        """The verdict: by the cosine as it is where it is good, else by that without noise."""
        if self.cosine >= GREEN:
            return Level.GOOD
        if not self.certain or math.isnan(self.signal_cosine):
            return Level.NOISE
        if self.signal_cosine >= GREEN:
            return Level.NOISE
        return level_of(self.signal_cosine)

    @property
    def takes_that_pay(self) -> int:
        """Frames to average until noise alone leaves a cosine of 0.95; 1 if it does already."""
        return takes_for(self.noise)

    def sentence(self) -> str:
        """Return what there is to say, in words."""
        start = f"layer {self.layer}: cosine {self.cosine:.2f}"
        if self.level is Level.GOOD:
            return f"{start}: good"
        if not self.certain:
            return (
                f"{start}: the gradient is lost in noise ({self.noise:.2g} times its length, in "
                f"{self.takes} takes), so that nothing can be said; at the end of training that is "
                "as it should be"
            )
        if self.level is Level.NOISE:
            return (
                f"{start}: noise; without it {self.signal_cosine:.2f}. Averaging "
                f"{self.takes_that_pay} frames would help"
            )
        return (
            f"{start}, of which noise explains {self.noise_cosine:.2f} only: without noise "
            f"{self.signal_cosine:.2f} ({self.level}). Something is not as the tables say: look at "
            "the drift checks, or calibrate"
        )


def takes_for(noise: float, cosine: float = 0.95) -> int:
    """Return how many takes to average until noise leaves a cosine, given that of one take.

    Parameters
    ----------
    noise
        rms noise of one take over the length of the gradient.
    """
    if not math.isfinite(noise):
        return MOST_TAKES
    return max(1, min(MOST_TAKES, math.ceil(noise**2 / (cosine**-2 - 1))))


def level_of(cosine: float) -> Level:
    """Return the level of a cosine that noise has no part in."""
    if cosine >= GREEN:
        return Level.GOOD
    if cosine >= AMBER:
        return Level.WATCH
    return Level.POOR if cosine >= STOP else Level.STOP


def compared(repeats: Repeats, references: Sequence[Array]) -> list[LayerFidelity]:
    """Compare the gradients of takes with computed ones, layer by layer."""
    return [
        compare_layer(layer + 1, repeats.gradients_of(layer), reference)
        for layer, reference in enumerate(references)
    ]


def _products_of(matrices: Sequence[npt.NDArray[np.floating]]) -> npt.NDArray[np.float64]:
    """Return the inner products ``[n, n]`` of matrices: all there is to know of their angles."""
    rows = [matrix.reshape(-1) for matrix in matrices]
    products = np.empty((len(rows), len(rows)))
    for number, row in enumerate(rows):
        for other in range(number + 1):
            products[number, other] = products[other, number] = _inner_product(row, rows[other])
    return products


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def _inner_product(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> float:
    # Summed in double precision, in which nothing has to be stored.
    total = 0.0
    for index in range(one.size):
        total += float(one[index]) * float(other[index])
    return total


def compare_layer(
    layer: int,
    takes: Sequence[npt.NDArray[np.floating]],
    reference: npt.NDArray[np.floating],
) -> LayerFidelity:
    """Compare a layer's gradients ``[outputs, inputs]``, take by take, with a computed one."""
    count = len(takes)
    products = _products_of([*takes, reference])
    squares, along = np.diag(products)[:count], products[:count, count]
    length = math.sqrt(products[count, count])
    if length == 0.0 or not squares.all():
        nan = math.nan
        return LayerFidelity(layer, nan, nan, nan, nan, nan, math.inf, count)
    cosine = float(np.mean(along / (np.sqrt(squares) * length)))
    gain = float(np.mean(along)) / length**2
    beside = np.sqrt(np.maximum(squares - (along / length) ** 2, 0.0))
    residual = float(np.mean(beside)) / (abs(gain) * length) if gain else math.inf
    square_of_mean = float(products[:count, :count].mean())
    variance = (float(squares.sum()) - count * square_of_mean) / max(1, count - 1)
    variance = max(variance, 0.0)
    true_square = square_of_mean - variance / count
    if true_square <= 0.0:
        return LayerFidelity(layer, cosine, gain, residual, math.nan, 0.0, math.inf, count)
    signal = float(np.mean(along)) / (math.sqrt(true_square) * length)
    noise = math.sqrt(variance / true_square)
    noise_cosine = 1.0 / math.sqrt(1.0 + noise**2)
    return LayerFidelity(
        layer, cosine, gain, residual, max(-1.0, min(1.0, signal)), noise_cosine, noise, count
    )
