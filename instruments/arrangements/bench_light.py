"""What every arrangement of stages works with: exposures, tables of the taps, the probe's limit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from numba import njit

from instruments.calibration.tap import TapTable
from instruments.calibration.weight_bank import WeightsShown
from instruments.checked_copy import is_finite
from instruments.errors import ExposureLostError, FrameSlipError, NetworkError
from instruments.exposure import Exposer, Volts
from instruments.network import Array, Pass
from instruments.shot_marks import MARKS, NOISE_SHOTS, in_step, noise_of
from instruments.stage_hardware import Driven, Emitter, StageHardware
from instruments.unit_ports import UnitPorts

Signs = npt.NDArray[np.float64]

logger = logging.getLogger(__name__)

ATTEMPTS = 3
"""How often an exposure is tried before a slip of frames counts as lasting."""

RANDOM_FIELD = 0.2
"""Largest random input where no medium dims light on its way: amplifiers and taps behind it are to
see no more of it than in operation. With trained weights 0.5 saturated them by several per cent."""

NOISE_HOLDS_FOR = 500
"""Exposures after which a bank's noise is measured again."""

_NO_ERROR = np.float32(1e-30)
"""Errors up to here count as none: what would scale them up nears the largest number there is."""


@dataclass
class _BankNoise:
    """rms noise of a bank in volts, and how many exposures ago it was measured."""

    volts: float
    age: int = 0


@dataclass
class BenchLight:
    """Exposures and readings, counted.

    Attributes
    ----------
    probe_limit
        Largest error field that is injected, in saturation fields.
    input_field
        Field of an input of 1.
    bypass
        Detunes the laser so that the absorber becomes transparent, or tunes it back; ``None``
        where nothing needs it.
    shots_per_sample
        How often every sample is shown; its readings are averaged.
    marked
        Whether marks follow the samples (``instruments.shot_marks``).
    backward_banks
        Which banks tap errors.
    read, saturated
        Readings taken, and how many of them were saturated.
    slips
        Exposures that were repeated because something was out of step, or lost for a while.
    """

    exposer: Exposer
    taps: Mapping[str, TapTable]
    timeout_seconds: float
    probe_limit: float
    input_field: float = 1.0
    bypass: Callable[[bool], None] | None = None
    marked: bool = False
    backward_banks: frozenset[str] = frozenset()
    read: int = 0
    saturated: int = 0
    slips: int = 0
    shots_per_sample: int = 1
    _noise: dict[str, _BankNoise] = field(default_factory=dict)

    def take(
        self, shots: int, emitters: Sequence[Emitter], banks: Sequence[str]
    ) -> dict[str, Volts]:
        """Take one exposure of everything loaded.

        Parameters
        ----------
        shots
            Samples; marks, if there are any, come on top.
        emitters, banks
            Who shows them and who reads them.

        Raises
        ------
        FrameSlipError
            If emitters or detectors are out of step again and again.
        """
        outputs = [one.modulators for one in emitters]
        shown = shots * self.shots_per_sample
        if not self.marked:
            return self._averaged(self._whole_exposure(shown, outputs, banks))
        due = self._noise_due(banks)
        if due:
            self._measure_noise(emitters, due)
        for _ in range(ATTEMPTS):
            volts = self._whole_exposure(shown + MARKS, outputs, banks)
            late = self._out_of_step(volts, shown)
            if late:
                # Amplifiers may have been turned up meanwhile, and noise with them.
                self._measure_noise(emitters, late)
                late = self._out_of_step(volts, shown)
            if not late:
                return self._averaged({bank: read[:shown] for bank, read in volts.items()})
            self.slips += 1
            logger.warning("frames slipped at %s: the exposure is repeated", ", ".join(late))
            self.exposer.stop(outputs)
        raise FrameSlipError(
            f"{', '.join(late)}: the marks behind the samples did not come when they should, "
            f"{ATTEMPTS} times; look at the trigger cables, and whether every instrument is ready "
            "before the next trigger"
        )

    def _averaged(self, volts: dict[str, Volts]) -> dict[str, Volts]:
        """Return one reading a sample."""
        repeats = self.shots_per_sample
        if repeats == 1:
            return volts
        return {
            bank: read.reshape(len(read) // repeats, repeats, -1).mean(axis=1)
            for bank, read in volts.items()
        }

    def _whole_exposure(
        self, shots: int, outputs: Sequence[Driven], banks: Sequence[str]
    ) -> dict[str, Volts]:
        """Take an exposure, again if a box was lost during it or a camera lost frames.

        Raises
        ------
        ExposureLostError, FrameSlipError
            If that happens again and again.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return self.exposer.take(shots, outputs, banks)
            except (ExposureLostError, FrameSlipError) as error:
                self.slips += 1
                logger.warning("%s; the exposure is repeated", error)
                self.exposer.stop(outputs)
        return self.exposer.take(shots, outputs, banks)

    def _out_of_step(self, volts: Mapping[str, Volts], shown: int) -> list[str]:
        """Return the banks whose readings behind ``shown`` shots cannot be the marks."""
        return [
            bank
            for bank, read in volts.items()
            if not in_step(
                read[shown:],
                self._noise[bank].volts,
                backward=bank in self.backward_banks,
            )
        ]

    def _noise_due(self, banks: Sequence[str]) -> list[str]:
        """Count one more exposure; return the banks whose noise is not known or was long ago."""
        due = []
        for bank in banks:
            known = self._noise.get(bank)
            if known is not None:
                known.age += 1
            if known is None or known.age > NOISE_HOLDS_FOR:
                due.append(bank)
        return due

    def _measure_noise(self, emitters: Sequence[Emitter], banks: Sequence[str]) -> None:
        """Measure the noise of banks in bright light that stands still, in step or not."""
        for emitter in emitters:
            emitter.load_steady(NOISE_SHOTS)
        outputs = [one.modulators for one in emitters]
        steady = self._whole_exposure(NOISE_SHOTS, outputs, banks)
        for bank, read in steady.items():
            volts = noise_of(read, self.taps[bank].saturation_volts)
            self._noise[bank] = _BankNoise(volts)
        for emitter in emitters:
            emitter.load_again()

    def state(self) -> dict[str, Any]:
        """Return what the next exposure depends on: the noise of the banks as known."""
        return {bank: [one.volts, one.age] for bank, one in self._noise.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` returned."""
        self._noise = {bank: _BankNoise(*known) for bank, known in state.items()}

    def fields(
        self, bank: str, volts: Volts, channels: int, background: Volts | None = None
    ) -> Array:
        """Turn a bank's volts into fields ``[B, channels]`` of its first detectors."""
        fields, saturated = self.taps[bank].read(volts, background, channels)
        self.read += fields.size
        self.saturated += saturated
        return fields

    def scaled_to_probe(self, errors: Array) -> tuple[Array, Array]:
        """Scale every sample's errors so that the largest is at the probe's limit.

        Errors of nothing are left as small as they are, and so are those that no finite factor
        would bring there.

        Returns
        -------
        tuple
            The scaled errors ``[B, n]`` and the factors ``[B, 1]``, to be divided back.
        """
        given = np.ascontiguousarray(errors, np.float32)
        scaled, factors = np.empty_like(given), np.empty((len(given), 1), np.float32)
        _scale(given, self.probe_limit, scaled, factors)
        return scaled, factors


@njit(cache=True, error_model="numpy")
def _scale(errors: Array, limit: float, scaled: Array, factors: Array) -> None:
    """Write the factors ``[B, 1]`` that bring the largest of every row to a limit, and the rows."""
    samples, channels = errors.shape
    for sample in range(samples):
        largest = np.float32(0)
        for i in range(channels):
            largest = max(largest, abs(errors[sample, i]))
        factor = np.float32(limit) / (largest if largest > _NO_ERROR else np.float32(1))
        factors[sample, 0] = factor
        for i in range(channels):
            scaled[sample, i] = errors[sample, i] * factor


class Arrangement(Protocol):
    """Takes a minibatch forward and back through the stages."""

    def expected_signs(
        self,
        parameters: Sequence[Array],
        inputs: Signs,
        errors: Signs,
        magnitudes: Mapping[str, Signs],
    ) -> dict[str, Signs]:
        """Return which signs ``[B, n]`` the taps of weights shown now should have, by bank.

        ``inputs`` and ``errors`` are what is shown and injected, ``magnitudes`` what was read.
        """
        ...

    def pilot(self, inputs: Array) -> Array:
        """Show the frame that inputs ``[B, N_0]`` meet first; return their fields ``[B, n]``."""
        ...

    def stage_of(self, layer: int) -> StageHardware:
        """Return the stage that serves a layer (0 is the first)."""
        ...

    def tiles_of(self, layer: int) -> list[slice]:
        """Return the columns of each frame that a layer's matrix takes."""
        ...

    def encode(self, parameters: Sequence[Array]) -> list[list[WeightsShown]]:
        """Return the grey levels of every layer's tiles."""
        ...

    def shown(self, encoded: list[list[WeightsShown]]) -> None:
        """Show new weights, or note them for when their turn comes."""
        ...

    def forward(self, inputs: Array) -> Pass:
        """Take inputs ``[B, N_0]`` forward."""
        ...

    def backward(self, passed: Pass, output_errors: Array) -> list[Array]:
        """Take errors ``[B, N_L]`` back."""
        ...

    def lit_both_ways(self) -> list[int]:
        """Return the layers (0 is the first) whose weights can be lit alone from behind, too."""
        ...

    def light_weights(
        self, layer: int, samples: int, generator: np.random.Generator
    ) -> tuple[Array, Array]:
        """Light a layer's weights with random fields, any medium in front of them transparent.

        Returns
        -------
        tuple
            What enters them ``[B, N]`` and what leaves ``[B, M]``, each with an offset of its own.
        """
        ...

    def through_weights(self, layer: int, errors: Array) -> Array:
        """Send errors ``[B, N_l]`` through a layer's weights alone; return what arrives in front.

        Any medium on the way is made transparent. For layers that can be lit both ways.
        """
        ...

    def unit_ports(self, inputs: Array, output_errors: Array) -> list[UnitPorts]:
        """Read all ports of the units that have all four, with errors ``[B, N_L]`` on their way."""
        ...


def check_inputs(inputs: Array, expected: int) -> None:
    """Refuse inputs of another width, and values that are no numbers.

    Raises
    ------
    NetworkError
        Naming what was found.
    """
    if inputs.ndim != 2 or inputs.shape[1] != expected:
        raise NetworkError(
            f"inputs have shape {list(inputs.shape)}; this bench takes [samples, {expected}]"
        )
    if not is_finite(inputs):
        raise NetworkError("the inputs hold NaN or infinity: nothing was sent; clean the data")


def check_errors(errors: npt.NDArray[Any], passed: Pass) -> None:
    """Refuse errors that do not belong to the pass, and values that are no numbers.

    Raises
    ------
    NetworkError
        Naming what was found.
    """
    if errors.shape != passed.output.shape:
        raise NetworkError(
            f"errors have shape {list(errors.shape)}, the output {list(passed.output.shape)}"
        )
    if not is_finite(errors):
        raise NetworkError(
            "the errors hold NaN or infinity: nothing was sent; look at the outputs and the loss"
        )
