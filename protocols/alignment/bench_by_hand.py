"""A bench driven by hand, in device units: nothing is on that was not asked for.

Patterns on the panels, volts on the modulators, currents, shutters, the laser, the oven and the
references are set one at a time; each is checked by the instrument's limits before it is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt

from instruments.bench_file.problems import listed, nearest
from instruments.bench_file.schema import BenchFile
from instruments.bench_opening import open_bench
from instruments.calibration.field_encoder import FieldEncoder
from instruments.calibration.nominal import nominal_tables
from instruments.calibration_light import ARMS, Arm, CalibrationLight
from instruments.errors import SettingsError
from instruments.exposure import Volts
from instruments.interfaces.camera import Camera
from instruments.interfaces.laser import Laser
from instruments.interfaces.power_meter import PowerMeter
from instruments.interfaces.shutter import Shutter
from instruments.opening import SharedResources, prepare_instruments
from protocols.alignment.patterns import Blocks

Frames = npt.NDArray[np.uint16]
Floats = npt.NDArray[np.float64]


@dataclass
class BenchByHand:
    """An open bench, instrument by instrument.

    Attributes
    ----------
    light
        What exposes and reads.
    shown
        What the panel of each stage shows, once it was told.
    held
        ``[n]`` volts each modulator array stands at, or mirrors that are on in each block; those
        not named stand at 0.
    brightest
        ``[n]`` volts, or mirrors, at which each source gives most light, by the data sheet.
    """

    light: CalibrationLight
    brightest: dict[str, Floats]
    shown: dict[str, Blocks] = field(default_factory=dict)
    held: dict[str, Volts] = field(default_factory=dict)

    # Who is there ----------------------------------------------------------------------------

    @property
    def file(self) -> BenchFile:
        """The bench file."""
        return self.light.file

    def names(self, kind: str) -> list[str]:
        """Return the instruments of a kind, as the bench file orders them."""
        return [name for name, one in self.file.instruments.items() if one.kind == kind]

    def camera(self, name: str) -> Camera:
        """Return a camera by name."""
        return cast(Camera, self.light.bench.instruments[name])

    def meter(self, name: str) -> PowerMeter:
        """Return a power meter by name."""
        return cast(PowerMeter, self.light.bench.instruments[name])

    def laser(self, name: str) -> Laser:
        """Return a laser by name."""
        return cast(Laser, self.light.bench.instruments[name])

    def shutter_of(self, arm: Arm) -> Shutter | None:
        """Return the shutter of an arm, if it has one."""
        name = getattr(self.file.arms, arm).shutter
        return None if name is None else cast(Shutter, self.light.bench.instruments[name])

    def check_stage(self, name: str) -> str:
        """Return the name of a stage; ``SettingsError`` if there is none."""
        return _known("stage", name, list(self.light.stages))

    # Light -----------------------------------------------------------------------------------

    def set_arm(self, arm: Arm, is_open: bool) -> None:
        """Open or shut an arm.

        Raises
        ------
        SettingsError
            If it has no shutter.
        """
        shutter = self.shutter_of(arm)
        if shutter is None:
            raise SettingsError(f"arms.{arm}: has no shutter; block it by hand")
        shutter.set_open(is_open)

    def open_arms(self) -> list[Arm]:
        """Return the arms light can pass: those whose shutter is open, and those without one."""
        shutters = {arm: self.shutter_of(arm) for arm in ARMS}
        return [arm for arm, shutter in shutters.items() if shutter is None or shutter.is_open()]

    def set_laser(self, name: str, enabled: bool) -> None:
        """Switch a laser; it is not locked."""
        self.laser(_known("laser", name, self.names("laser"))).set_enabled(enabled)

    def lock(self, name: str) -> None:
        """Lock a laser at its present detuning."""
        self.laser(_known("laser", name, self.names("laser"))).lock(self.file.exposure.timeout)

    def clear(self, transparent: bool) -> None:
        """Detune the laser so that the absorber is transparent, or bring it back.

        Raises
        ------
        SettingsError
            If the bench file does not say how.
        """
        bypass = self.light.bench.light.bypass
        if bypass is None:
            raise SettingsError("absorber.bypass_detuning: missing; the absorber stays as it is")
        bypass(transparent)

    def set_oven(self, celsius: float | None) -> None:
        """Heat the cell towards a temperature, or switch the oven off; does not wait.

        Raises
        ------
        SettingsError
            If there is no oven.
        """
        oven = self.light.oven
        if oven is None:
            raise SettingsError("absorber.oven: missing; there is none to set")
        if celsius is not None:
            oven.set_temperature_celsius(celsius)
        oven.set_enabled(celsius is not None)

    def set_current(self, stage: str, amperes: float) -> None:
        """Drive all amplifiers of a stage alike, ramped; with 0 A they are switched off.

        Raises
        ------
        SettingsError
            If the stage has none.
        """
        amplifier = self.light.amplifier(self.check_stage(stage))
        if amplifier is None:
            raise SettingsError(f"stages.{stage}.amplifier: missing; there is none to drive")
        amplifier.set_currents_amperes(np.full(amplifier.channels, amperes))
        if amplifier.enabled() != (amperes > 0.0):
            amplifier.set_enabled(amperes > 0.0)

    def turn_reference(self, bank: str, volts: float) -> None:
        """Set the phase actuator of a bank's references.

        Raises
        ------
        SettingsError
            If the bank has none.
        """
        actuator = self.light.reference_phase
        served = [] if actuator is None else self.light.banks()[: actuator.channels]
        self.light.turn_references({_known("bank with a phase actuator", bank, served): volts})

    # Patterns and inputs ---------------------------------------------------------------------

    def show(self, stage: str, blocks: Blocks, offset_waves: float = 0.0) -> None:
        """Show full gratings on some blocks and none on the others.

        Parameters
        ----------
        offset_waves
            Turns the phase of what is shown, in waves by the data sheet.

        Raises
        ------
        SettingsError
            If there is no such stage, row or column.
        """
        hardware = self.light.stages[self.check_stage(stage)]
        bright = blocks.mask(hardware.geometry.shape)
        whole = hardware.levels_per_wave if hardware.bank.levels is not None else 1.0
        kind = np.float32 if hardware.bank.levels is None else np.uint16
        offset = (offset_waves % 1.0) * whole
        if hardware.bank.levels is not None:
            offset = round(offset) % hardware.levels_per_wave
        self.light.show(
            stage, (bright * whole).astype(kind), np.full(bright.shape, offset).astype(kind)
        )
        self.shown[stage] = blocks

    def modulators_of(self, stage: str) -> str:
        """Return the modulator array at a stage's inputs.

        Raises
        ------
        SettingsError
            If it takes its light from the stage before.
        """
        name = self.file.stages[self.check_stage(stage)].inputs
        if name is None:
            raise SettingsError(
                f"stages.{stage}.inputs: missing; it is lit through the stage before: "
                f"{' or '.join(self.light_sources())}"
            )
        return name

    def light_sources(self) -> list[str]:
        """Return all modulator arrays that are part of a stage."""
        return list(self.light.rest_volts)

    def drive(self, array: str, channels: Sequence[int] | None, volts: float | None = None) -> None:
        """Put volts on some modulators of an array, or on all, and 0 V on the others.

        Mirror devices are lit alike, with as many mirrors of a block as give most light.

        Parameters
        ----------
        channels
            Which; ``None``: all.
        volts
            By default what gives most light, as far as its limit lets it.

        Raises
        ------
        SettingsError
            If there is no such array or channel, or if mirrors are given volts.
        LimitError
            If the volts are outside the limits; everything stays as it was then.
        """
        name = _known("modulator array", array, self.light_sources())
        full = self.brightest[name]
        chosen = range(full.size) if channels is None else channels
        for channel in chosen:
            if not 0 <= channel < full.size:
                raise SettingsError(
                    f"{name}: channel {channel} asked for; there are {full.size}, counted from 0"
                )
        wanted = np.zeros(full.size, np.float32)
        places = list(chosen)
        if name not in self.file.mirrors:
            low, high = self.light.volts_range(name)
            wanted[places] = np.clip(full[places], low, high) if volts is None else volts
        elif volts is None:
            wanted[places] = full[places]
        else:
            raise SettingsError(f"{name}: {volts:g} V given; mirrors take none, leave it out")
        before = dict(self.held)
        self.held[name] = wanted
        try:
            # Held from now on: what reads no triggers, such as a power meter, has to see it too.
            self.expose(1, [], [])
        except BaseException:
            self.held = before
            raise

    def input_to_all_taps(self, stage: str, number: int, volts: float | None = None) -> None:
        """Light one input of a stage and show its whole column: every tap sees that one."""
        array = self.modulators_of(stage)
        self.show(stage, Blocks("column", column=number))
        self.drive(array, [number], volts)

    # Reading ---------------------------------------------------------------------------------

    def expose(
        self, shots: int, banks: Sequence[str], cameras: Sequence[str]
    ) -> tuple[dict[str, Volts], dict[str, Frames]]:
        """Take shots with everything as it stands.

        Returns
        -------
        volts, frames
            ``[shots, channels]`` by bank and ``[shots, rows, columns]`` by camera.
        """
        watching = [self.camera(name) for name in cameras]
        armed: list[Camera] = []
        try:
            for camera in watching:
                camera.arm(shots)
                armed.append(camera)
            drives = {
                name: np.repeat(volts[np.newaxis], shots, axis=0)
                for name, volts in self.held.items()
            }
            volts = self.light.take(drives, banks, shots)
            timeout = self.file.exposure.timeout
            frames = {name: self.camera(name).read_frames(timeout) for name in cameras}
        except BaseException:
            for camera in armed:
                camera.stop()
            raise
        return volts, frames


@contextmanager
def opened_by_hand(file: BenchFile, shared: SharedResources | None = None) -> Iterator[BenchByHand]:
    """Open a bench, switch nothing on, and hand it out; made safe and closed on every way out.

    Measured tables are not looked at: they may be what is wrong.
    """
    tables = nominal_tables(file, prepare_instruments(file, SharedResources()))
    with open_bench(file, tables=tables, shared=shared) as bench:
        light = CalibrationLight(bench, file, switch_on=False)
        brightest = {name: _brightest(tables.encoders[name]) for name in light.rest_volts}
        yield BenchByHand(light, brightest)


def _brightest(table: FieldEncoder) -> Floats:
    fields = np.asarray(table.highest_fields, np.float32)[np.newaxis]
    return np.asarray(table.encode(fields)[0], np.float64)


def _known(what: str, name: str, there: list[str]) -> str:
    """Return a name that there is.

    Raises
    ------
    SettingsError
        If there is none; with what there is.
    """
    if name in there:
        return name
    if not there:
        raise SettingsError(f"there is no {what} on this bench")
    raise SettingsError(
        f"there is no {what} '{name}'; there are: {listed(there)}{nearest(name, there)}"
    )
