"""Where a device's response is defined: values a hair outside are rounding, others an error."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instruments.errors import SettingsError

Floats = npt.NDArray[np.float64]

_ROUNDING = 1e-6


def within(values: npt.ArrayLike, low: float, high: float, quantity: str) -> Floats:
    """Return ``values`` as float64 held to ``[low, high]``.

    Parameters
    ----------
    values
        Any shape.
    low, high
        The closed interval the response is defined on.
    quantity
        What the values are, for the message.

    Raises
    ------
    SettingsError
        If a value is not finite or lies outside by more than single-precision rounding
        (1e-6 of the interval's length).
    """
    array = np.asarray(values, np.float64)
    if array.size:
        lowest, highest = float(array.min()), float(array.max())
        slack = _ROUNDING * (high - low)
        if not (low - slack <= lowest and highest <= high + slack):
            worst = lowest if not lowest >= low - slack else highest
            raise SettingsError(
                f"{quantity} of {worst:g} where {low:g} to {high:g} is possible; rescale it first"
            )
    return np.clip(array, low, high)
