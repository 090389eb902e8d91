"""One stage serves all layers in turn; activations and errors are stored and re-emitted.

A matrix wider than the panel is tiled along its inputs: each tile is a frame of its own, its part
of ``z`` is tapped frame by frame, and the sum is re-emitted in front of the absorber. So is noise
counted: once a tile. Backward, errors first go back through the weights (the absorber bypassed),
are tapped at the input side, and are re-emitted behind the absorber while the forward light of
the layer below is on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from instruments.arrangements.bench_light import (
    RANDOM_FIELD,
    BenchLight,
    Signs,
    check_errors,
    check_inputs,
)
from instruments.calibration.weight_bank import WeightsShown
from instruments.errors import BenchFileError, NetworkError
from instruments.exposure import Volts
from instruments.exposure_plan import DARK_SHOTS, tile_slices
from instruments.network import Array, Layer, Pass
from instruments.stage_hardware import Emitter, StageHardware
from instruments.unit_ports import UnitPorts


@dataclass
class _LayerExposed:
    """What the way back needs of a layer's way forward."""

    entered: Array
    summed: Array | None
    background: Volts


class InTurn:
    """One stage, one layer after the other.

    Parameters
    ----------
    light, stage
        The bench's exposures and its one stage.
    layers
        The network's layers, first to last.
    """

    def __init__(self, light: BenchLight, stage: StageHardware, layers: Sequence[Layer]) -> None:
        self._light = light
        self._stage = stage
        self._layers = list(layers)
        self._tiles = [self._tile_slices(layer) for layer in layers]
        self._source = self._emitter("inputs", stage.source)
        self._injector = self._emitter("injector", stage.injector)
        self._banks = {
            port: self._bank(port)
            for port in ("z", "a", "delta", *(("rho",) if len(layers) > 1 else ()))
        }
        self._shown: list[list[WeightsShown]] = []
        self._showing: tuple[int, int] | None = None
        self._bypassed: bool | None = None

    def _emitter(self, key: str, found: Emitter | None) -> Emitter:
        if found is None:
            raise BenchFileError(
                f"stages.{self._stage.name}.{key}: missing; a stage that serves layers in turn "
                "needs it"
            )
        return found

    def _bank(self, port: str) -> str:
        for known, bank in self._stage.taps.items():
            if known == port:
                return bank
        raise BenchFileError(
            f"stages.{self._stage.name}.taps.{port}: missing; a stage that serves layers in turn "
            "needs it"
        )

    def _tile_slices(self, layer: Layer) -> list[slice]:
        width = self._stage.inputs
        if layer.outputs > self._stage.outputs:
            raise BenchFileError(
                f"network.layers: {layer.outputs} outputs do not fit the {self._stage.outputs} "
                f"rows of blocks of stage {self._stage.name}"
            )
        tiles = tile_slices(layer.inputs, width)
        if len(tiles) > 1 and layer.unit is not None and self._stage.emitter is None:
            raise BenchFileError(
                f"stages.{self._stage.name}.emitter: missing; {layer.inputs} inputs take "
                f"{len(tiles)} frames of {width} blocks, and their sum has to be re-emitted"
            )
        return tiles

    def stage_of(self, layer: int) -> StageHardware:
        """Return the one stage there is."""
        return self._stage

    def tiles_of(self, layer: int) -> list[slice]:
        """Return the columns of each frame that a layer's matrix takes."""
        return self._tiles[layer]

    def encode(self, parameters: Sequence[Array]) -> list[list[WeightsShown]]:
        """Return the grey levels of every layer, tile by tile."""
        return [
            [self._stage.encode(matrix[:, tile]) for tile in tiles]
            for matrix, tiles in zip(parameters, self._tiles, strict=True)
        ]

    def shown(self, encoded: list[list[WeightsShown]]) -> None:
        """Note new weights; each frame is shown when its turn comes."""
        self._shown = encoded
        self._showing = None
        self._bypassed = None

    def _show(self, layer: int, tile: int) -> None:
        if self._showing == (layer, tile):
            return
        if not self._shown:
            raise NetworkError("no weights were written yet: write them before the first pass")
        self._stage.show(self._shown[layer][tile], self._light.timeout_seconds)
        self._showing = (layer, tile)

    def _bypass(self, transparent: bool) -> None:
        if self._light.bypass is not None and transparent != self._bypassed:
            self._light.bypass(transparent)
            self._bypassed = transparent

    def expected_signs(
        self,
        parameters: Sequence[Array],
        inputs: Signs,
        errors: Signs,
        magnitudes: Mapping[str, Signs],
    ) -> dict[str, Signs]:
        """Return the signs of all taps for the frame shown now; none before the first."""
        if self._showing is None:
            return {}
        layer, tile = self._showing
        weights = np.zeros((self._stage.outputs, self._stage.inputs))
        shown = parameters[layer][:, self._tiles[layer][tile]]
        weights[: shown.shape[0], : shown.shape[1]] = shown
        z = inputs @ weights.T
        rho = (magnitudes[self._banks["delta"]] * np.sign(errors)) @ weights
        signs = {"z": z, "a": z, "delta": errors, "rho": rho}
        return {bank: signs[port] for port, bank in self._banks.items()}

    def pilot(self, inputs: Array) -> Array:
        """Show the first frame of the first layer; return the fields of its inputs ``[B, n]``."""
        check_inputs(inputs, self._layers[0].inputs)
        self._bypass(False)
        self._show(0, 0)
        shown = inputs[:, self._tiles[0][0]] * np.float32(self._light.input_field)
        fields = np.zeros((len(inputs), self._stage.inputs), np.float32)
        fields[:, : shown.shape[1]] = shown
        return fields

    def forward(self, inputs: Array) -> Pass:
        """Take inputs through all layers, re-emitting what was measured in between."""
        check_inputs(inputs, self._layers[0].inputs)
        field = inputs * np.float32(self._light.input_field)
        activations, unit_inputs, exposed = [field], [], []
        self._bypass(False)
        for number, layer in enumerate(self._layers):
            if layer.unit is None:
                field = self._linear(number, field)
                continue
            z, a, background = self._through_unit(number, field)
            exposed.append(
                _LayerExposed(field, z if len(self._tiles[number]) > 1 else None, background)
            )
            unit_inputs.append(z)
            activations.append(a)
            field = a
        return Pass(tuple(activations), field, tuple(unit_inputs), exposed)

    def _linear(self, layer: int, field: Array) -> Array:
        """Tap ``z`` of a layer, tile by tile, and sum.

        What every tile adds in the dark, from modulators that do not close and taps that are off
        zero, is measured and subtracted: it would be summed as well.
        """
        light, outputs, bank = self._light, self._layers[layer].outputs, self._banks["z"]
        total = np.zeros((len(field), outputs), np.float32)
        # Inputs of the network fit the modulators; activations are scaled to fit.
        scale = np.float32(self._stage.reemission_scale if layer > 0 else 1.0)
        field = field * scale
        for tile, columns in enumerate(self._tiles[layer]):
            self._show(layer, tile)
            dark = self._dark_level(bank)
            self._injector.load_dark(len(field))
            emitters = self._emit(field[:, columns])
            volts = light.take(len(field), emitters, [bank])[bank]
            total += light.fields(bank, volts, outputs, dark)
        total /= scale
        return total

    def _through_unit(self, layer: int, field: Array) -> tuple[Array, Array, Volts]:
        """Return ``z``, ``a`` and the background at the ``delta`` taps."""
        light, shots = self._light, len(field)
        outputs = self._layers[layer].outputs
        after, back = self._banks["a"], self._banks["delta"]
        self._injector.load_dark(shots)
        if len(self._tiles[layer]) > 1:
            z = self._linear(layer, field)
            emitters = self._re_emit(z)
            volts = light.take(shots, emitters, [after, back])
        else:
            before = self._banks["z"]
            self._show(layer, 0)
            emitters = self._emit(field)
            volts = light.take(shots, emitters, [before, after, back])
            z = light.fields(before, volts[before], outputs)
        return z, light.fields(after, volts[after], outputs), volts[back]

    def _emit(self, field: Array) -> list[Emitter]:
        """Load the source; keep the emitter in front of the absorber dark."""
        self._source.load(_bounded(self._source, field))
        emitters = [self._source, self._injector]
        if self._stage.emitter is not None:
            self._stage.emitter.load_dark(len(field))
            emitters.append(self._stage.emitter)
        return emitters

    def _dark_level(self, bank: str) -> Volts:
        """Return what a bank's detectors ``[n]`` read with every emitter dark."""
        emitters = self._all_dark(DARK_SHOTS)
        volts = self._light.take(DARK_SHOTS, emitters, [bank])[bank]
        level: Volts = volts.mean(axis=0)
        return level

    def _all_dark(self, shots: int) -> list[Emitter]:
        """Load every emitter there is with darkness."""
        emitters = [self._source, self._injector]
        if self._stage.emitter is not None:
            emitters.append(self._stage.emitter)
        for emitter in emitters:
            emitter.load_dark(shots)
        return emitters

    def _re_emit(self, z: Array) -> list[Emitter]:
        """Load the emitter in front of the absorber; keep the source dark."""
        emitter = self._emitter("emitter", self._stage.emitter)
        emitter.load(_bounded(emitter, z))
        self._source.load_dark(len(z))
        return [self._source, self._injector, emitter]

    def backward(self, passed: Pass, output_errors: Array) -> list[Array]:
        """Take errors back layer by layer."""
        check_errors(output_errors, passed)
        exposed: list[_LayerExposed] = passed.exposure
        errors = [output_errors]
        for layer in range(len(self._layers) - 1, 0, -1):
            arriving = self.through_weights(layer, errors[-1])
            errors.append(self._back_through_unit(layer - 1, arriving, exposed[layer - 1]))
        errors.reverse()
        return errors

    def unit_ports(self, inputs: Array, output_errors: Array) -> list[UnitPorts]:
        """Take a batch forward and back; what is re-emitted behind a unit enters it."""
        passed = self.forward(inputs)
        check_errors(output_errors, passed)
        exposed: list[_LayerExposed] = passed.exposure
        assert passed.unit_inputs is not None
        ports, errors = [], output_errors
        for layer in range(len(self._layers) - 2, -1, -1):
            entering = self.through_weights(layer + 1, errors)
            errors = self._back_through_unit(layer, entering, exposed[layer])
            z, a = passed.unit_inputs[layer], passed.activations[layer + 1]
            ports.append(UnitPorts(layer, z, a, entering, errors))
        return ports[::-1]

    def lit_both_ways(self) -> list[int]:
        """Return all layers, where there are taps in front of the weights."""
        return list(range(len(self._layers))) if "rho" in self._banks else []

    def light_weights(
        self, layer: int, samples: int, generator: np.random.Generator
    ) -> tuple[Array, Array]:
        """Light a layer's weights with random inputs; return these and ``z``."""
        field = generator.uniform(0, RANDOM_FIELD, (samples, self._layers[layer].inputs))
        entering = field.astype(np.float32)
        return entering, self._linear(layer, entering)

    def through_weights(self, layer: int, errors: Array) -> Array:
        """Return ``rho``: errors sent back through the weights of a layer alone."""
        light, shots = self._light, len(errors)
        bank = self._banks["rho"]
        injected, factors = light.scaled_to_probe(errors)
        self._bypass(True)
        arriving = np.empty((shots, self._layers[layer].inputs), np.float32)
        for tile, columns in enumerate(self._tiles[layer]):
            self._show(layer, tile)
            dark = self._dark_level(bank)
            emitters = self._all_dark(shots)
            self._injector.load(injected)
            volts = light.take(shots, emitters, [bank])[bank]
            width = columns.stop - columns.start
            arriving[:, columns] = light.fields(bank, volts, width, dark)
        self._bypass(False)
        if self._stage.amplifies_source:
            arriving *= np.float32(self._stage.field_gain)
        arriving /= factors
        return arriving

    def _back_through_unit(self, layer: int, arriving: Array, exposed: _LayerExposed) -> Array:
        """Return ``delta``: what arrives from behind, through the absorber with the pump on."""
        light = self._light
        bank = self._banks["delta"]
        injected, factors = light.scaled_to_probe(arriving)
        if exposed.summed is not None:
            emitters = self._re_emit(exposed.summed)
        else:
            self._show(layer, 0)
            emitters = self._emit(exposed.entered)
        self._injector.load(injected)
        volts = light.take(len(arriving), emitters, [bank])[bank]
        delta = light.fields(bank, volts, self._layers[layer].outputs, exposed.background)
        delta /= factors
        return delta


def _bounded(emitter: Emitter, field: Array) -> Array:
    """Clip measured values to what can be re-emitted: noise may carry them a little beyond."""
    low, high = emitter.reach()
    return np.clip(field, np.float32(low.max()), np.float32(high.min()))
