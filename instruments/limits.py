"""Limits that are checked before a value is sent to an instrument.

One minimum and one maximum a call, however large the array: a check has to be cheap enough
that nobody is tempted to leave it out. Not-a-number fails every comparison and is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import prange

from instruments.errors import InstrumentError, LimitError
from instruments.shared_loops import SharedLoop, rows_of


@dataclass(frozen=True, slots=True)
class Limit:
    """The closed interval an instrument accepts for one quantity.

    Parameters
    ----------
    low, high
        Smallest and largest value allowed, in ``unit``; an open side is ``-inf`` or ``inf``.
    unit
        The unit as a person writes it: ``"V"``, ``"A"``, ``"degC"``, ``"grey levels"``.

    Raises
    ------
    LimitError
        If the interval is empty or a bound is not a number.
    """

    low: float
    high: float
    unit: str

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise LimitError(
                f"a limit runs from {self.low:g} to {self.high:g} {self.unit}; the lower bound "
                "must be a number and not above the upper one"
            )

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        if math.isinf(self.low) and math.isinf(self.high):
            return f"any number of {self.unit}"
        if math.isinf(self.high):
            return f"at least {self.low:g} {self.unit}"
        if math.isinf(self.low):
            return f"at most {self.high:g} {self.unit}"
        return f"{self.low:g} to {self.high:g} {self.unit}"

    def narrowed(self, instrument: str, quantity: str, asked: Limit) -> Limit:
        """Return ``asked`` if it lies inside this limit.

        A bench file may tighten what a device allows, never widen it.

        Raises
        ------
        LimitError
            If ``asked`` has another unit or reaches outside this limit.
        """
        if asked.unit != self.unit:
            raise LimitError(
                f"{instrument}: the limit of {quantity} is given in {asked.unit}; "
                f"this instrument counts in {self.unit}"
            )
        if asked.low < self.low or asked.high > self.high:
            raise LimitError(
                f"{instrument}: the limit of {quantity} is set to {asked}; the instrument allows "
                f"{self}, and a bench file can only narrow that"
            )
        return asked


def check_value(instrument: str, quantity: str, value: float, limit: Limit) -> float:
    """Return ``value`` as a float if it lies within ``limit``.

    Raises
    ------
    LimitError
        If it does not, or is not a number. Nothing has been sent then.
    """
    number = float(value)
    if limit.low <= number <= limit.high:
        return number
    raise LimitError(
        f"{instrument}: {quantity} of {number:g} {limit.unit} asked for; allowed is {limit}. "
        "Nothing was sent"
    )


def check_array(instrument: str, quantity: str, values: npt.NDArray[Any], limit: Limit) -> None:
    """Check every element of ``values``, of any shape, against ``limit``.

    Raises
    ------
    LimitError
        If one lies outside or is not a number; the message names the first such element.
    """
    if values.size == 0:
        return
    # minimum and maximum both hand a NaN on, so two comparisons refuse it too. Whole numbers
    # without a sign need no look at their smallest.
    flat = values.reshape(-1)
    if values.dtype.kind == "u" and limit.low <= 0:
        if np.maximum.reduce(flat) <= limit.high:
            return
    elif limit.low <= np.minimum.reduce(flat) and np.maximum.reduce(flat) <= limit.high:
        return
    allowed = (values >= limit.low) & (values <= limit.high)
    where = np.unravel_index(int(np.argmin(allowed)), values.shape)
    place = ", ".join(str(int(index)) for index in where)
    refused = int(values.size - np.count_nonzero(allowed))
    raise LimitError(
        f"{instrument}: {quantity} of {float(values[where]):g} {limit.unit} asked for at [{place}] "
        f"({refused} of {values.size} values refused); allowed is {limit}. Nothing was sent"
    )


def none_above(
    highest: int, values: npt.NDArray[Any], other_highest: int, others: npt.NDArray[Any]
) -> bool:
    """Return whether two arrays of a shape hold whole numbers from 0 to a bound each.

    Both in one pass. It says yes to unsigned numbers in this machine's byte order only; what is
    wrong, and whether anything is with others, says ``check_array``.
    """
    for array in (values, others):
        if array.dtype.kind != "u" or not array.dtype.isnative or not array.size:
            return False
    flat, other_flat = values.reshape(-1), others.reshape(-1)
    return bool(_above(2 * flat.size, highest, flat, other_highest, other_flat) == 0)


@SharedLoop
def _above(
    shares: int,
    highest: int,
    values: npt.NDArray[Any],
    other_highest: int,
    others: npt.NDArray[Any],
) -> int:
    """Return in how many shares there are numbers above."""
    above = 0
    for share in prange(shares):
        first, last = rows_of(share, shares, len(values))
        above += int(values[first:last].max() > highest or others[first:last].max() > other_highest)
    return above


def check_shape(
    instrument: str, what: str, values: npt.NDArray[Any], shape: tuple[int | None, ...]
) -> None:
    """Check the shape of an array before it is sent; ``None`` stands for any length.

    Raises
    ------
    InstrumentError
        If the number of axes or a length differs.
    """
    found = values.shape
    if found == shape:
        return
    if len(found) == len(shape):
        for wanted, length in zip(shape, found, strict=True):
            if wanted is not None and wanted != length:
                break
        else:
            return
    wanted_text = ", ".join("any" if length is None else str(length) for length in shape)
    found_text = ", ".join(str(length) for length in found)
    raise InstrumentError(
        f"{instrument}: {what} of shape [{found_text}] given; it takes [{wanted_text}]"
    )
