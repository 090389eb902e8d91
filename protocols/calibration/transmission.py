r"""How a saturable medium transmits fields, by two models, and the fit of either to readings.

Eq. 4 of arXiv:1912.12256 keeps the pump at its input intensity through the whole medium; the
propagated two-level medium follows it slice by slice, ``dI/dx = -alpha I / (1 + I)``, whose
solution is the Wright omega function.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import wrightomega

from instruments.calibration.absorber import Model
from protocols.calibration.fitting import EachFit, fit_each

Floats = npt.NDArray[np.float64]
Transmission = Callable[[Floats, Floats], Floats]

_STEP = 1e-5


def transmission_eq4(field: Floats, depth: Floats) -> Floats:
    """Return ``exp(-(alpha/2) / (1 + E^2))``, broadcast."""
    passed: Floats = np.exp(-0.5 * depth / (1.0 + field**2))
    return passed


def transmission_propagated(field: Floats, depth: Floats) -> Floats:
    """Return ``sqrt(I_out / I)`` with ``I_out = omega(ln I + I - alpha)``, broadcast."""
    power = np.maximum(field**2, 1e-12)
    behind = np.asarray(wrightomega(np.log(power) + power - depth), np.float64)
    passed: Floats = np.sqrt(np.maximum(behind, 1e-300) / power)
    return passed


TRANSMISSIONS: dict[Model, Transmission] = {
    "eq4": transmission_eq4,
    "propagated": transmission_propagated,
}


def fit_transmission(
    transmission: Transmission,
    front: Floats,
    behind: Floats,
    clear_front: Floats,
    clear_behind: Floats,
    start: Floats,
    noise_front: Floats,
    noise_behind: Floats,
    whole: npt.NDArray[np.bool_] | None = None,
    clear_whole: npt.NDArray[np.bool_] | None = None,
) -> EachFit:
    """Fit ``behind = r front t(front / s; alpha)`` and ``clear_behind = r clear_front``.

    Parameters
    ----------
    transmission
        Field transmission for fields and optical depths.
    front, behind, clear_front, clear_behind
        ``[k, n]`` readings.
    start
        ``[n, 3]`` optical depth, saturation reading and ratio to begin with.
    noise_front, noise_behind
        ``[n]``; that in front counts by the slope it is passed on with.
    whole, clear_whole
        ``[k, n]`` which readings are not saturated; all by default.
    """
    x, y, u, v = front.T, behind.T, clear_front.T, clear_behind.T
    counts = np.ones_like(x) if whole is None else whole.T.astype(np.float64)
    clear_counts = np.ones_like(u) if clear_whole is None else clear_whole.T.astype(np.float64)

    def curve(p: Floats) -> Floats:
        passed: Floats = p[:, 2:3] * x * transmission(x / p[:, 1:2], p[:, 0:1])
        return passed

    def slopes(p: Floats) -> Floats:
        step = 1e-3 * np.abs(p[:, 1:2])
        above = p[:, 2:3] * (x + step) * transmission((x + step) / p[:, 1:2], p[:, 0:1])
        slope: Floats = (above - curve(p)) / step
        return slope

    found = None
    current = start
    for _ in range(2):
        passed_on = slopes(current) * noise_front[:, np.newaxis]
        weight = counts / np.hypot(noise_behind[:, np.newaxis], passed_on)
        clear = clear_counts / np.hypot(noise_behind, current[:, 2] * noise_front)[:, np.newaxis]

        def model(p: Floats, w: Floats = weight, c: Floats = clear) -> tuple[Floats, Floats]:
            p = np.stack([np.clip(p[:, 0], -60.0, 60.0), np.abs(p[:, 1]) + 1e-12, p[:, 2]], axis=1)
            residuals = np.concatenate([(curve(p) - y) * w, (p[:, 2:3] * u - v) * c], axis=1)
            columns = []
            for place in range(3):
                step = _STEP * np.maximum(np.abs(p[:, place]), 1e-6)
                moved = p.copy()
                moved[:, place] += step
                change = (curve(moved) - curve(p)) / step[:, np.newaxis]
                own = u if place == 2 else np.zeros_like(u)
                columns.append(np.concatenate([change * w, own * c], axis=1))
            return residuals, np.stack(columns, axis=2)

        found = fit_each(model, current)
        current = np.stack(
            [found.parameters[:, 0], np.abs(found.parameters[:, 1]), found.parameters[:, 2]], axis=1
        )
    assert found is not None
    return EachFit(
        current, found.covariance, found.residuals, found.reduced_chi_square, found.converged
    )
