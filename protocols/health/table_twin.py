"""The network that light should make, by the calibration tables of an open bench.

Its weights are those the tables say the panels hold, rounded and clipped; its units follow the
absorber as it was measured. It has no noise and knows nothing of a twin's hidden truth: what
differs from it is either noise or something the tables do not say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from instruments.bench import Bench
from instruments.calibration.absorber import AbsorberTable
from instruments.gradient_averaging import average_outer_products
from instruments.matrix_products import product
from instruments.network import Array, Layer, Pass
from instruments.tables_in_use import TablesInUse
from protocols.health.bench_parts import tables_of
from sim_backends.absorption import transmission_eq4, transmission_propagated
from sim_backends.nonlinear_units import response

Transmission = Callable[[Array], Array]

_LEAST_FIELD = 1e-6


class TableTwin:
    """What light should do with the weights a bench shows now.

    Parameters
    ----------
    bench
        An open bench with its weights written.

    Attributes
    ----------
    weights
        ``[outputs, inputs]`` a layer, in the network's units, as the tables say they are shown.

    Raises
    ------
    CalibrationError
        For a bench that was wired by hand, without tables.
    """

    def __init__(self, bench: Bench) -> None:
        tables = tables_of(bench)
        self.layers = bench.layers
        self._input_field = np.float32(bench.light.input_field)
        self.weights = shown_weights(bench)
        self._transmissions = [
            _transmission(tables, bench.arrangement.stage_of(number).name, layer)
            for number, layer in enumerate(bench.layers)
            if layer.unit is not None
        ]

    def input_fields(self, inputs: Array) -> Array:
        """Return the fields ``[B, N_0]`` that show inputs."""
        return inputs * self._input_field

    def unit_input(self, layer: int, activations: Array) -> Array:
        """Return ``z`` of a layer (0 is the first) for ``activations [B, n]`` in front of it."""
        return product(activations, self.weights[layer], transposed=True)

    def transmission(self, layer: int, unit_inputs: Array) -> Array:
        """Return what of a field ``[B, n]`` passes the unit behind a layer: ``a / z``."""
        return self._transmissions[layer](unit_inputs)

    def arriving(self, layer: int, errors: Array) -> Array:
        """Return what of ``errors [B, n]`` behind a layer's weights arrives in front of them."""
        return product(errors, self.weights[layer])

    def forward(self, inputs: Array) -> Pass:
        """Return activations, unit inputs and output for inputs ``[B, N_0]``."""
        fields = self.input_fields(inputs)
        activations, unit_inputs, passing = [fields], [], []
        field = self.unit_input(0, fields)
        for layer in range(len(self._transmissions)):
            transmission = self.transmission(layer, field)
            unit_inputs.append(field)
            passing.append(transmission)
            activations.append(field * transmission)
            field = self.unit_input(layer + 1, activations[-1])
        return Pass(tuple(activations), field, tuple(unit_inputs), passing)

    def backward(self, passed: Pass, output_errors: Array) -> list[Array]:
        """Return ``delta(1) .. delta(L)`` as a weak probe brings them back."""
        errors = [output_errors]
        passing: list[Array] = passed.exposure
        for layer in range(len(passing), 0, -1):
            errors.append(self.arriving(layer, errors[-1]) * passing[layer - 1])
        errors.reverse()
        return errors

    def gradient(self, inputs: Array, output_errors: Array) -> list[Array]:
        """Return the minibatch gradient, layer by layer, for errors given at the output."""
        passed = self.forward(inputs)
        return average_outer_products(self.backward(passed, output_errors), passed.activations)


def shown_weights(bench: Bench) -> list[Array]:
    """Return the matrices that the tables say the panels hold, gains of amplifiers included."""
    shown = []
    for number, matrix in enumerate(bench.parameters()):
        stage = bench.arrangement.stage_of(number)
        tiles = bench.arrangement.tiles_of(number)
        held = [stage.bank.held(matrix[:, columns], stage.field_gain) for columns in tiles]
        shown.append(np.concatenate(held, axis=1))
    return shown


def _transmission(tables: TablesInUse, stage: str, layer: Layer) -> Transmission:
    """Return the transmission of the unit behind a layer: as measured, or as the file has it."""
    table = tables.tables.absorbers.get(stage)
    if table is None:
        assert layer.unit is not None
        respond = response(replace(layer.unit, derivative="probe"))
        return lambda fields: respond(fields)[1]
    return _measured_transmission(table, layer.outputs)


def _measured_transmission(table: AbsorberTable, neurons: int) -> Transmission:
    depths = np.resize(table.optical_depth, neurons)
    if table.model == "empirical":
        return lambda fields: _passing_share(table, fields)
    model = transmission_eq4 if table.model == "eq4" else transmission_propagated
    return lambda fields: model(fields, depths)


def _passing_share(table: AbsorberTable, fields: Array) -> Array:
    # A share of nothing is that of very little.
    given = np.where(np.abs(fields) < _LEAST_FIELD, np.float32(_LEAST_FIELD), fields)
    share: Array = (table.passed(given) / given).astype(np.float32)
    return share


def exact_gradient(twin: TableTwin, inputs: Array, output_errors: Array) -> list[Array]:
    """Return the gradient with the true derivative of the units, which no probe sees.

    From differences of the response ``g(z) = z t(z)``, so that it holds for measured curves, too.
    """
    passed = twin.forward(inputs)
    errors: Sequence[Array] = [output_errors]
    step = np.float32(1e-2)
    for layer in range(len(passed.activations) - 1, 0, -1):
        assert passed.unit_inputs is not None
        z = passed.unit_inputs[layer - 1]
        above, below = z + step, z - step
        difference = above * twin.transmission(layer - 1, above)
        difference -= below * twin.transmission(layer - 1, below)
        slope = difference / (2 * step)
        errors = [twin.arriving(layer, errors[0]) * slope, *errors]
    return average_outer_products(errors, passed.activations)
