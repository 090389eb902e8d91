"""From the description of a nonlinear unit to what light does in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from instruments.errors import NetworkError
from instruments.network import Array, NonlinearUnit
from sim_backends import absorption, activations

LARGEST_GAIN_WITH_PROBE = 4.0
"""Above g0 = 4 the Eq. 4 derivative of gain saturation turns negative near E = 1 while a probe
is always amplified, so errors would come back with the wrong sign."""

Response = Callable[[Array], tuple[Array, Array]]

_COMPUTATIONAL: dict[str, Response] = {
    "relu": activations.rectified_linear,
    "tanh": activations.hyperbolic_tangent,
    "sigmoid": activations.sigmoid,
    "linear": activations.linear,
}


def response(unit: NonlinearUnit) -> Response:
    """Return the function ``z -> (a, m)`` of a unit.

    ``a`` is the activation and ``m`` what multiplies an error travelling back through the unit
    while ``z`` goes forward; both have the shape of ``z``.

    Raises
    ------
    NetworkError
        For a negative strength, or for a gain above 4 with the probe derivative of Eq. 4.
    """
    if unit.kind in _COMPUTATIONAL:
        respond = _COMPUTATIONAL[unit.kind]
    else:
        respond = _two_level_response(unit)
    if unit.derivative == "one":
        return lambda inputs: (respond(inputs)[0], np.ones_like(inputs))
    return respond


def _two_level_response(unit: NonlinearUnit) -> Response:
    if not unit.strength >= 0:
        quantity = "optical depth" if unit.kind == "absorber" else "gain"
        raise NetworkError(f"{quantity} {unit.strength:g} is not allowed: give a number >= 0")
    if (
        unit.kind == "gain"
        and unit.model == "eq4"
        and unit.derivative == "probe"
        and unit.strength > LARGEST_GAIN_WITH_PROBE
    ):
        raise NetworkError(
            f"gain g0 = {unit.strength:g} with the probe derivative of Eq. 4 sends errors back "
            f"with the wrong sign near E = 1: use g0 <= {LARGEST_GAIN_WITH_PROBE:g}, the exact "
            "derivative or the propagated model"
        )
    depth = unit.strength if unit.kind == "absorber" else -unit.strength
    if unit.model == "eq4":
        transmission, derivative = absorption.transmission_eq4, absorption.derivative_eq4
    else:
        transmission = absorption.transmission_propagated
        derivative = absorption.derivative_propagated

    def probed(inputs: Array) -> tuple[Array, Array]:
        passing = transmission(inputs, depth)
        return inputs * passing, passing  # type: ignore[return-value]

    def exact(inputs: Array) -> tuple[Array, Array]:
        activation = inputs * transmission(inputs, depth)
        return activation, derivative(inputs, depth)  # type: ignore[return-value]

    return exact if unit.derivative == "exact" else probed
