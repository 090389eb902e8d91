"""Gaussian noise from a counter: repeatable, cheap to store, fast enough for every tap.

A number is a function of a key and its place in the stream alone, so a stream is restored by
one integer. Bits come from a 32-bit integer hash (the multiply-xorshift mixer "lowbias32" found
by C. Wellons, applied twice with two keys, and once more for the second number of a pair), normal
deviates from the Box-Muller transform with polynomials in place of logarithm and cosine, which
lets the compiler use vector instructions.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float32]

_ONE = np.float32(1)
_TWO = np.float32(2)
_HALF = np.float32(0.5)
_LOG_TWO = np.float32(math.log(2))
_ROOT_TWO = np.float32(math.sqrt(2))
_PI = np.float32(math.pi)
_TO_UNIT = np.float32(2.0**-24)
# Taylor coefficients; on [-pi/2, pi/2] the first term left out is below 5e-7.
_SINE = tuple(np.float32((-1) ** k / math.factorial(2 * k + 1)) for k in range(6))
_COSINE = tuple(np.float32((-1) ** k / math.factorial(2 * k)) for k in range(6))
_LOG = tuple(np.float32(2 / (2 * k + 1)) for k in range(4))
_SHIFT_EXPONENT = np.int32(23)
_MANTISSA = np.int32(0x7FFFFF)
_EXPONENT_OF_ONE = np.int32(0x3F800000)
_PLACES = 0xFFFFFFFF

NOWHERE = (0, np.uint32(0), np.uint32(0))
"""In place of what ``NoiseStream.take`` returns, where no noise is drawn."""


@njit(inline="always")
def _mixed(bits: np.uint32) -> np.uint32:
    # Every result is cast back: numba widens arithmetic on small integers to 64 bits.
    bits = np.uint32(bits ^ np.uint32(bits >> np.uint32(16)))
    bits = np.uint32(bits * np.uint32(0x7FEB352D))
    bits = np.uint32(bits ^ np.uint32(bits >> np.uint32(15)))
    bits = np.uint32(bits * np.uint32(0x846CA68B))
    return np.uint32(bits ^ np.uint32(bits >> np.uint32(16)))


@njit(inline="always")
def normal_pair(
    place: np.uint32, first_key: np.uint32, second_key: np.uint32
) -> tuple[np.float32, np.float32]:
    """Return two independent normal deviates for one place of a stream."""
    radial = _mixed(np.uint32(_mixed(np.uint32(place ^ first_key)) + second_key))
    angular = _mixed(np.uint32(radial ^ second_key))
    # ln u for u = (k + 1/2) 2^-24 by its exponent and the series of atanh of the mantissa.
    uniform = np.float32((np.float32(np.int32(radial >> np.uint32(8))) + _HALF) * _TO_UNIT)
    bits = np.int32(np.float32(uniform).view(np.int32))
    exponent = np.float32(np.int32(bits >> _SHIFT_EXPONENT) - np.int32(127))
    mantissa = np.int32((bits & _MANTISSA) | _EXPONENT_OF_ONE).view(np.float32)
    large = mantissa > _ROOT_TWO
    mantissa = mantissa * _HALF if large else mantissa
    exponent = exponent + _ONE if large else exponent
    z = (mantissa - _ONE) / (mantissa + _ONE)
    z2 = z * z
    log = exponent * _LOG_TWO + z * (_LOG[0] + z2 * (_LOG[1] + z2 * (_LOG[2] + z2 * _LOG[3])))
    radius = np.sqrt(-_TWO * log)
    # Angle 2 pi (v - 1/2) from sine and cosine of its half.
    half = _PI * (np.float32(np.int32(angular >> np.uint32(8))) * _TO_UNIT - _HALF)
    h2 = half * half
    sine = half * (
        _SINE[0]
        + h2 * (_SINE[1] + h2 * (_SINE[2] + h2 * (_SINE[3] + h2 * (_SINE[4] + h2 * _SINE[5]))))
    )
    cosine = _COSINE[0] + h2 * (
        _COSINE[1] + h2 * (_COSINE[2] + h2 * (_COSINE[3] + h2 * (_COSINE[4] + h2 * _COSINE[5])))
    )
    return radius * (_ONE - _TWO * sine * sine), radius * _TWO * sine * cosine


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def _fill(first: Floats, second: Floats, start: int, key: np.uint32, other_key: np.uint32) -> None:
    begin = np.uint32(start)
    for i in range(first.size):
        one, two = normal_pair(np.uint32(begin + np.uint32(i)), key, other_key)
        first[i] = one
        second[i] = two


class NoiseStream:
    """An endless stream of normal deviates; its whole state is ``place``.

    Parameters
    ----------
    seed
        Streams of different seeds are independent.
    """

    def __init__(self, seed: int) -> None:
        words = np.random.SeedSequence(seed).generate_state(2, np.uint32)
        self._seeds = (int(words[0]), int(words[1]))
        # The turn of 2^32 places in hand: where it begins, and its keys.
        self._begins, self._ends = 0, -1
        self._key = self._other_key = np.uint32(0)
        self.place = 0

    def take(self, pairs: int) -> tuple[int, np.uint32, np.uint32]:
        """Reserve places for ``pairs`` pairs; return ``(start, first_key, second_key)``.

        The keys change whenever the 32-bit places are used up, so the stream does not repeat.
        """
        if not self._begins <= self.place <= self._ends - pairs:
            self._begin_turn(pairs)
        place = self.place
        self.place = place + pairs
        return place - self._begins, self._key, self._other_key

    def _begin_turn(self, pairs: int) -> None:
        """Take the keys of where the stream is, or of the next turn if that ends too soon."""
        if (self.place & _PLACES) + pairs > _PLACES:
            self.place = ((self.place >> 32) + 1) << 32
        turn = self.place >> 32
        self._begins = turn << 32
        self._ends = self._begins + _PLACES
        first, second = self._seeds
        self._key = np.uint32(first ^ (turn & _PLACES))
        self._other_key = np.uint32(second ^ ((turn << 16) & _PLACES))

    def complex_normals(self, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Return two independent arrays of normal deviates of this shape."""
        first, second = np.empty(shape, np.float32), np.empty(shape, np.float32)
        _fill(first.reshape(-1), second.reshape(-1), *self.take(first.size))
        return first, second
