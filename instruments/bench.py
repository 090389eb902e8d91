"""A bench behind the network seam: instruments and tables on one side, fields on the other."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from instruments.arrangements.bench_light import Arrangement, BenchLight
from instruments.bank_phases import ReferencePhases
from instruments.bench_file.schema import BenchFile
from instruments.calibration.weight_bank import WeightsShown
from instruments.checked_copy import copied_within
from instruments.clock import Clock, WallClock
from instruments.errors import InstrumentError, NetworkError
from instruments.gain_ledger import LayerGain, layer_gain
from instruments.gradient_averaging import average_outer_products
from instruments.interfaces.instrument import Instrument
from instruments.network import Array, Layer, Pass
from instruments.phase_tracking import PhaseTracker
from instruments.safe_state import (
    SafeStateReport,
    SafeStep,
    ending_signals_raised,
    reach_safe_state,
    run_step,
)
from instruments.stage_hardware import StageHardware
from instruments.tables_in_use import TablesInUse
from instruments.unit_ports import UnitPorts
from instruments.whole_exposures import WholeExposures

Signs = npt.NDArray[np.float64]

logger = logging.getLogger(__name__)

LARGEST = float(np.finfo(np.float32).max)
"""What is larger in single precision is infinite."""


class Stateful(Protocol):
    """Something shared by instruments whose state belongs into a checkpoint, such as a twin."""

    def state(self) -> dict[str, Any]:
        """Return the state as arrays and JSON values."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` returned."""
        ...


class Bench:
    """A real or simulated bench that can be trained.

    Built by ``instruments.bench_opening.open_bench``. Use as a context manager: every way out,
    SIGTERM included, ends in the safe state, with the instruments closed.

    Parameters
    ----------
    name, layers, description
        From the bench file.
    instruments
        All instruments by name.
    arrangement, light
        How layers are laid out over stages, and the exposures they share.
    switch_on
        Brings light sources, supplies and shutters from their safe state into operation.
    reference_phases
        What turns the references of the taps; ``None`` where nothing does.
    tracker
        Keeps the references in phase; ``None`` where nothing does.
    safe_order, safe_timeout_seconds
        Names of the instruments in the order in which they are made safe, and how long each may
        take.
    shared
        What simulated instruments share; its state goes into checkpoints.
    file, tables
        The bench file, and the tables in use; ``None`` for a bench wired by hand, which can be
        trained but not calibrated or checked against its tables.
    clock
        The bench's time; by default the laboratory's.
    """

    def __init__(
        self,
        name: str,
        layers: Sequence[Layer],
        instruments: Mapping[str, Instrument],
        arrangement: Arrangement,
        light: BenchLight,
        *,
        switch_on: Callable[[], None],
        reference_phases: ReferencePhases | None = None,
        tracker: PhaseTracker | None = None,
        safe_order: Sequence[str],
        safe_timeout_seconds: float,
        shared: Mapping[str, Stateful] | None = None,
        clock: Clock | None = None,
        description: Mapping[str, Any] | None = None,
        file: BenchFile | None = None,
        tables: TablesInUse | None = None,
    ) -> None:
        self.name = name
        self.clock: Clock = WallClock() if clock is None else clock
        self.instruments = dict(instruments)
        self.light = light
        self.arrangement = arrangement
        self._layers = tuple(layers)
        stages = [arrangement.stage_of(number) for number in range(len(layers))]
        self._stages: dict[str, StageHardware] = {stage.name: stage for stage in stages}
        # Whose weights each stage has to hold: layer and columns, frame by frame.
        self._tiles: dict[str, list[tuple[int, slice]]] = {name: [] for name in self._stages}
        for number, stage in enumerate(stages):
            self._tiles[stage.name] += [(number, tile) for tile in arrangement.tiles_of(number)]
        self._switch_on = switch_on
        self.reference_phases = reference_phases
        self.tracker = tracker
        self._safe_order = list(safe_order)
        self._safe_timeout_seconds = safe_timeout_seconds
        self._shared = dict(shared or {})
        self._description = dict(description or {})
        self.file = file
        self.tables = tables
        self._weights = [np.zeros((one.outputs, one.inputs), np.float32) for one in layers]
        # Where the next ones are taken in before they count.
        self._copies = [np.zeros_like(weights) for weights in self._weights]
        self._clipped = [0] * len(self._layers)
        self._written = False
        self._on = False
        self._closed = False
        self._signals = ExitStack()
        self._whole_exposures = WholeExposures(lambda: light.exposer.stop(), safe_timeout_seconds)

    # The network seam ------------------------------------------------------------------------

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The trainable layers, first to last."""
        return self._layers

    def parameters(self) -> list[Array]:
        """Return copies of the weights last written, as asked for, not as rounded."""
        return [weights.copy() for weights in self._weights]

    def write(
        self, parameters: Sequence[Array], operating_point: Mapping[str, float] | None = None
    ) -> None:
        """Show new weights: set amplifiers where the range asks for it, then the panels.

        Parameters
        ----------
        parameters
            ``[outputs, inputs]`` for each layer.
        operating_point
            Amplifier gains to set instead, as ``operating_point`` returned them.

        Raises
        ------
        NetworkError
            If matrices do not fit or hold something that is no number. The weights written
            before are shown still.
        """
        self._take_over(parameters)
        self._ensure_on()
        self._written = True
        if operating_point is not None:
            for name, stage in self._stages.items():
                stage.set_field_gain(operating_point.get(name, stage.field_gain))
        encoded = self.arrangement.encode(self._weights)
        if operating_point is None and self._ranges_changed(encoded):
            encoded = self.arrangement.encode(self._weights)
        self._show(encoded)

    def _take_over(self, parameters: Sequence[Array]) -> None:
        """Copy new weights; keep those written before if there is something wrong with them."""
        if len(parameters) != len(self._weights):
            raise NetworkError(f"{len(parameters)} weight matrices for {len(self._weights)} layers")
        for number, (copy, new) in enumerate(zip(self._copies, parameters, strict=True), start=1):
            if copy.shape != new.shape:
                raise NetworkError(
                    f"weights of layer {number} have shape {list(new.shape)}; "
                    f"bench {self.name} needs {list(copy.shape)}"
                )
            if not copied_within(-LARGEST, LARGEST, new, copy):
                raise NetworkError(
                    f"weights of layer {number} hold NaN or infinity: nothing was shown; lower "
                    "the learning rate or look at the errors"
                )
        self._weights, self._copies = self._copies, self._weights

    def expected_signs(
        self, inputs: Signs, errors: Signs, magnitudes: Mapping[str, Signs]
    ) -> Mapping[str, Signs]:
        """Return which signs the taps ``[B, n]`` of weights shown now should have, bank by bank.

        Parameters
        ----------
        inputs, errors
            ``[B, n]`` fields that are shown, and signs of what is injected.
        magnitudes
            ``[B, n]`` what each bank read, without its sign.
        """
        return self.arrangement.expected_signs(self._weights, inputs, errors, magnitudes)

    def operating_point(self) -> dict[str, float]:
        """Return the field gain of the amplifier of each stage."""
        return {name: stage.field_gain for name, stage in self._stages.items()}

    def _ranges_changed(self, encoded: Sequence[Sequence[WeightsShown]]) -> bool:
        """Set the amplifiers that do not suit the weights; return whether any had to move."""
        changed = False
        for name, stage in self._stages.items():
            parts = self._tiles[name]
            layers = {number for number, _ in parts}
            if stage.suits([tile for number in layers for tile in encoded[number]]):
                continue
            if stage.range_changed([self._weights[number][:, tile] for number, tile in parts]):
                logger.debug("%s: field gain now %.3g", name, stage.field_gain)
                changed = True
        return changed

    def _show(self, encoded: list[list[WeightsShown]]) -> None:
        self._clipped = [sum(tile.clipped for tile in tiles) for tiles in encoded]
        self.arrangement.shown(encoded)

    def forward(self, inputs: Array) -> Pass:
        """Show inputs ``[B, N_0]`` and read every forward tap."""
        self._ensure_on()
        with self._whole_exposures:
            if self.tracker is not None:
                self.tracker.before_batch(
                    lambda: self.arrangement.pilot(inputs), self.expected_signs
                )
            return self.arrangement.forward(inputs)

    def turn_references_back(self, inputs: Array) -> dict[str, float]:
        """Find by how far references have drifted, in radians bank by bank, and take it back.

        Parameters
        ----------
        inputs
            ``[B, N_0]`` samples like those in operation; the first of them are shown.
        """
        if self.tracker is None:
            return {}
        self._ensure_on()
        with self._whole_exposures:
            return self.tracker.track(self.arrangement.pilot(inputs), self.expected_signs)

    def backward(self, passed: Pass, output_errors: Array) -> list[Array]:
        """Send errors ``[B, N_L]`` back; return every tapped ``delta``."""
        self._ensure_on()
        with self._whole_exposures:
            return self.arrangement.backward(passed, output_errors)

    def lit_both_ways(self) -> list[int]:
        """Return the layers (0 is the first) whose weights can be lit alone from behind, too."""
        return self.arrangement.lit_both_ways()

    def light_weights(
        self, layer: int, samples: int, generator: np.random.Generator
    ) -> tuple[Array, Array]:
        """Light a layer's weights with random fields; return what enters ``[B, N]`` and leaves."""
        self._ensure_on()
        with self._whole_exposures:
            return self.arrangement.light_weights(layer, samples, generator)

    def through_weights(self, layer: int, errors: Array) -> Array:
        """Send errors ``[B, N_l]`` back through a layer's weights alone; return what arrives."""
        self._ensure_on()
        with self._whole_exposures:
            return self.arrangement.through_weights(layer, errors)

    def unit_ports(self, inputs: Array, output_errors: Array) -> list[UnitPorts]:
        """Read all ports of those units that have all four: z, a, and delta on both sides.

        Parameters
        ----------
        inputs, output_errors
            ``[B, N_0]`` and ``[B, N_L]`` what is shown and what is injected.
        """
        self._ensure_on()
        with self._whole_exposures:
            return self.arrangement.unit_ports(inputs, output_errors)

    def gradient(self, passed: Pass, errors: Sequence[Array]) -> list[Array]:
        """Average outer products of measured errors and activations."""
        return average_outer_products(errors, passed.activations)

    def call_before_exposures(self, hook: Callable[[], None]) -> None:
        """Call ``hook`` before every exposure; what it raises gives up the pass in hand."""
        self.light.exposer.before = hook

    def readings(self) -> Mapping[str, float]:
        """Return what every step records of the bench.

        The share of saturated readings, exposures repeated because frames slipped, the number of
        the tables in use; of each layer, gain and share of clipped weights.
        """
        read, saturated = self.light.read, self.light.saturated
        self.light.read = self.light.saturated = 0
        values = {
            "saturated_share": saturated / read if read else 0.0,
            "frame_slips": float(self.light.slips),
        }
        self.light.slips = 0
        if self.tables is not None:
            values["tables"] = float(self.tables.number)
        for number, clipped in enumerate(self._clipped, start=1):
            gain = self.arrangement.stage_of(number - 1).field_gain
            values[f"gain_decibels_{number}"] = 20 * math.log10(gain)
            values[f"clipped_share_{number}"] = clipped / self._weights[number - 1].size
        return values

    def epoch_readings(self) -> Mapping[str, float]:
        """Return the bounds of the gain ledger, layer by layer, in dB of power."""
        values: dict[str, float] = {}
        for line in self.gain_ledger():
            assert line.singular_value_decibels is not None
            values |= {
                f"row_column_decibels_{line.layer}": line.row_column_decibels,
                f"singular_value_decibels_{line.layer}": line.singular_value_decibels,
                f"free_space_decibels_{line.layer}": line.free_space_decibels,
                f"bank_decibels_{line.layer}": line.bank_decibels,
            }
        return values

    def state(self) -> dict[str, Any]:
        """Return amplifier ranges and the state of whatever simulated instruments share."""
        state: dict[str, Any] = {
            "operating_point": self.operating_point(),
            "noise": self.light.state(),
        }
        if self.tables is not None:
            state |= self.tables.state()
        if self.tracker is not None:
            state["phase_tracking"] = self.tracker.state()
        for owner, shared in self._shared.items():
            for name, value in shared.state().items():
                state[f"{owner}/{name}"] = value
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` returned, weights as last written."""
        if self.tables is not None:
            self.tables.restore(state)
        for name, stage in self._stages.items():
            stage.set_field_gain(state["operating_point"][name])
        self._show(self.arrangement.encode(self._weights))
        self.light.restore(state["noise"])
        if self.tracker is not None:
            self.tracker.restore(state["phase_tracking"])
        for owner, shared in self._shared.items():
            prefix = f"{owner}/"
            shared.restore(
                {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            )

    def show_again(self) -> None:
        """Bring amplifiers, reference phases and panels back to the weights last written.

        After something else was shown, or with new tables.
        """
        for stage in self._stages.values():
            stage.set_field_gain(stage.field_gain)
        if self.tracker is not None:
            self.tracker.resume()
        if self._written:
            self._show(self.arrangement.encode(self._weights))

    def describe(self) -> dict[str, Any]:
        """Return what the record should say: bench file, identities, table ids."""
        return {"kind": "bench", **self._description}

    # Safety ----------------------------------------------------------------------------------

    def switch_on(self) -> None:
        """Bring light sources, supplies and shutters into operation, unless they are already."""
        self._ensure_on()

    def _ensure_on(self) -> None:
        if self._closed:
            raise InstrumentError(f"bench {self.name} is closed: open it again")
        if self._on:
            return
        self._switch_on()
        self._on = True
        # The safe state took currents and frames away.
        self.show_again()

    def make_safe(self) -> SafeStateReport:
        """Bring every instrument into its safe state, in order; never raises."""
        report = reach_safe_state(
            [
                SafeStep(name, self.instruments[name].make_safe, self._safe_timeout_seconds)
                for name in self._safe_order
                if name in self.instruments
            ]
        )
        self._on = False
        if not report.reached:
            logger.error("bench %s is not safe: %s", self.name, report)
        return report

    def close(self) -> None:
        """Make safe, then release every instrument; one that hangs is left behind."""
        if self._closed:
            return
        try:
            self.make_safe()
        except BaseException:
            # A second Ctrl-C can come before the safe state holds it back.
            self.make_safe()
            raise
        finally:
            self._release()

    def _release(self) -> None:
        self._closed = True
        for name, instrument in self.instruments.items():
            closing = run_step(SafeStep(name, instrument.close, self._safe_timeout_seconds))
            if closing.outcome != "reached":
                logger.error("%s could not be closed: %s", name, closing.error or "no answer")

    def __enter__(self) -> Self:
        self._signals.enter_context(ending_signals_raised())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._signals:
            self.close()

    # Reports ---------------------------------------------------------------------------------

    def gain_ledger(self) -> list[LayerGain]:
        """Return, layer by layer, what the passive bank holds and the amplifier has to add.

        The singular values make it dear: once an epoch is often enough.
        """
        ledger = []
        for number, (weights, clipped) in enumerate(
            zip(self._weights, self._clipped, strict=True), start=1
        ):
            stage = self.arrangement.stage_of(number - 1)
            tiles = self.arrangement.tiles_of(number - 1)
            required = max(stage.bank.required_field_gain(weights[:, tile]) for tile in tiles)
            ledger.append(
                layer_gain(
                    str(number),
                    weights,
                    required_field_gain=required,
                    amplifier_field_gain=stage.field_gain,
                    clipped=clipped,
                    singular_values=True,
                )
            )
        return ledger

    def __repr__(self) -> str:
        sizes = [self._layers[0].inputs, *(one.outputs for one in self._layers)]
        simulated = sum(one.simulated for one in self.instruments.values())
        return (
            f"Bench({self.name}, {'-'.join(map(str, sizes))}, "
            f"{len(self.instruments)} instruments, {simulated} of them simulated)"
        )
