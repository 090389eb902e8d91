"""The inner loops of light: what amplifiers and weights do to rows of shots.

Each works on the shots from ``first`` to before ``last``, so that rows can be shared out. Rows
apart, with conditions outside the loops over neurons, so that the compiler finds plain arithmetic
on arrays, for which it uses vector instructions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from sim_backends.twin.noise import normal_pair

Floats = npt.NDArray[np.float32]

LARGEST_POWER = 16.0
"""Powers in units of the saturation power are taken as this at most in front of an amplifier."""

GAIN_TERMS = 11


class GainCurves(NamedTuple):
    """How the gains of ``n`` amplifiers depend on the light in front of them.

    Attributes
    ----------
    real, imaginary
        ``[terms, n]`` polynomials for the field gain, highest term first.
    knees
        ``[n]`` input power at which each gain begins to saturate.
    spread
        ``[n]`` field gain of each, relative to nominal.
    widths
        ``[n]`` rms of the spontaneous emission in each quadrature, or ``[0]`` for none.
    """

    real: Floats
    imaginary: Floats
    knees: Floats
    spread: Floats
    widths: Floats


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def gain_rows(
    first: int,
    last: int,
    pump: Floats,
    curve_real: Floats,
    curve_imaginary: Floats,
    knees: Floats,
    spread: Floats,
    gains: Floats,
) -> None:
    """Write the field gains ``[2, B, n]`` that forward light ``pump [1 or 2, B, n]`` leaves.

    The fitted curves of ``GainCurves`` at the power of every shot and channel.
    """
    parts, _, channels = pump.shape
    largest = np.float32(LARGEST_POWER)
    slopes = np.float32(2) * (largest + knees) / largest
    place = np.empty(channels, np.float32)
    for shot in range(first, last):
        real, gain, turn = pump[0, shot], gains[0, shot], gains[1, shot]
        for i in range(channels):
            place[i] = real[i] * real[i]
        if parts == 2:
            imaginary = pump[1, shot]
            for i in range(channels):
                place[i] += imaginary[i] * imaginary[i]
        for i in range(channels):
            power = min(place[i], largest)
            place[i] = power / (power + knees[i]) * slopes[i] - np.float32(1)
        # One polynomial after the other: both at once take more registers than there are.
        for i in range(channels):
            own = curve_real[0, i]
            for term in range(1, GAIN_TERMS):
                own = own * place[i] + curve_real[term, i]
            gain[i] = own * spread[i]
        for i in range(channels):
            own = curve_imaginary[0, i]
            for term in range(1, GAIN_TERMS):
                own = own * place[i] + curve_imaginary[term, i]
            turn[i] = own * spread[i]


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def amplify_rows(
    first: int,
    last: int,
    light: Floats,
    gains: Floats,
    widths: Floats,
    start: int,
    key: np.uint32,
    other_key: np.uint32,
    behind: Floats,
) -> None:
    """Write ``light [1 or 2, B, n]`` times ``gains`` into ``behind``, both ``[2, B, n]``.

    Each neuron's gain is what the forward light leaves of it: backward light finds the same.
    Spontaneous emission is added to both quadratures.
    """
    parts, _, channels = light.shape
    for shot in range(first, last):
        real, gain, turn = light[0, shot], gains[0, shot], gains[1, shot]
        behind_real, behind_imaginary = behind[0, shot], behind[1, shot]
        for i in range(channels):
            behind_real[i] = gain[i] * real[i]
            behind_imaginary[i] = turn[i] * real[i]
        if parts == 2:
            imaginary = light[1, shot]
            for i in range(channels):
                behind_real[i] -= turn[i] * imaginary[i]
                behind_imaginary[i] += gain[i] * imaginary[i]
        if len(widths):
            place = np.uint32(start + np.uint32(shot * channels))
            for i in range(channels):
                one, two = normal_pair(np.uint32(place + np.uint32(i)), key, other_key)
                behind_real[i] += widths[i] * one
                behind_imaginary[i] += widths[i] * two


@njit(cache=True, error_model="numpy", forceinline=True)
def sum_of_parts(first: int, last: int, field: Floats) -> Floats:
    """Return real plus imaginary parts ``[last - first, n]`` of a field ``[2, B, n]``."""
    total = np.empty((last - first, field.shape[2]), np.float32)
    for shot in range(first, last):
        row, real, imaginary = total[shot - first], field[0, shot], field[1, shot]
        for i in range(len(row)):
            row[i] = real[i] + imaginary[i]
    return total


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def combine_rows(
    first: int,
    last: int,
    products: Floats,
    carrier: np.float32,
    added: Floats,
    field: Floats,
    power: Floats,
) -> None:
    """Put products of parts of light and of coefficients together to a complex field.

    Parameters
    ----------
    products
        ``[2, B, n]`` of real light with real and with imaginary parts of the coefficients, or
        ``[3, B, n]`` of real parts with real ones, imaginary with imaginary ones, sums with sums.
    carrier
        Factor on them.
    added
        Light ``[1 or 2, B, n]`` that joins, or ``[0, ...]``.
    field
        ``[2, B, n]`` to write.
    power
        ``[B, n]`` to write its square to, or ``[0, ...]`` where nobody asks.
    """
    neurons = products.shape[2]
    for shot in range(first, last):
        real, imaginary = field[0, shot], field[1, shot]
        one, other = products[0, shot], products[1, shot]
        if len(products) == 2:
            for j in range(neurons):
                real[j] = carrier * one[j]
                imaginary[j] = carrier * other[j]
        else:
            # Gauss's way to multiply complex numbers: three real products instead of four.
            sums = products[2, shot]
            for j in range(neurons):
                real[j] = carrier * (one[j] - other[j])
                imaginary[j] = carrier * (sums[j] - one[j] - other[j])
        if len(added):
            joining = added[0, shot]
            for j in range(neurons):
                real[j] += joining[j]
        if len(added) == 2:
            joining = added[1, shot]
            for j in range(neurons):
                imaginary[j] += joining[j]
        if len(power):
            row = power[shot]
            for j in range(neurons):
                row[j] = real[j] * real[j] + imaginary[j] * imaginary[j]
