"""Light on its way through the weights of one stage, forward and back, as one compiled step each.

Amplifiers, the product with the weights, and what happens to its parts afterwards are worked out
together: cores then share whole steps instead of single loops too short to be worth handing out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from instruments.cache_lines import claim
from instruments.matrix_products import (
    multiply_rows,
    rows_at_once,
    work_of_products,
)
from instruments.shared_loops import SharedLoop, rows_of, shares_for
from sim_backends.twin.light_loops import (
    GainCurves,
    amplify_rows,
    combine_rows,
    gain_rows,
    sum_of_parts,
)
from sim_backends.twin.noise import NOWHERE, NoiseStream
from sim_backends.twin.workspace import Workspace

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
    workspace: Workspace,
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
    workspace
        Has what is returned, until the next light.
    """
    _, shots, inputs = x.shape
    outputs = mask.parts.shape[1]
    curves = _NO_CURVES if amplifiers is None else amplifiers
    array = workspace.array
    gains = array("gains", 2, 0 if amplifiers is None else shots, inputs)
    entering = x if amplifiers is None else array("entering", 2, shots, inputs)
    products = array("forward products", 1 + len(entering), shots, outputs)
    z, power = array("z", 2, shots, outputs), array("power", shots, outputs)
    work = work_of_products(len(entering) * shots, mask.parts, gains.size)
    # Real light is divided by neurons, complex light by shots.
    results = outputs if len(entering) == 2 else outputs // shares_for(work)
    _shine(
        work,
        x,
        *mask,
        rows_at_once(shots, inputs, results, transposed=True),
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
    workspace: Workspace,
) -> Field:
    """Return what becomes of backward light ``delta [1 or 2, B, M]``, ``[2, B, N]``.

    Parameters
    ----------
    amplifiers, gains
        Those passed on the way, and what the forward light leaves of them; ``None`` for none.
    workspace
        Has what is returned, until the next light.
    """
    parts, shots, outputs = delta.shape
    inputs = mask.parts.shape[2]
    curves = _NO_CURVES if amplifiers is None else amplifiers
    array = workspace.array
    products = array("backward products", 1 + parts, shots, inputs)
    arriving = array("arriving", 2, shots, inputs)
    behind = arriving if amplifiers is None else array("behind", 2, shots, inputs)
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
def _multiply_real(
    share: int, shares: int, light: Floats, mask: Floats, at_once: int, products: Floats
) -> None:
    """Write the products ``[2, B, M]`` of real light with both parts of what some neurons meet.

    Real light comes through the largest panels. What it meets is read by the core alone that worked
    it out; the light by all of them, a core's own shots first, so that one reads them at a time.
    """
    first, last = rows_of(share, shares, mask.shape[1])
    own = np.empty((2, len(light), last - first), np.float32)
    for turn in range(shares):
        begin, end = rows_of((share + turn) % shares, shares, len(light))
        for shot in range(begin, end, at_once):
            next_block = min(shot + at_once, end)
            if shares > 1:
                claim(light[shot:next_block])
            for part in range(2):
                met = mask[part, first:last].T
                np.dot(light[shot:next_block], met, own[part, shot:next_block])
    products[:, :, first:last] = own


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
        for share in prange(shares):
            _multiply_real(share, shares, entering[0], mask, at_once, products)
    for share in prange(shares):
        first, last = rows_of(share, shares, shots)
        if len(knees):
            gain_rows(first, last, x, curve_real, curve_imaginary, knees, spread, gains)
            amplify_rows(first, last, x, gains, widths, start, key, other_key, entering)
        if len(entering) == 2:
            _multiply_complex_rows(
                first, last, entering, mask[0].T, mask[1].T, sums.T, at_once, products
            )
        elif shares > 1:
            claim(products[0, first:last])
            claim(products[1, first:last])
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
