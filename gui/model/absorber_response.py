"""What the nonlinear unit does to light, and which part of it the network uses just now."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from instruments.network import NonlinearUnit

Floats = npt.NDArray[np.float64]

_LARGEST_FIELD = 40.0


@dataclass(frozen=True, eq=False)
class UnitResponse:
    """The response of a unit over a range of input fields.

    Parameters
    ----------
    fields
        Magnitudes of the input field, in saturation fields, ``[n]``.
    transmission
        Of a weak probe: share of power for absorber and gain, ``(a/z)^2``; the activation
        itself for computed functions.
    slope
        The true derivative ``da/dz``.
    probe
        What multiplies an error on its way back through light, ``a/z``.
    boundary
        End of region (i), where the true derivative is largest and the curvature changes sign;
        ``None`` for computed functions.
    """

    fields: Floats
    transmission: Floats
    slope: Floats
    probe: Floats
    boundary: float | None


def unit_response(unit: NonlinearUnit, largest_field: float, points: int = 256) -> UnitResponse:
    """Return the response of a unit for fields from 0 to ``largest_field``."""
    # Here, because it brings a compiler with it that the window need not wait for.
    from sim_backends.nonlinear_units import response

    fields = np.linspace(0.0, largest_field, points)
    optical = unit.kind in ("absorber", "gain")
    # Away from zero, where a/z has no value of its own.
    shown = np.maximum(fields, 1e-6) if optical else fields
    activation, slope = response(replace(unit, derivative="exact"))(shown.astype(np.float64))
    if not optical:
        values = np.asarray(activation, np.float64)
        return UnitResponse(fields, values, np.asarray(slope, np.float64), values, None)
    ratio = np.asarray(activation, np.float64) / shown
    return UnitResponse(
        fields, ratio * ratio, np.asarray(slope, np.float64), ratio, region_boundary(unit)
    )


def region_boundary(unit: NonlinearUnit) -> float | None:
    """Return the field at which an absorber's true derivative is largest, or ``None``.

    Below it, in region (i), the response is convex and the unit strongly nonlinear; above it,
    in region (ii), light bleaches its way through almost linearly (arXiv:1912.12256, Fig. 2).
    """
    from sim_backends.nonlinear_units import response

    if unit.kind != "absorber" or unit.strength <= 0:
        return None
    fields = np.linspace(1e-3, _LARGEST_FIELD, 20_000)
    _, slope = response(replace(unit, derivative="exact"))(np.asarray(fields))
    return float(fields[int(np.argmax(slope))])


def share_in_region_one(fields: Floats, boundary: float) -> float:
    """Return the share of input fields that lie in region (i)."""
    return float(np.mean(np.abs(fields) < boundary)) if fields.size else float("nan")
