"""Digital-to-analogue and analogue-to-digital converters: uniform steps, and saturation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def step_size(full_scale: float, bits: int) -> float:
    """Return the least significant bit of a converter that spans ``+- full_scale``."""
    return full_scale * 2.0 ** (1 - bits)


def codes(values: npt.ArrayLike, full_scale: float, bits: int) -> Codes:
    """Return two's-complement codes, rounded to the nearest and clipped at both ends.

    Parameters
    ----------
    values
        Any shape, in the unit of ``full_scale``.
    full_scale
        The converter spans ``[-full_scale, full_scale)``.
    bits
        Codes run from ``-2^(bits-1)`` to ``2^(bits-1) - 1``; zero is a code.
    """
    half = 2 ** (bits - 1)
    scaled = np.rint(np.asarray(values, np.float64) / step_size(full_scale, bits))
    clipped: Codes = np.clip(scaled, -half, half - 1).astype(np.int64)
    return clipped


def converted(values: npt.ArrayLike, full_scale: float, bits: int) -> Floats:
    """Return what passes the converter: ``codes`` times the step, same unit and shape."""
    reached = codes(values, full_scale, bits).astype(np.float64)
    passed: Floats = reached * step_size(full_scale, bits)
    return passed


def saturated(values: npt.ArrayLike, full_scale: float, bits: int) -> npt.NDArray[np.bool_]:
    """Return where the code is the lowest or the highest: the reading is not to be trusted."""
    half = 2 ** (bits - 1)
    reached = codes(values, full_scale, bits)
    ends: npt.NDArray[np.bool_] = (reached <= -half) | (reached >= half - 1)
    return ends
