"""Exponential and sine from polynomials, for the inner loops of the twin.

A compiled loop calls the library's ``exp`` and ``sin`` one number at a time. These are plain
arithmetic without branches, for which the compiler uses vector instructions: a nanosecond a
number instead of five. Single precision, errors of about one unit in the last place.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_ONE = np.float32(1)
# ln 2 and pi in two parts, the first with so few digits that its multiples are exact.
_LOG_TWO_HIGH, _LOG_TWO_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_PI_HIGH = np.float32(3.140625)
_PI_LOW = np.float32(math.pi - 3.140625)
_PER_LOG_TWO = np.float32(1 / math.log(2))
_PER_PI = np.float32(1 / math.pi)
_LEAST, _LARGEST = np.float32(-87), np.float32(88)
# e^r = 1 + r + r^2 P(r) for |r| <= ln 2 / 2 (Cephes library, expf; S. L. Moshier).
_EXPONENTIAL = tuple(
    np.float32(c)
    for c in (
        1.9875691500e-4,
        1.3981999507e-3,
        8.3334519073e-3,
        4.1665795894e-2,
        1.6666665459e-1,
        5.0000001201e-1,
    )
)
# Taylor coefficients; on [-pi/2, pi/2] the first term left out is below 1e-9.
_SINE = tuple(np.float32((-1) ** k / math.factorial(2 * k + 1)) for k in range(7))
_BIAS = np.int32(127)
_EXPONENT_PLACE = np.int32(23)
_LOWEST_BIT = np.int32(1)


@njit(inline="always")
def exponential(x: np.float32) -> np.float32:
    """Return ``e^x``; powers beyond those of normal float32 numbers are taken at the edge."""
    x = min(max(x, _LEAST), _LARGEST)
    power = np.float32(np.rint(x * _PER_LOG_TWO))
    r = (x - power * _LOG_TWO_HIGH) - power * _LOG_TWO_LOW
    series = _EXPONENTIAL[0]
    series = series * r + _EXPONENTIAL[1]
    series = series * r + _EXPONENTIAL[2]
    series = series * r + _EXPONENTIAL[3]
    series = series * r + _EXPONENTIAL[4]
    series = series * r + _EXPONENTIAL[5]
    bits = np.int32((np.int32(power) + _BIAS) << _EXPONENT_PLACE)
    return (series * r * r + r + _ONE) * bits.view(np.float32)


@njit(inline="always")
def sine(x: np.float32) -> np.float32:
    """Return ``sin x`` for ``|x|`` up to a few hundred."""
    turns = np.float32(np.rint(x * _PER_PI))
    r = (x - turns * _PI_HIGH) - turns * _PI_LOW
    square = r * r
    series = _SINE[6]
    series = series * square + _SINE[5]
    series = series * square + _SINE[4]
    series = series * square + _SINE[3]
    series = series * square + _SINE[2]
    series = series * square + _SINE[1]
    series = series * square * r + r
    return -series if np.int32(turns) & _LOWEST_BIT else series
