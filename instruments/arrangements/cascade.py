"""Every layer has a stage of its own and light goes through all of them at once.

Two passes a batch. Pass 1 shows the batch with the injector dark: the forward taps give
activations and output, the backward taps what they see without errors (mostly pump reflected
from windows), sample by sample. Pass 2 fires the same inputs again with the errors injected from
behind; the background is subtracted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np

from instruments.arrangements.bench_light import (
    RANDOM_FIELD,
    BenchLight,
    Signs,
    check_errors,
    check_inputs,
)
from instruments.calibration.weight_bank import WeightsShown
from instruments.errors import BenchFileError
from instruments.exposure import Volts
from instruments.exposure_plan import DARK_SHOTS
from instruments.network import Array, Pass
from instruments.stage_hardware import Port, StageHardware
from instruments.unit_ports import UnitPorts

Needed = TypeVar("Needed")


@dataclass
class _Exposed:
    """What pass 2 needs of pass 1."""

    shots: int
    background: dict[str, Volts]


class Cascade:
    """Light through all stages."""

    def __init__(self, light: BenchLight, stages: Sequence[StageHardware]) -> None:
        self._light = light
        self._stages = list(stages)
        self._outputs = [stage.outputs for stage in stages]
        self._source = _required(stages[0].source, stages[0], "inputs")
        self._injector = _required(stages[-1].injector, stages[-1], "injector")
        self._output_bank = _required(stages[-1].taps.get("z"), stages[-1], "taps.z")
        self._activation_banks = [
            _required(stage.taps.get("a"), stage, "taps.a") for stage in stages[:-1]
        ]
        self._error_banks = [
            _required(stage.taps.get("delta"), stage, "taps.delta") for stage in stages[:-1]
        ]
        unit_banks = [stage.taps.get("z") for stage in stages[:-1]]
        self._unit_banks = [bank for bank in unit_banks if bank is not None]
        self._all_units_tapped = len(self._unit_banks) == len(unit_banks)
        self._forward_banks = [
            *self._activation_banks,
            *self._unit_banks,
            self._output_bank,
            *self._error_banks,
        ]
        self._sources = [self._source, self._injector]

    def stage_of(self, layer: int) -> StageHardware:
        """Return the stage that serves a layer."""
        return self._stages[layer]

    def tiles_of(self, layer: int) -> list[slice]:
        """Return one slice: every matrix fits its panel."""
        return [slice(0, self._stages[layer].inputs)]

    def encode(self, parameters: Sequence[Array]) -> list[list[WeightsShown]]:
        """Return the grey levels of every layer."""
        return [
            [stage.encode(matrix)] for stage, matrix in zip(self._stages, parameters, strict=True)
        ]

    def shown(self, encoded: list[list[WeightsShown]]) -> None:
        """Show all matrices; the panels settle together."""
        timeout = self._light.timeout_seconds
        for stage, (weights,) in zip(self._stages, encoded, strict=True):
            stage.start_showing(weights)
        for stage in self._stages:
            stage.panel.wait_until_settled(timeout)

    def expected_signs(
        self,
        parameters: Sequence[Array],
        inputs: Signs,
        errors: Signs,
        magnitudes: Mapping[str, Signs],
    ) -> dict[str, Signs]:
        """Return the signs of all taps: absorbers and amplifiers turn none over."""
        signs = {}
        field = inputs
        for stage, weights in zip(self._stages, parameters, strict=True):
            field = field @ weights.T
            forward: tuple[Port, ...] = ("z", "a")
            for port in forward:
                bank = stage.taps.get(port)
                if bank is not None:
                    signs[bank] = field
                    # Small fields hardly pass an absorber: what was read is nearer than z.
                    field = magnitudes[bank] * np.sign(field)
        field = errors
        for stage, weights in zip(reversed(self._stages), reversed(parameters), strict=True):
            backward: tuple[Port, ...] = ("delta", "rho")
            for port in backward:
                if port == "rho":
                    field = field @ weights
                bank = stage.taps.get(port)
                if bank is not None:
                    signs[bank] = field
                    field = magnitudes[bank] * np.sign(field)
        return signs

    def pilot(self, inputs: Array) -> Array:
        """Return the fields that show inputs ``[B, N_0]``; all frames are there."""
        check_inputs(inputs, self._stages[0].inputs)
        return self._fields_of(inputs)

    def _fields_of(self, inputs: Array) -> Array:
        scale = self._light.input_field
        return inputs if scale == 1.0 else inputs * np.float32(scale)

    def forward(self, inputs: Array) -> Pass:
        """Pass 1: the batch with the injector dark."""
        check_inputs(inputs, self._stages[0].inputs)
        light, shots = self._light, len(inputs)
        fields = self._fields_of(inputs)
        self._source.load(fields)
        self._injector.load_dark(shots)
        volts = light.take(shots, self._sources, self._forward_banks)
        activations = [fields]
        for outputs, bank in zip(self._outputs, self._activation_banks, strict=False):
            activations.append(light.fields(bank, volts[bank], outputs))
        unit_inputs = None
        if self._all_units_tapped:
            unit_inputs = tuple(
                light.fields(bank, volts[bank], outputs)
                for outputs, bank in zip(self._outputs, self._unit_banks, strict=False)
            )
        output = light.fields(self._output_bank, volts[self._output_bank], self._outputs[-1])
        background = {bank: volts[bank] for bank in self._error_banks}
        return Pass(tuple(activations), output, unit_inputs, _Exposed(shots, background))

    def backward(self, passed: Pass, output_errors: Array) -> list[Array]:
        """Pass 2: the same batch again, errors injected from behind."""
        check_errors(output_errors, passed)
        light = self._light
        exposed: _Exposed = passed.exposure
        injected, factors = light.scaled_to_probe(output_errors)
        self._injector.load(injected)
        volts = light.take(exposed.shots, self._sources, self._error_banks)
        errors = []
        for outputs, bank in zip(self._outputs, self._error_banks, strict=False):
            field = light.fields(bank, volts[bank], outputs, exposed.background[bank])
            field /= factors
            errors.append(field)
        return [*errors, output_errors]

    def lit_both_ways(self) -> list[int]:
        """Return the last layer, if taps see what comes back through its weights alone."""
        return [] if self._arriving_bank() is None else [len(self._stages) - 1]

    def _arriving_bank(self) -> str | None:
        """Return the taps in front of the last weights: there, or before a medium that clears."""
        bank = self._stages[-1].taps.get("rho")
        if bank is None and len(self._stages) > 1 and self._light.bypass is not None:
            bank = self._error_banks[-1]
        return bank

    def light_weights(
        self, layer: int, samples: int, generator: np.random.Generator
    ) -> tuple[Array, Array]:
        """Light the last weights with what random inputs make; return it and the output."""
        inputs = generator.uniform(0, RANDOM_FIELD, (samples, self._stages[0].inputs))
        with self._clear():
            passed = self.forward(inputs.astype(np.float32))
        return passed.activations[layer], passed.output

    @contextmanager
    def _clear(self) -> Iterator[None]:
        """Make the medium transparent for a while, where that can be."""
        bypass = self._light.bypass
        if bypass is None:
            yield
            return
        bypass(True)
        try:
            yield
        finally:
            bypass(False)

    def through_weights(self, layer: int, errors: Array) -> Array:
        """Send errors ``[B, N_L]`` through the last weights alone, inputs dark, medium clear."""
        light, shots = self._light, len(errors)
        bank = _required(self._arriving_bank(), self._stages[layer], "taps.rho")
        injected, factors = light.scaled_to_probe(errors)
        with self._clear():
            self._source.load_dark(DARK_SHOTS)
            self._injector.load_dark(DARK_SHOTS)
            dark = light.take(DARK_SHOTS, self._sources, [bank])[bank].mean(axis=0)
            self._source.load_dark(shots)
            self._injector.load(injected)
            volts = light.take(shots, self._sources, [bank])[bank]
        arriving = light.fields(bank, volts, self._stages[layer].inputs, dark)
        arriving /= factors
        return arriving

    def unit_ports(self, inputs: Array, output_errors: Array) -> list[UnitPorts]:
        """Take both passes once more, read where light enters the stage behind as well."""
        places = [
            (number, stage, before, stage.taps["a"], stage.taps["delta"], arriving)
            for number, (stage, behind) in enumerate(pairwise(self._stages))
            if (before := stage.taps.get("z")) and (arriving := behind.taps.get("rho"))
        ]
        if not places:
            return []
        light = self._light
        forward = [bank for _, _, z, a, _, _ in places for bank in (z, a)]
        backward = [bank for *_, delta, rho in places for bank in (delta, rho)]
        passed = self.forward(inputs)
        check_errors(output_errors, passed)
        dark = light.take(len(inputs), self._sources, [*forward, *backward])
        injected, factors = light.scaled_to_probe(output_errors)
        self._injector.load(injected)
        lit = light.take(len(inputs), self._sources, backward)
        ports = []
        for number, stage, z, a, delta, rho in places:
            count = stage.outputs
            ports.append(
                UnitPorts(
                    number,
                    light.fields(z, dark[z], count),
                    light.fields(a, dark[a], count),
                    light.fields(rho, lit[rho], count, dark[rho]) / factors,
                    light.fields(delta, lit[delta], count, dark[delta]) / factors,
                )
            )
        return ports


def _required(found: Needed | None, stage: StageHardware, key: str) -> Needed:
    if found is None:
        raise BenchFileError(
            f"stages.{stage.name}.{key}: missing; light through all stages needs it here"
        )
    return found
