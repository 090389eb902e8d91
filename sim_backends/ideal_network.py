"""The paper's algebra behind the network seam: no noise, no devices, exact matrices."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from instruments.checked_copy import copied_within
from instruments.errors import NetworkError
from instruments.gradient_averaging import average_outer_products
from instruments.matrix_products import product
from instruments.network import Array, Layer, NonlinearUnit, Pass
from sim_backends.nonlinear_units import response


class IdealNetwork:
    """A fully connected network ``z(l) = w(l) a(l-1)``, ``a(l) = g(z(l))`` (Eq. 1), no biases.

    Parameters
    ----------
    layers
        The layers, first to last. The last has no unit: the output is ``z(L)``.

    Examples
    --------
    >>> network = IdealNetwork.dense([64, 48, 10], NonlinearUnit("absorber", 10.0))
    >>> network
    IdealNetwork(64-48-10, absorber(10, eq4, exact derivative))
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        if not layers:
            raise NetworkError("a network needs at least one layer of weights")
        for number, (front, back) in enumerate(itertools.pairwise(layers), start=1):
            if front.outputs != back.inputs:
                raise NetworkError(
                    f"layer {number} has {front.outputs} outputs but layer {number + 1} takes "
                    f"{back.inputs} inputs"
                )
            if front.unit is None:
                raise NetworkError(f"layer {number} needs a nonlinear unit behind it")
        self._layers = tuple(layers)
        self._responses = [response(layer.unit) for layer in layers if layer.unit is not None]
        self._weights = [np.zeros((la.outputs, la.inputs), np.float32) for la in layers]
        self._before: Callable[[], None] = lambda: None

    @classmethod
    def dense(cls, sizes: Sequence[int], unit: NonlinearUnit) -> IdealNetwork:
        """Build from neuron counts ``[N_0, .., N_L]`` with the same unit between all layers."""
        if len(sizes) < 2 or any(size < 1 for size in sizes):
            raise NetworkError(
                f"layers {','.join(map(str, sizes))}: give at least two sizes, each 1 or more, "
                "such as 784,128,10"
            )
        last = len(sizes) - 2
        return cls(
            [
                Layer(inputs, outputs, unit if number < last else None)
                for number, (inputs, outputs) in enumerate(itertools.pairwise(sizes))
            ]
        )

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The trainable layers, first to last."""
        return self._layers

    def parameters(self) -> list[Array]:
        """Return copies of the weights, one ``[outputs, inputs]`` a layer."""
        return [weights.copy() for weights in self._weights]

    def write(
        self, parameters: Sequence[Array], operating_point: Mapping[str, float] | None = None
    ) -> None:
        """Take over new weights (copied)."""
        if len(parameters) != len(self._weights):
            raise NetworkError(f"{len(parameters)} weight matrices for {len(self._weights)} layers")
        for number, (held, new) in enumerate(zip(self._weights, parameters, strict=True), start=1):
            if held.shape != new.shape:
                raise NetworkError(
                    f"weights of layer {number} have shape {list(new.shape)}; "
                    f"this network needs {list(held.shape)}"
                )
            copied_within(-math.inf, math.inf, new, held)

    def operating_point(self) -> dict[str, float]:
        """Return nothing: weights are all there is."""
        return {}

    def forward(self, inputs: Array) -> Pass:
        """Return activations, unit inputs and the output for inputs ``[B, N_0]``."""
        if inputs.ndim != 2 or inputs.shape[1] != self._layers[0].inputs:
            raise NetworkError(
                f"inputs have shape {list(inputs.shape)}; "
                f"this network takes [samples, {self._layers[0].inputs}]"
            )
        if not math.isfinite(float(np.vdot(inputs, inputs))):
            raise NetworkError("the inputs hold NaN or infinity: clean the data first")
        self._before()
        activations = [inputs]
        unit_inputs = []
        multipliers = []
        field = product(inputs, self._weights[0], transposed=True)
        for respond, weights in zip(self._responses, self._weights[1:], strict=True):
            activation, multiplier = respond(field)
            unit_inputs.append(field)
            activations.append(activation)
            multipliers.append(multiplier)
            field = product(activation, weights, transposed=True)
        return Pass(tuple(activations), field, tuple(unit_inputs), multipliers)

    def backward(self, passed: Pass, output_errors: Array) -> list[Array]:
        """Return ``delta(1) .. delta(L)`` (Eq. 3) for errors ``[B, N_L]`` at the output."""
        if output_errors.shape != passed.output.shape:
            raise NetworkError(
                f"errors have shape {list(output_errors.shape)}, "
                f"the output {list(passed.output.shape)}"
            )
        self._before()
        errors = [output_errors]
        multipliers: list[Array] = passed.exposure
        for multiplier, weights in zip(
            reversed(multipliers), reversed(self._weights[1:]), strict=True
        ):
            arriving = product(errors[-1], weights)
            arriving *= multiplier
            errors.append(arriving)
        errors.reverse()
        return errors

    def gradient(self, passed: Pass, errors: Sequence[Array]) -> list[Array]:
        """Return the minibatch average of ``delta_j(l) a_i(l-1)`` (Eq. 2), layer by layer."""
        return average_outer_products(errors, passed.activations)

    def call_before_exposures(self, hook: Callable[[], None]) -> None:
        """Call ``hook`` before every pass: there are no exposures."""
        self._before = hook

    def readings(self) -> Mapping[str, float]:
        """Return nothing: algebra has no instruments to read."""
        return {}

    def epoch_readings(self) -> Mapping[str, float]:
        """Return nothing, as ``readings`` does."""
        return {}

    def state(self) -> dict[str, Any]:
        """Return nothing: the next pass depends on weights and inputs alone."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Accept the empty state."""

    def describe(self) -> dict[str, Any]:
        """Return kind and layers as JSON values."""
        return {"kind": "ideal", "layers": [asdict(layer) for layer in self._layers]}

    def make_safe(self) -> None:
        """Do nothing: there is no light to switch off."""

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def __repr__(self) -> str:
        sizes = [self._layers[0].inputs, *(layer.outputs for layer in self._layers)]
        unit = self._layers[0].unit
        shape = "-".join(map(str, sizes))
        if unit is None:
            return f"IdealNetwork({shape})"
        if unit.kind in ("absorber", "gain"):
            text = f"{unit.kind}({unit.strength:g}, {unit.model}, {unit.derivative} derivative)"
        else:
            text = unit.kind
        return f"IdealNetwork({shape}, {text})"
