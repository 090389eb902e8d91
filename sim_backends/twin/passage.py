"""Light on its way through the weights of one stage, forward and back, as one compiled step each.

Amplifiers, the product with the weights, and what happens to its parts afterwards are worked out
together: cores then share whole steps instead of single loops too short to be worth handing out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from instruments.matrix_products import multiply_rows, rows_at_once, work_of_products
from instruments.shared_loops import SharedLoop, rows_of
from sim_backends.twin.light_loops import (
    GainCurves,
    amplify_rows,
    combine_rows,
    gain_rows,
    sum_of_parts,
)
from sim_backends.twin.noise import NOWHERE, NoiseStream

Floats = npt.NDArray[np.float32]
Field = Floats
"""Complex fields as ``[2, B, n]``, real parts before imaginary ones; ``[1, B, n]`` if real."""

_NOTHING = np.zeros(0, np.float32)
_NO_CURVES = GainCurves(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32), *3 * [_NOTHING])


class Mask(NamedTuple):
    """What light meets.

    Attributes
    ----------
    parts
        ``[2, M, N]`` real and imaginary parts.
    sums
        ``[M, N]`` both parts added up, for complex light; ``[0, N]`` for real light.
    """

    parts: Floats
    sums: Floats


class Shone(NamedTuple):
    """Forward light of a stage.

    Attributes
    ----------
    gains
        ``[2, B, N]`` complex field gains that the light left of the amplifiers in front.
    z
        ``[2, B, M]`` in front of the medium.
    power
        ``[B, M]`` square of ``z``.
    """

    gains: Field
    z: Field
    power: Floats


def shine(
    x: Field,
    mask: Mask,
    amplifiers: GainCurves | None,
    carrier_gain: np.float32,
    emitted: Field | None,
    noise: NoiseStream,
) -> Shone:
    """Return what becomes of light ``x [1 or 2, B, N]``.

    Parameters
    ----------
    amplifiers
        One in front of every modulator; ``None`` for none.
    carrier_gain
        Factor on all light.
    emitted
        Light ``[1 or 2, B, M]`` that joins in front of the medium.
    """
    _, shots, inputs = x.shape
    outputs = mask.parts.shape[1]
    curves = _NO_CURVES if amplifiers is None else amplifiers
    gains = np.empty((2, 0 if amplifiers is None else shots, inputs), np.float32)
    entering = x if amplifiers is None else np.empty((2, shots, inputs), np.float32)
    products = np.empty((1 + len(entering), shots, outputs), np.float32)
    z, power = np.empty((2, shots, outputs), np.float32), np.empty((shots, outputs), np.float32)
    _shine(
        work_of_products(len(entering) * shots, mask.parts, gains.size),
        x,
        *mask,
        rows_at_once(shots, inputs, outputs, transposed=True),
        *curves,
        *(noise.take(shots * inputs) if len(curves.widths) else NOWHERE),
        gains,
        entering,
        products,
        carrier_gain,
        z[:0] if emitted is None else emitted,
        z,
        power,
    )
    return Shone(gains, z, power)


def return_to_source(
    delta: Field,
    mask: Mask,
    amplifiers: GainCurves | None,
    gains: Field,
    noise: NoiseStream,
) -> Field:
    """Return what becomes of backward light ``delta [1 or 2, B, M]``, ``[2, B, N]``.

    Parameters
    ----------
    amplifiers, gains
        Those passed on the way, and what the forward light leaves of them; ``None`` for none.
    """
    parts, shots, outputs = delta.shape
    inputs = mask.parts.shape[2]
    curves = _NO_CURVES if amplifiers is None else amplifiers
    products = np.empty((1 + parts, shots, inputs), np.float32)
    arriving = np.empty((2, shots, inputs), np.float32)
    behind = arriving if amplifiers is None else np.empty_like(arriving)
    _return(
        work_of_products(parts * shots, mask.parts, gains.size),
        delta,
        *mask,
        rows_at_once(shots, outputs, inputs),
        curves.knees,
        curves.widths,
        *(noise.take(shots * inputs) if len(curves.widths) else NOWHERE),
        products,
        arriving,
        gains,
        behind,
    )
    return behind


@njit(cache=True, error_model="numpy", forceinline=True)
def _multiply_complex_rows(
    first: int,
    last: int,
    light: Floats,
    real: Floats,
    imaginary: Floats,
    sums: Floats,
    at_once: int,
    products: Floats,
) -> None:
    """Write the products ``[3, B, n]`` that ``combine_rows`` makes a complex field of."""
    multiply_rows(light[0, first:last], real, at_once, products[0, first:last])
    multiply_rows(light[1, first:last], imaginary, at_once, products[1, first:last])
    multiply_rows(sum_of_parts(first, last, light), sums, at_once, products[2, first:last])


@SharedLoop
def _shine(
    shares: int,
    x: Floats,
    mask: Floats,
    sums: Floats,
    at_once: int,
    curve_real: Floats,
    curve_imaginary: Floats,
    knees: Floats,
    spread: Floats,
    widths: Floats,
    start: int,
    key: np.uint32,
    other_key: np.uint32,
    gains: Floats,
    entering: Floats,
    products: Floats,
    carrier: np.float32,
    added: Floats,
    z: Floats,
    power: Floats,
) -> None:
    shots = len(power)
    if len(entering) == 1:
        # Real light comes through the largest panels: each part of it stays in one core's caches.
        for part in prange(2):
            multiply_rows(entering[0], mask[part].T, at_once, products[part])
    for share in prange(shares):
        first, last = rows_of(share, shares, shots)
        if len(knees):
            gain_rows(first, last, x, curve_real, curve_imaginary, knees, spread, gains)
            amplify_rows(first, last, x, gains, widths, start, key, other_key, entering)
        if len(entering) == 2:
            _multiply_complex_rows(
                first, last, entering, mask[0].T, mask[1].T, sums.T, at_once, products
            )
        combine_rows(first, last, products, carrier, added, z, power)


@SharedLoop
def _return(
    shares: int,
    delta: Floats,
    mask: Floats,
    sums: Floats,
    at_once: int,
    knees: Floats,
    widths: Floats,
    start: int,
    key: np.uint32,
    other_key: np.uint32,
    products: Floats,
    arriving: Floats,
    gains: Floats,
    behind: Floats,
) -> None:
    shots = delta.shape[1]
    if len(delta) == 1:
        for part in prange(2):
            multiply_rows(delta[0], mask[part], at_once, products[part])
    for share in prange(shares):
        first, last = rows_of(share, shares, shots)
        if len(delta) == 2:
            _multiply_complex_rows(first, last, delta, mask[0], mask[1], sums, at_once, products)
        one = np.float32(1)
        combine_rows(first, last, products, one, arriving[:0], arriving, arriving[0, :0])
        if len(knees):
            amplify_rows(first, last, arriving, gains, widths, start, key, other_key, behind)
