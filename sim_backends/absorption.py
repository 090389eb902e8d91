"""Saturable absorption and gain saturation of a two-level medium.

Two models of the same medium, both for real fields in units of the saturation field:

* **Eq. 4** of arXiv:1912.12256 keeps the pump at its input intensity over the whole medium:
  ``t = exp(-(alpha0/2) / (1 + E^2))``.
* **Propagated**: ``dI/dz = -alpha I / (1 + I)`` followed through the medium. Integrating gives
  ``ln I_out + I_out = ln I_in + I_in - alpha0``; the field transmission is ``t = E_out/E_in``.

A medium with gain is the same medium with negative optical depth (Supplement 3), so every
function takes ``optical_depth = -g0`` for an amplifier. In both models a weak probe sees the
transmission ``t`` of the pump (Eq. 5); the true derivative of the response is another thing.
Fields are ``[B, n]`` or any other shape; depths are one for all, or ``[n]``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.floating]
Depths = float | Floats

_NEWTON_STEPS = 50


def transmission_eq4(field: Floats, optical_depth: Depths) -> Floats:
    """Return the field transmission ``t`` of Eq. 4, the same shape and type as ``field``."""
    one = field.dtype.type(1)
    half_depth = np.asarray(-0.5 * optical_depth, field.dtype)
    saturation = field * field
    saturation += one
    np.divide(half_depth, saturation, out=saturation)
    return np.exp(saturation, out=saturation)


def derivative_eq4(field: Floats, optical_depth: Depths) -> Floats:
    """Return ``g'`` of ``g = t E`` (Eq. 6): ``[1 + alpha0 E^2 / (1 + E^2)^2] t``."""
    intensity = field * field
    bracket = 1 + np.asarray(optical_depth, field.dtype) * intensity / (1 + intensity) ** 2
    return bracket * transmission_eq4(field, optical_depth)


@njit(cache=True)
def _fill_propagated(intensity: Floats, depths: Floats, transmission: Floats) -> None:
    """Solve ``y + I (e^y - 1) + alpha0 = 0`` for ``y = ln(I_out / I_in)``; write ``e^(y/2)``.

    The left side rises and is convex in ``y``, so Newton's method started to the right of the
    root descends on it without overshoot.
    """
    for index in range(intensity.size):
        power, optical_depth = float(intensity[index]), depths[index]
        y = max(0.0, -optical_depth)
        for _ in range(_NEWTON_STEPS):
            transmitted = power * np.exp(y)
            change = (y + transmitted - power + optical_depth) / (1.0 + transmitted)
            y -= change
            if abs(change) < 1e-13 * (1.0 + abs(y)):
                break
        transmission[index] = np.exp(0.5 * y)


def transmission_propagated(field: Floats, optical_depth: Depths) -> Floats:
    """Return the field transmission ``t = E_out/E_in`` of the propagated two-level medium."""
    transmission = np.empty(field.shape, field.dtype)
    depths = np.broadcast_to(np.asarray(optical_depth, np.float64), field.shape)
    _fill_propagated((field * field).ravel(), depths.ravel(), transmission.reshape(-1))
    return transmission


def derivative_propagated(field: Floats, optical_depth: Depths) -> Floats:
    """Return ``g' = t (1 + E_in^2) / (1 + E_out^2)`` of the propagated medium."""
    transmission = transmission_propagated(field, optical_depth)
    transmitted = field * transmission
    return transmission * (1 + field * field) / (1 + transmitted * transmitted)
