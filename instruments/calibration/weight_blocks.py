"""The inner loops from weights to blocks: a nanosecond or two a weight."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from instruments.shared_loops import SharedLoop, rows_of, shares_for

Weights = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]

STEPS = 2048
"""Steps of the look-up table from a coefficient of 0 to one of 1."""

WORDS = 2 * STEPS + 3

# A word of the look-up table: depth in the low half, offset above it, then whether it is clipped.
OFFSET_SHIFT = 16
CLIPPED_SHIFT = 31
ROUNDING = 1e-6


def encode_levels(
    weights: Weights,
    inverse_rows: Weights,
    inverse_columns: Weights,
    regions: npt.NDArray[np.unsignedinteger],
    words: npt.NDArray[np.uint32],
    depth: npt.NDArray[np.uint16],
    offset: npt.NDArray[np.uint16],
) -> tuple[int, float]:
    """Write the grey levels of a matrix.

    Returns how many weights are clipped, and the size of the largest coefficient asked for, 1 at
    most.

    Parameters
    ----------
    weights
        ``[outputs, inputs]``, no larger than the blocks; what is left of them stays dark.
    inverse_rows, inverse_columns
        ``[rows]`` and ``[columns]``; turn a weight into the real part of a coefficient.
    regions
        ``[rows, columns]`` the region of the panel each block lies in.
    words
        Words of the look-up tables, ``WORDS`` for each region: real parts from -1 to 1 and one more
        at each end for everything beyond.
    depth, offset
        ``[rows, columns]``, written whole.
    """
    largest = np.zeros(shares_for(weights.size), np.int32)
    clipped: int = _encode_levels(
        weights.size, weights, inverse_rows, inverse_columns, regions, words, depth, offset, largest
    )
    return clipped, min(int(largest.max()) / STEPS, 1.0)


@njit(inline="always")
def _zero_of(region: np.unsignedinteger) -> np.int32:
    """Return where the word for a weight of 0 in a region is."""
    return np.int32(np.int32(region) * np.int32(WORDS) + np.int32(STEPS + 1))


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def _encode_rows(
    first: int,
    last: int,
    weights: Weights,
    inverse_rows: Weights,
    inverse_columns: Weights,
    regions: npt.NDArray[np.unsignedinteger],
    words: npt.NDArray[np.uint32],
    depth: npt.NDArray[np.uint16],
    offset: npt.NDArray[np.uint16],
) -> tuple[int, np.int32]:
    outputs, inputs = weights.shape
    clipped, largest = 0, np.int32(0)
    steps, edge = np.float32(STEPS), np.float32(STEPS + 1)
    place, word = np.empty(inputs, np.int32), np.empty(inputs, np.uint32)
    # Looking up is the only loop without vector instructions, so it stands alone.
    for j in range(first, min(last, outputs)):
        row = inverse_rows[j] * steps
        given, region, depths, offsets = weights[j], regions[j], depth[j], offset[j]
        for i in range(inputs):
            step = given[i] * (row * inverse_columns[i])
            # Not-a-number fails the first comparison, lands on the edge and counts as clipped.
            step = step if step < edge else edge
            step = step if step > -edge else -edge
            whole = np.int32(np.rint(step))
            largest = max(largest, abs(whole))
            place[i] = np.int32(_zero_of(region[i]) + whole)
        for i in range(inputs):
            word[i] = words[np.uint32(place[i])]
        beyond = np.uint32(0)
        for i in range(inputs):
            beyond = np.uint32(beyond + np.uint32(word[i] >> np.uint32(CLIPPED_SHIFT)))
            depths[i] = np.uint16(word[i])
            offsets[i] = np.uint16((word[i] >> np.uint32(OFFSET_SHIFT)) & np.uint32(0x7FFF))
        clipped += int(beyond)
        depth[j, inputs:] = 0
        offset[j, inputs:] = 0
    depth[max(first, outputs) : last] = 0
    offset[max(first, outputs) : last] = 0
    return clipped, largest


@SharedLoop
def _encode_levels(
    shares: int,
    weights: Weights,
    inverse_rows: Weights,
    inverse_columns: Weights,
    regions: npt.NDArray[np.unsignedinteger],
    words: npt.NDArray[np.uint32],
    depth: npt.NDArray[np.uint16],
    offset: npt.NDArray[np.uint16],
    largest: npt.NDArray[np.int32],
) -> int:
    clipped = 0
    for share in prange(shares):
        first, last = rows_of(share, shares, len(depth))
        more, largest[share] = _encode_rows(
            first, last, weights, inverse_rows, inverse_columns, regions, words, depth, offset
        )
        clipped += more
    return clipped


def depth_and_offset(
    words: npt.NDArray[np.uint32],
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
    """Return depth and offset of words of look-up tables."""
    offset = (words >> np.uint32(OFFSET_SHIFT)) & np.uint32(0x7FFF)
    return words.astype(np.uint16), offset.astype(np.uint16)


def held_values(
    weights: Weights,
    inverse_rows: Weights,
    inverse_columns: Weights,
    regions: npt.NDArray[np.unsignedinteger],
    values: Weights,
) -> Weights:
    """Return the real parts ``[outputs, inputs]`` of what ``encode_levels`` makes of a matrix.

    ``values`` are those of the gratings in ``words``, the rest as in ``encode_levels``.
    """
    held = np.empty_like(weights)
    _held_values(weights.size, weights, inverse_rows, inverse_columns, regions, values, held)
    return held


@SharedLoop
def _held_values(
    shares: int,
    weights: Weights,
    inverse_rows: Weights,
    inverse_columns: Weights,
    regions: npt.NDArray[np.unsignedinteger],
    values: Weights,
    held: Weights,
) -> None:
    steps, edge = np.float32(STEPS), np.float32(STEPS + 1)
    for share in prange(shares):
        first, last = rows_of(share, shares, len(weights))
        for j in range(first, last):
            row = inverse_rows[j] * steps
            for i in range(weights.shape[1]):
                step = weights[j, i] * (row * inverse_columns[i])
                step = step if step < edge else edge
                step = step if step > -edge else -edge
                held[j, i] = values[np.uint32(_zero_of(regions[j, i]) + np.int32(np.rint(step)))]


@njit(cache=True, error_model="numpy")
def encode_waves(
    weights: Weights,
    inverse_rows: Weights,
    inverse_columns: Weights,
    polynomial: Values,
    depth: Weights,
    offset: Weights,
) -> tuple[int, float]:
    """Write depths and offsets in waves; return what ``encode_levels`` does.

    ``polynomial`` is that of ``first_order.distance_polynomial``, the rest as in
    ``encode_levels``.
    """
    outputs, inputs = weights.shape
    clipped, largest = 0, 0.0
    for j in range(outputs):
        for i in range(inputs):
            signed = float(weights[j, i]) * inverse_rows[j] * inverse_columns[i]
            amplitude = abs(signed)
            clipped += not amplitude <= 1.0 + ROUNDING
            amplitude = min(amplitude, 1.0)
            largest = max(largest, amplitude)
            ratio = polynomial[0]
            for power in range(1, polynomial.size):
                ratio = ratio * (2.0 * amplitude - 1.0) + polynomial[power]
            distance = min(np.sqrt((1.0 - amplitude) * ratio), 1.0)
            # The ramp starts where its middle, which sets the phase, is at 0 or half a wave.
            start = 0.5 * distance + (0.5 if signed < 0.0 else 0.0)
            depth[j, i] = 1.0 - distance
            offset[j, i] = start if start < 1.0 else 0.0
        depth[j, inputs:] = 0.0
        offset[j, inputs:] = 0.0
    depth[outputs:] = 0.0
    offset[outputs:] = 0.0
    return clipped, largest


def required_gain(
    weights: Weights,
    inverse_largest: Weights,
    row_bounds: Weights,
    column_bounds: Weights,
) -> np.float32:
    """Return the largest ratio of a weight to what its block holds of that sign.

    Parameters
    ----------
    weights
        ``[outputs, inputs]``, no larger than the blocks.
    inverse_largest
        ``[2, rows, columns]``, for positive and for negative weights.
    row_bounds, column_bounds
        ``[rows]`` and ``[columns]`` whose products are nowhere smaller than ``inverse_largest``.
    """
    bounds = np.empty((shares_for(weights.size), weights.shape[1]), np.float32)
    _bound_columns(weights.size, weights, row_bounds, bounds)
    gain: np.float32 = _largest_gain(weights, inverse_largest, bounds, column_bounds)
    return gain


@SharedLoop
def _bound_columns(shares: int, weights: Weights, row_bounds: Weights, bounds: Weights) -> None:
    """Write the largest size of each column times its row's bound, each share for its own rows."""
    for share in prange(shares):
        first, last = rows_of(share, shares, len(weights))
        own = bounds[share]
        own[:] = 0
        # Number by number with what the rows before had, for which there are vector instructions.
        for j in range(first, last):
            row, bound = weights[j], row_bounds[j]
            for i in range(len(own)):
                size = abs(row[i]) * bound
                own[i] = size if size > own[i] else own[i]


@njit(cache=True, error_model="numpy", fastmath=True)
def _largest_gain(
    weights: Weights, inverse_largest: Weights, bounds: Weights, column_bounds: Weights
) -> np.float32:
    outputs, inputs = weights.shape
    highest = np.zeros(inputs, np.float32)
    for own in bounds:
        for i in range(inputs):
            highest[i] = max(highest[i], own[i])
    for i in range(inputs):
        highest[i] *= column_bounds[i]
    # Most columns cannot hold the largest ratio and are not looked at again.
    largest = np.float32(0)
    while True:
        column = _place_of_largest(highest)
        if highest[column] <= largest:
            return largest
        highest[column] = 0
        for j in range(outputs):
            above = weights[j, column] * inverse_largest[0, j, column]
            below = -weights[j, column] * inverse_largest[1, j, column]
            largest = max(largest, max(above, below))


@njit(inline="always")
def _place_of_largest(values: Weights) -> int:
    # The largest first and its place then: two loops with vector instructions.
    largest = np.float32(0)
    for value in values:
        largest = max(largest, value)
    place = 0
    for i in range(values.size):
        place = i if values[i] == largest else place
    return place


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def spread_to_neighbours(coefficients: Weights, share: np.float32, spread: Weights) -> None:
    """Write what becomes of block coefficients when each gives ``share`` to each neighbour.

    A block of ``[rows, columns]`` keeps what it would give to a neighbour beyond the edge.
    """
    rows, columns = coefficients.shape
    own = np.float32(1) - np.float32(4) * share
    for j in range(rows):
        above, below = max(j - 1, 0), min(j + 1, rows - 1)
        for i in range(columns):
            before, behind = max(i - 1, 0), min(i + 1, columns - 1)
            around = coefficients[above, i] + coefficients[below, i]
            around += coefficients[j, before] + coefficients[j, behind]
            spread[j, i] = own * coefficients[j, i] + share * around


def gathered_from_neighbours(coefficients: Weights, share: float) -> Weights:
    """Return the coefficients which, spread to their neighbours, become these.

    The inverse of ``spread_to_neighbours`` by two steps of Neumann's series, which leaves a
    relative error below ``(8 share)**3``.
    """
    gathered = coefficients.copy()
    spread = np.empty_like(coefficients)
    for _ in range(2):
        spread_to_neighbours(gathered, np.float32(share), spread)
        gathered += coefficients - spread
    return gathered
