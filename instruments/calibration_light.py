"""Raw exposures of an open bench in device units, for protocols that measure its tables.

Volts out and volts in, grey levels, amperes, shutters: no table is applied here, so that nothing
that is to be measured is taken for known. The same calls serve real and simulated benches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from instruments.bank_phases import ReferencePhases, can_turn
from instruments.bench import Bench
from instruments.bench_file.schema import BenchFile
from instruments.camera_taps import CameraTaps
from instruments.exposure import Reader, Stepping, Taken, TapReader, Volts
from instruments.interfaces.optical_amplifier import OpticalAmplifier
from instruments.interfaces.shutter import Shutter
from instruments.interfaces.spatial_light_modulator import BlockPattern
from instruments.interfaces.temperature_controller import TemperatureController
from instruments.stage_hardware import Driven, StageHardware

Arm = Literal["forward", "backward", "reference"]
Floats = npt.NDArray[np.float64]

ARMS: tuple[Arm, ...] = ("forward", "backward", "reference")
MOST_SHOTS_AT_ONCE = 16384
"""Longer sequences are cut: detectors have to keep what they read."""


class CalibrationLight:
    """An open bench, instrument by instrument.

    Parameters
    ----------
    bench, file
        The bench, and the file it was opened from.
    switch_on
        Whether everything is brought into operation here; otherwise nothing is on at first.

    Attributes
    ----------
    rest_volts
        ``[n]`` of each emitter, in volts or mirrors: where it stands while others are driven. As
        dark as is known.
    """

    def __init__(self, bench: Bench, file: BenchFile, *, switch_on: bool = True) -> None:
        if switch_on:
            bench.switch_on()
        self.bench = bench
        self.file = file
        self._timeout_seconds = file.exposure.timeout
        self._stages = {
            name: bench.arrangement.stage_of(number)
            for number, name in enumerate(file.network.stages)
        }
        self._emitters = {
            section_name: emitter
            for name, section in file.stages.items()
            for section_name, emitter in (
                (section.inputs, self._stages[name].source),
                (section.emitter, self._stages[name].emitter),
                (section.injector, self._stages[name].injector),
            )
            if section_name is not None and emitter is not None
        }
        self.rest_volts = {
            name: np.zeros(emitter.modulators.channels, np.float32)
            for name, emitter in self._emitters.items()
        }
        self._bypassed: bool | None = None

    # Who is there ----------------------------------------------------------------------------

    @property
    def stages(self) -> dict[str, StageHardware]:
        """The stages in the order light meets them."""
        return self._stages

    def modulators(self, name: str) -> Driven:
        """Return an emitter by name."""
        return self._emitters[name].modulators

    def drive_within(self, name: str) -> tuple[float, float]:
        """Return the lowest and highest drive an emitter may be asked for, in its own units."""
        return self._emitters[name].drive_within

    def reach(self, name: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the lowest and highest field ``[n]`` that an emitter's table and device allow."""
        return self._emitters[name].reach()

    def volts_range(self, name: str) -> tuple[float, float]:
        """Return the lowest and highest volts a modulator array takes."""
        limit = self.bench.instruments[name].limits()["volts"]
        return limit.low, limit.high

    def detectors(self, bank: str) -> TapReader:
        """Return a bank of detectors, or a camera read like them, by name."""
        return self.bench.light.exposer.detectors[bank]

    def banks(self) -> list[str]:
        """Return all banks of taps, in the order of the reference phase's channels."""
        return [
            bank for stage in self.file.stages.values() for bank in stage.taps.present().values()
        ]

    def amplifier(self, stage: str) -> OpticalAmplifier | None:
        """Return the amplifier of a stage, if it has one."""
        return self._stages[stage].amplifier

    def highest_current(self, stage: str) -> float:
        """Return the largest current in amperes that the amplifier of a stage takes."""
        name = self.file.stages[stage].amplifier
        if name is None:
            return 0.0
        limit = self.bench.instruments[name].limits()["current_amperes"].high
        amplifier = cast(OpticalAmplifier, self.bench.instruments[name])
        return min(limit, float(amplifier.current_limits_amperes().min()))

    @property
    def reference_phase(self) -> ReferencePhases | None:
        """What turns the reference phases, if anything does."""
        return self.bench.reference_phases

    def can_turn(self, bank: str) -> bool:
        """Return whether the reference of a bank can be turned."""
        return can_turn(self.reference_phase, self.banks().index(bank))

    @property
    def oven(self) -> TemperatureController | None:
        """The controller of the absorber's temperature, if there is one."""
        absorber = self.file.absorber
        if absorber is None or absorber.oven is None:
            return None
        return cast(TemperatureController, self.bench.instruments[absorber.oven])

    # Setting the light -----------------------------------------------------------------------

    def can_close(self, arm: Arm) -> bool:
        """Return whether an arm has a shutter."""
        return getattr(self.file.arms, arm).shutter is not None

    def open_arms(self, *arms: Arm) -> None:
        """Open these arms and shut the others, as far as they have shutters."""
        for arm in ARMS:
            name = getattr(self.file.arms, arm).shutter
            if name is None:
                continue
            shutter = cast(Shutter, self.bench.instruments[name])
            if shutter.is_open() != (arm in arms):
                shutter.set_open(arm in arms)

    @property
    def can_bypass(self) -> bool:
        """Whether the absorber can be made transparent."""
        return self.bench.light.bypass is not None

    def bypass(self, transparent: bool) -> None:
        """Make the absorber transparent or bring it back; nothing happens where that cannot be."""
        if self.bench.light.bypass is not None and transparent != self._bypassed:
            self.bench.light.bypass(transparent)
            self._bypassed = transparent

    def show(self, stage: str, depth: npt.NDArray[Any], offset: npt.NDArray[Any]) -> None:
        """Show grating depths and offsets ``[rows, columns]`` and wait until they stand still."""
        self.start_showing(stage, depth, offset)
        self._stages[stage].panel.wait_until_settled(self._timeout_seconds)

    def start_showing(self, stage: str, depth: npt.NDArray[Any], offset: npt.NDArray[Any]) -> None:
        """Hand blocks ``[rows, columns]`` to a panel without waiting."""
        hardware = self._stages[stage]
        hardware.panel.show_blocks(
            BlockPattern(
                depth,
                offset,
                hardware.geometry,
                hardware.period,
                levels_per_wave=hardware.levels_per_wave,
            )
        )

    def darken(self, stage: str) -> None:
        """Show blocks without a grating, which send nothing into the first order."""
        hardware = self._stages[stage]
        kind = np.float32 if hardware.bank.levels is None else np.uint16
        flat = np.zeros(hardware.geometry.shape, kind)
        self.show(stage, flat, flat)

    def set_current(self, stage: str, amperes: npt.ArrayLike) -> None:
        """Drive the amplifier of a stage with currents ``[channels]``, or one for all."""
        amplifier = self.amplifier(stage)
        if amplifier is not None:
            shape = (amplifier.channels,)
            amplifier.set_currents_amperes(np.broadcast_to(np.asarray(amperes, float), shape))

    def turn_references(self, volts: Mapping[str, float]) -> None:
        """Set the phase actuators of banks, by name, and wait; the others keep theirs."""
        actuator = self.reference_phase
        if actuator is None:
            return
        every = np.array(actuator.volts(), np.float64)
        for channel, bank in enumerate(self.banks()[: actuator.channels]):
            if bank in volts:
                every[channel] = volts[bank]
        actuator.set_volts(every)
        actuator.wait_until_settled(self._timeout_seconds)

    # Exposures -------------------------------------------------------------------------------

    def take(
        self, drives: Mapping[str, npt.ArrayLike], banks: Iterable[str], shots: int = 1
    ) -> dict[str, Volts]:
        """Fire a sequence and return what banks read, in volts ``[shots, channels]``.

        Parameters
        ----------
        drives
            Volts, or mirrors, ``[shots, n]`` by emitter; the others stand at rest.
        banks
            Who reads.
        shots
            How many, where nothing is driven.
        """
        driven = {name: np.asarray(volts, np.float32) for name, volts in drives.items()}
        count = max((len(volts) for volts in driven.values()), default=shots)
        wanted = list(banks)
        most = self._most_shots(wanted)
        parts = [
            self._take_part(driven, wanted, slice(first, min(first + most, count)))
            for first in range(0, count, most)
        ]
        if len(parts) == 1:
            return parts[0]
        return {bank: np.concatenate([part[bank] for part in parts]) for bank in wanted}

    def photograph(
        self, drives: Mapping[str, npt.ArrayLike], bank: str, shots: int
    ) -> npt.NDArray[np.float32]:
        """Fire a sequence and return a camera's frames ``[shots, rows, columns]`` in counts."""
        return self._pictured(drives, shots, _Frames(self.camera(bank)))

    def interference(
        self, drives: Mapping[str, npt.ArrayLike], bank: str, shots: int
    ) -> npt.NDArray[np.complex64]:
        """Fire a sequence and return both quadratures ``[shots, n]`` of a camera's regions."""
        return self._pictured(drives, shots, _Fields(self.camera(bank)))

    def camera(self, bank: str) -> CameraTaps:
        """Return a bank of taps that is a camera."""
        return cast(CameraTaps, self.detectors(bank))

    def _pictured(
        self, drives: Mapping[str, npt.ArrayLike], shots: int, reader: Reader[Taken]
    ) -> Taken:
        driven = {name: np.asarray(volts, np.float32) for name, volts in drives.items()}
        exposer = self.bench.light.exposer
        try:
            outputs = self._load(driven, slice(0, shots))
            return exposer.read_by(shots, outputs, {"camera": reader})["camera"]
        except BaseException:
            exposer.stop()
            raise

    def _load(self, driven: Mapping[str, Volts], part: slice) -> list[Stepping]:
        """Load every emitter, those not driven with their rest; return them all."""
        shots = part.stop - part.start
        for name, emitter in self._emitters.items():
            if name in driven:
                emitter.modulators.load(driven[name][part])
            else:
                emitter.modulators.load(np.tile(self.rest_volts[name], (shots, 1)))
        return [emitter.modulators for emitter in self._emitters.values()]

    def _take_part(
        self, driven: Mapping[str, Volts], banks: Sequence[str], part: slice
    ) -> dict[str, Volts]:
        outputs = self._load(driven, part)
        exposer = self.bench.light.exposer
        try:
            return exposer.take(part.stop - part.start, outputs, banks)
        except BaseException:
            exposer.stop()
            raise

    def _most_shots(self, banks: Sequence[str]) -> int:
        names = [self.file.exposure.trigger, *self._emitters, *banks]
        most = float(MOST_SHOTS_AT_ONCE)
        for name in names:
            limit = self.bench.instruments[name].limits().get("shots")
            if limit is not None:
                most = min(most, limit.high)
        return int(most)


class _Frames:
    """Whole frames of a camera that is a tap."""

    def __init__(self, taps: CameraTaps) -> None:
        self._camera = taps.camera

    def arm(self, shots: int) -> None:
        self._camera.arm(shots)

    def read(self, timeout_seconds: float) -> npt.NDArray[np.float32]:
        return self._camera.read_frames(timeout_seconds).astype(np.float32)


class _Fields:
    """Both quadratures of a camera's regions."""

    def __init__(self, taps: CameraTaps) -> None:
        self._taps = taps

    def arm(self, shots: int) -> None:
        self._taps.arm(shots)

    def read(self, timeout_seconds: float) -> npt.NDArray[np.complex64]:
        return self._taps.read_fields(timeout_seconds)
