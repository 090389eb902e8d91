"""What the detectors of a digits bench see, worked out by hand from what its instruments show.

Double precision, a matrix product and a formula at a time (``light_by_hand``). Hidden properties
come from the truth a twin keeps for tests; everything else is in device units: volts, grey
levels, amperes, degrees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import light_by_hand as hand
import numpy as np

from instruments.bench import Bench
from sim_backends.twin.twin import Twin

PERIOD, LEVELS = 9, 256
HIGHEST_DECIBELS, TRANSPARENCY, SCALE = 45.0, 0.02, 0.06
SATURATION_WATTS = 521e-9
AMPLIFIER_SATURATION_WATTS = 10e-3
LINEWIDTH_ENHANCEMENT = 5.0
VOLTS_PER_FIELD = {"taps_z": 0.1, "taps_a": 0.25, "taps_delta": 2.0, "outputs": 0.1}


@dataclass(frozen=True)
class Shown:
    """What the instruments of the bench show, in device units.

    Attributes
    ----------
    inputs, errors
        Volts ``[shots, n]`` of the modulators.
    panels
        Depths and offsets of both panels' blocks, grey levels.
    amperes
        Currents of both amplifiers.
    celsius
        Temperature of the cell.
    """

    inputs: Any
    errors: Any
    panels: tuple[tuple[Any, Any], tuple[Any, Any]]
    amperes: tuple[Any, Any]
    celsius: float

    def with_block(self, panel: int, row: int, column: int, depth: int, offset: int) -> Shown:
        """Return the same with another block."""
        changed = [tuple(array.copy() for array in one) for one in self.panels]
        changed[panel][0][row, column] = depth
        changed[panel][1][row, column] = offset
        return replace(self, panels=tuple(changed))


class Spy:
    """Notes what a bench tells its modulators and panels, through their own interface."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.loads: dict[str, list[Any]] = {"inputs": [], "errors": []}
        self.patterns: dict[str, Any] = {}
        for name in self.loads:
            self._note_loads(name)
        for name in ("slm_1", "slm_2"):
            self._note_blocks(name)

    def _note_loads(self, name: str) -> None:
        instrument: Any = self.bench.instruments[name]
        load = instrument.load

        def noted(volts: Any) -> None:
            load(volts)
            self.loads[name].append(np.array(volts))

        instrument.load = noted

    def _note_blocks(self, name: str) -> None:
        instrument: Any = self.bench.instruments[name]
        show_blocks = instrument.show_blocks

        def noted(pattern: Any) -> None:
            show_blocks(pattern)
            self.patterns[name] = pattern

        instrument.show_blocks = noted

    def shown(self, *, dark: bool = False) -> Shown:
        """Return what is shown now, or was while the injector was dark."""
        instruments: Any = self.bench.instruments
        return Shown(
            self.loads["inputs"][-1],
            self.loads["errors"][-2 if dark else -1],
            tuple(
                (one.depth_levels.copy(), one.offset_levels.copy())
                for one in (self.patterns["slm_1"], self.patterns["slm_2"])
            ),
            tuple(instruments[name].currents_amperes() for name in ("amplifier_1", "amplifier_2")),
            instruments["oven"].temperature_celsius(),
        )


class BenchByHand:
    """The optics of one digits bench."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._depth = np.asarray(twin.stages[0].absorber.depth, float)
        self._celsius = 75.0

    def volts(self, shown: Shown) -> dict[str, Any]:
        """Return what every bank of detectors reads, ``[shots, n]``."""
        field = self._fields(shown)
        pump = field["taps_z"]
        read = {}
        for name, light in field.items():
            bank = self._twin.detectors[name]
            if name == "taps_delta":
                light = light + np.asarray(bank.reflection) * pump
            turned = light * np.exp(-1j * (bank.phase_radians + np.asarray(bank.neuron_phase)))
            read[name] = np.asarray(bank.gain, float) * turned.real + bank.offset_volts
        return read

    def fields_read(self, shown: Shown) -> dict[str, Any]:
        """Return volts over the nominal volts per field: what a bench without tables takes."""
        return {name: read / VOLTS_PER_FIELD[name] for name, read in self.volts(shown).items()}

    def _fields(self, shown: Shown) -> dict[str, Any]:
        first, second = (self._mask(index, shown.panels[index]) for index in (0, 1))
        carrier = np.sqrt(self._small_signal(shown.amperes[0])) * self._spread("amplifier_1")
        z = carrier * self._modulated("inputs", shown.inputs) @ first.T
        depth = self._depth * hand.optical_depth_ratio(shown.celsius, self._celsius)
        power = np.abs(z) ** 2
        a = z * hand.absorber_transmission(power, depth)
        unsaturated = self._small_signal(shown.amperes[1])
        gain = hand.saturated_gain(
            unsaturated, np.abs(a) ** 2 * SATURATION_WATTS / AMPLIFIER_SATURATION_WATTS
        )
        turn = -LINEWIDTH_ENHANCEMENT / 2 * np.log(gain / unsaturated)
        amplified = np.sqrt(gain) * np.exp(1j * turn) * self._spread("amplifier_2")
        arriving = (self._modulated("errors", shown.errors) @ second) * amplified
        probe = np.abs(arriving) ** 2
        return {
            "taps_z": z,
            "taps_a": a,
            "outputs": (amplified * a) @ second.T,
            "taps_delta": arriving * hand.absorber_transmission(power + probe, depth),
        }

    def _modulated(self, name: str, volts: Any) -> Any:
        one = self._twin.modulators[name]
        bias = one.bias_radians + one.drift_radians
        return hand.modulated(
            volts, one.half_wave_volts, float(one.field_at_full), bias, one.leakage
        )

    def _spread(self, name: str) -> Any:
        return np.asarray(self._twin.amplifiers[name].spread, float)

    def _small_signal(self, amperes: Any) -> Any:
        return hand.power_ratio(hand.gain_decibels(amperes, HIGHEST_DECIBELS, TRANSPARENCY, SCALE))

    def _mask(self, index: int, blocks: tuple[Any, Any]) -> Any:
        stage = self._twin.stages[index]
        depth, offset = (np.asarray(one, int) for one in blocks)
        curves, region = stage.panel.phase_radians, stage.panel.region_of_block
        own = np.zeros(depth.shape, complex)
        for number, curve in enumerate(curves):

            def phase(waves: Any, curve: Any = curve) -> Any:
                return curve[np.rint(waves * LEVELS).astype(int)]

            light = hand.first_order(phase, depth, offset, PERIOD, LEVELS)
            own[region == number] = light[region == number]
        share = self._twin.imperfections.panels.cross_talk
        mixed = hand.shared_with_neighbours(own, share)
        gains = np.outer(np.asarray(stage.row_gains, float), np.asarray(stage.column_gains, float))
        return mixed * gains
