r"""The first diffraction order of a block of grating, and which grating gives which amplitude.

One period of ``q`` pixels shows the grey levels ``g_k`` that
``interfaces.spatial_light_modulator`` defines; a grey level ``g`` adds the phase ``phi(g)`` that
was measured for it. In the first order they sum to

.. math:: c = \frac{1}{q} \sum_{k=0}^{q-1} e^{i\varphi(g_k)} e^{-2\pi i (k + 1/2) / q}.

On a panel whose phase rises evenly by 2 pi, a ramp of depth ``M`` waves that starts at the phase
``theta`` gives ``c = e^{i theta} e^{i pi (M - 1)} D_q(1 - M)`` with ``D_q(u) = sin(pi u) /
(q sin(pi u / q))``, up to the rounding to whole levels (after J. A. Davis et al., Appl. Opt. 38,
5004 (1999)). What one pixel diffracts, the same for every block, is left to the weight bank's
scale.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.optimize import brentq

Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[np.uint16]

# On evenly spaced phases of 256 levels this leaves 0.2 % rms of full scale in phase and 0.3 %
# in quadrature; 1 would leave 0.25 and 0.1 %.
_QUADRATURE_WEIGHT = 0.1
# Degree at which what is left of the inverse below is rounding.
_DEGREE = 24


def even_phases(levels: int, stroke_radians: float = 2.0 * np.pi) -> Floats:
    """Return the phases ``[levels]`` of a panel whose phase rises evenly with the grey level.

    ``stroke_radians`` is what one level past the brightest would have.
    """
    phases: Floats = np.arange(levels, dtype=np.float64) * (stroke_radians / levels)
    return phases


@lru_cache(maxsize=8)
def ramps(levels: int, period: int) -> npt.NDArray[np.int64]:
    """Return the grey levels ``[levels + 1, period]`` of a ramp from 0, by its depth.

    ``round(depth (k + 1/2) / period)``, halves up; not taken modulo ``levels``.
    """
    depth = np.arange(levels + 1, dtype=np.int64)[:, np.newaxis]
    twice_centre = 2 * np.arange(period, dtype=np.int64) + 1
    table: npt.NDArray[np.int64] = (depth * twice_centre + period) // (2 * period)
    table.setflags(write=False)
    return table


def carriers(period: int) -> npt.NDArray[np.complex128]:
    """Return ``exp(-2 pi i (k + 1/2) / q) / q``, ``[q]``."""
    waves: npt.NDArray[np.complex128] = np.exp(-2j * np.pi * (np.arange(period) + 0.5) / period)
    return waves / period


def coefficients(
    depth: Levels,
    offset: Levels,
    phase_radians: Floats,
    region: npt.NDArray[np.integer],
    period: int,
) -> npt.NDArray[np.complex128]:
    """Return the first-order coefficients of blocks, from their pixels.

    Parameters
    ----------
    depth, offset
        ``[rows, columns]`` grey levels, as in a ``BlockPattern``.
    phase_radians
        ``[regions, levels]`` phase of each grey level.
    region
        ``[rows, columns]`` region of the panel each block lies in.
    period
        Pixels a period of the grating.
    """
    levels = phase_radians.shape[1]
    found = np.empty(depth.shape, np.complex128)
    _coefficients(
        depth,
        offset,
        np.exp(1j * phase_radians),
        region,
        ramps(levels, period),
        carriers(period),
        found,
    )
    return found


@njit(cache=True)
def _coefficients(
    depth: Levels,
    offset: Levels,
    pixels: npt.NDArray[np.complex128],
    region: npt.NDArray[np.integer],
    ramp: npt.NDArray[np.int64],
    carrier: npt.NDArray[np.complex128],
    found: npt.NDArray[np.complex128],
) -> None:
    levels = pixels.shape[1]
    for j in range(depth.shape[0]):
        for i in range(depth.shape[1]):
            total = 0j
            steps = ramp[depth[j, i]]
            for k in range(carrier.size):
                # Both are less than a wave, so that a comparison does for the remainder.
                level = np.int64(offset[j, i]) + steps[k]
                level = level - levels if level >= levels else level
                total += pixels[region[j, i], level] * carrier[k]
            found[j, i] = total


class Gratings(NamedTuple):
    """Which grating to show for which real part of the coefficient.

    ``depth`` and ``offset``, ``[2 steps + 1]``, are for real parts from -1 to 1 in even steps;
    ``lowest`` and ``highest`` are the smallest and the largest that can be had.
    """

    depth: Levels
    offset: Levels
    lowest: float
    highest: float


def nearest_gratings(phase_radians: Floats, period: int, steps: int) -> Gratings:
    """Return the gratings whose coefficients are nearest to points on the real axis.

    Every pair of depth and offset is looked at: on a measured curve the ramp that runs over the
    steepest part, or over a jump from the brightest level to the darkest, is not the ramp wanted.
    Nearest is by ``(Re c - A)^2 + _QUADRATURE_WEIGHT (Im c)^2``, since an error in quadrature
    reaches a weight only through the square of the field or a wrong phase of the reference.

    Parameters
    ----------
    phase_radians
        ``[levels]`` phase of each grey level in one region.
    period
        Pixels a period of the grating.
    steps
        Steps from 0 to 1 of the list returned.
    """
    levels = phase_radians.size
    depth = np.zeros(2 * steps + 1, np.uint16)
    offset = np.zeros(2 * steps + 1, np.uint16)
    lowest, highest = _nearest_gratings(
        np.cos(phase_radians),
        np.sin(phase_radians),
        ramps(levels, period),
        carriers(period),
        depth,
        offset,
    )
    return Gratings(depth, offset, lowest, highest)


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def _nearest_gratings(
    cosines: Floats,
    sines: Floats,
    ramp: npt.NDArray[np.int64],
    carrier: npt.NDArray[np.complex128],
    depths: Levels,
    offsets: Levels,
) -> tuple[float, float]:
    levels, count = cosines.size, depths.size
    steps = count // 2
    # The best candidate within each step; no grating at all is the first.
    place = np.zeros(count)
    cost = np.full(count, np.inf)
    cost[steps] = 0.0
    real, imaginary = np.empty(levels), np.empty(levels)
    lowest, highest = 0.0, 0.0
    for depth in range(1, levels + 1):
        real[:] = 0.0
        imaginary[:] = 0.0
        for k in range(carrier.size):
            in_phase, quadrature = carrier[k].real, carrier[k].imag
            start = ramp[depth, k] % levels
            # Two stretches of consecutive levels, so that no level needs a modulo of its own.
            for first, last, shift in (
                (0, levels - start, start),
                (levels - start, levels, start - levels),
            ):
                for offset in range(first, last):
                    cosine, sine = cosines[offset + shift], sines[offset + shift]
                    real[offset] += in_phase * cosine - quadrature * sine
                    imaginary[offset] += in_phase * sine + quadrature * cosine
        for offset in range(levels):
            lowest, highest = min(lowest, real[offset]), max(highest, real[offset])
            step = steps + int(np.rint(real[offset] * steps))
            step = min(max(step, 0), count - 1)
            price = _QUADRATURE_WEIGHT * imaginary[offset] ** 2
            if price < cost[step]:
                cost[step], place[step] = price, real[offset]
                depths[step], offsets[step] = depth, offset
    _spread(cost, place, depths, offsets)
    return lowest, highest


@njit(cache=True, error_model="numpy")
def _spread(cost: Floats, place: Floats, depths: Levels, offsets: Levels) -> None:
    """Give every step the candidate of least ``(place - step)^2 + cost``.

    The lower envelope of parabolas, in one sweep each way (P. F. Felzenszwalb and D. P.
    Huttenlocher, Theory Comput. 8, 415 (2012)).
    """
    count = cost.size
    steps = count // 2
    candidates = np.empty(count, np.int64)
    # Where on the axis each candidate starts to be the best.
    begins = np.full(count, -np.inf)
    kept = 0
    for one in range(count):
        if cost[one] == np.inf:
            continue
        begin = -np.inf
        while kept:
            before = candidates[kept - 1]
            middle = 0.5 * (place[one] + place[before])
            begin = middle + 0.5 * (cost[one] - cost[before]) / (place[one] - place[before])
            if begin > begins[kept - 1]:
                break
            kept -= 1
        candidates[kept], begins[kept] = one, begin
        kept += 1
    chosen = np.empty(count, np.int64)
    last = 0
    for step in range(count):
        amplitude = (step - steps) / steps
        while last + 1 < kept and begins[last + 1] <= amplitude:
            last += 1
        chosen[step] = candidates[last]
    depths[:] = depths[chosen]
    offsets[:] = offsets[chosen]


def staircase(distance: npt.ArrayLike, period: int) -> Floats:
    """Return ``D_q(u)``, the modulus of the coefficient at depth ``1 - u`` waves."""
    u = np.asarray(distance, np.float64)
    value: Floats = np.sinc(u) / np.sinc(u / period)
    return value


@lru_cache(maxsize=8)
def distance_polynomial(period: int) -> Floats:
    """Return the series in ``2 A - 1``, highest power first, of ``u^2 / (1 - A)``.

    Inverts ``A = D_q(u)`` on ``0 <= u <= 1``: ``u^2`` is a smooth function of ``A`` with a zero at
    ``A = 1``, which is divided out. Good to 1e-9.
    """
    nodes = np.cos(np.pi * np.arange(_DEGREE + 1) / _DEGREE)
    ratios = np.empty(_DEGREE + 1)
    # D_q(u) = 1 - (pi u)^2 (1 - 1/q^2) / 6 + ...
    ratios[0] = 6.0 / (np.pi**2 * (1.0 - period**-2.0))
    ratios[-1] = 1.0
    for index in range(1, _DEGREE):
        amplitude = 0.5 * (1.0 + nodes[index])
        distance = brentq(
            lambda u, a=amplitude: float(staircase(u, period)) - a, 1e-9, 1.0, xtol=1e-15
        )
        ratios[index] = distance**2 / (1.0 - amplitude)
    series = np.polynomial.chebyshev.chebfit(nodes, ratios, _DEGREE)
    powers: Floats = np.ascontiguousarray(np.polynomial.chebyshev.cheb2poly(series)[::-1])
    return powers
