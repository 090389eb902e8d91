"""Instruments that answer at once and remember what they were told.

The least that keeps the promises of ``instruments.interfaces``. They stand in where a test is
about what calls an instrument, and show what the calls themselves cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from instruments.errors import InstrumentError, LimitError
from instruments.interfaces.camera import Region
from instruments.interfaces.instrument import Identity, InstrumentTimeoutError
from instruments.interfaces.mirror_device import MirrorBlocks, expand_mirror_blocks
from instruments.interfaces.sequence import SequenceState
from instruments.interfaces.spatial_light_modulator import BlockPattern, Frame, expand_blocks
from instruments.limits import Limit, check_array, check_shape, check_value

SHOTS = Limit(1, 4096, "shots")


class ImmediateInstrument:
    simulated = True

    def __init__(self, name: str, limits: Mapping[str, Limit]) -> None:
        self.name = name
        self._limits = dict(limits)
        self._open = True

    def identity(self) -> Identity:
        self._check_open()
        return Identity("backbeam", type(self).__name__, "0", "1")

    def limits(self) -> Mapping[str, Limit]:
        self._check_open()
        return self._limits

    def make_safe(self) -> None:
        if self._open:
            self._go_safe()

    def close(self) -> None:
        self._open = False

    def _go_safe(self) -> None:
        pass

    def _check_open(self) -> None:
        if not self._open:
            raise InstrumentError(f"{self.name}: closed; open the bench again")

    def _checked(self, quantity: str, value: float) -> float:
        self._check_open()
        return check_value(self.name, quantity, value, self._limits[quantity])

    def _checked_channels(
        self, quantity: str, values: npt.NDArray[np.floating], channels: int
    ) -> npt.NDArray[np.float64]:
        self._check_open()
        check_shape(self.name, quantity, values, (channels,))
        check_array(self.name, quantity, values, self._limits[quantity])
        return np.array(values, dtype=np.float64)


class ImmediateTriggerSource(ImmediateInstrument):
    """Every shot happens within ``fire``: each listener is told how many there were."""

    def __init__(self, name: str = "trigger", period_seconds: float = 1e-4) -> None:
        super().__init__(name, {"shots": SHOTS, "period_seconds": Limit(1e-6, 10.0, "s")})
        self._period_seconds = period_seconds
        self.listeners: list[Callable[[int], object]] = []
        self.fired = 0

    def period_seconds(self) -> float:
        self._check_open()
        return self._period_seconds

    def set_period_seconds(self, seconds: float) -> None:
        self._period_seconds = self._checked("period_seconds", seconds)

    def fire(self, shots: int) -> None:
        shots = int(self._checked("shots", shots))
        self.fired += shots
        for listener in self.listeners:
            listener(shots)

    def wait_until_done(self, timeout_seconds: float) -> None:
        self._check_open()

    def stop(self) -> None:
        self._check_open()


class ImmediateOutput(ImmediateInstrument):
    def __init__(self, name: str, limits: Mapping[str, Limit]) -> None:
        super().__init__(name, {"shots": SHOTS, **limits})
        self.sequence = SequenceState(name, loads=True)

    def triggered(self, shots: int) -> None:
        self.sequence.triggered(shots)

    def arm(self) -> None:
        self._check_open()
        self.sequence.armed()

    def wait_until_done(self, timeout_seconds: float) -> None:
        self._check_open()
        _check_done(self.sequence, timeout_seconds)

    def stop(self) -> None:
        self._check_open()
        self.sequence.stopped()

    def _go_safe(self) -> None:
        self.sequence.stopped()

    def _check_load(self, shots: int) -> None:
        self._checked("shots", shots)
        self.sequence.check_load()


class ImmediateModulatorArray(ImmediateOutput):
    def __init__(self, name: str = "modulators", channels: int = 4) -> None:
        super().__init__(name, {"volts": Limit(-5.0, 5.0, "V")})
        self.channels = channels
        self.volts = np.zeros((1, channels), np.float32)

    def load(self, volts: npt.NDArray[np.float32]) -> None:
        check_shape(self.name, "volts", volts, (None, self.channels))
        self._check_load(len(volts))
        check_array(self.name, "volts", volts, self._limits["volts"])
        self.volts = np.array(volts, dtype=np.float32)
        self.sequence.loaded(len(volts))

    def _go_safe(self) -> None:
        super()._go_safe()
        self.volts = np.zeros((1, self.channels), np.float32)


class ImmediateMirrorDevice(ImmediateOutput):
    def __init__(self, name: str = "mirrors", rows: int = 24, columns: int = 36) -> None:
        super().__init__(name, {"picture_seconds": Limit(4.5e-5, 10.0, "s")})
        self.rows = rows
        self.columns = columns
        self.frames = np.zeros((1, rows, columns), np.bool_)
        self._picture_seconds = 1e-4

    def picture_seconds(self) -> float:
        self._check_open()
        return self._picture_seconds

    def set_picture_seconds(self, seconds: float) -> None:
        self._picture_seconds = self._checked("picture_seconds", seconds)

    def load(self, frames: npt.NDArray[np.bool_]) -> None:
        check_shape(self.name, "frames", frames, (None, self.rows, self.columns))
        if frames.dtype != np.bool_:
            raise InstrumentError(
                f"{self.name}: frames of {frames.dtype} given; a mirror is on or off, give bool"
            )
        self._check_load(len(frames))
        self.frames = frames.copy()
        self.sequence.loaded(len(frames))

    def load_blocks(self, blocks: MirrorBlocks) -> None:
        blocks.check(self.name, self.rows, self.columns)
        frames = np.empty((blocks.shots, self.rows, self.columns), np.bool_)
        for shot, frame in enumerate(frames):
            expand_mirror_blocks(blocks, shot, frame)
        self.load(frames)

    def _go_safe(self) -> None:
        super()._go_safe()
        self.frames = np.zeros((1, self.rows, self.columns), np.bool_)


class ImmediateInput(ImmediateInstrument):
    def __init__(self, name: str, limits: Mapping[str, Limit]) -> None:
        super().__init__(name, {"shots": SHOTS, **limits})
        self.sequence = SequenceState(name, loads=False)

    def triggered(self, shots: int) -> int:
        return self.sequence.triggered(shots)

    def arm(self, shots: int) -> None:
        shots = int(self._checked("shots", shots))
        self.sequence.armed(shots)

    def stop(self) -> None:
        self._check_open()
        self.sequence.stopped()

    def _go_safe(self) -> None:
        self.sequence.stopped()

    def _hand_over(self, timeout_seconds: float) -> int:
        self._check_open()
        _check_done(self.sequence, timeout_seconds)
        shots = self.sequence.shots
        self.sequence.read_out()
        return shots


class ImmediatePhotodetectorArray(ImmediateInput):
    """Reads ``level_volts [channels]`` in every shot."""

    def __init__(self, name: str = "detectors", channels: int = 4) -> None:
        super().__init__(name, {})
        self.channels = channels
        self.saturation_volts = 10.0
        self.dark_volts = np.zeros(channels, np.float32)
        self.level_volts = np.zeros(channels, np.float32)

    def read(self, timeout_seconds: float) -> npt.NDArray[np.float32]:
        shots = self._hand_over(timeout_seconds)
        readings = np.empty((shots, self.channels), np.float32)
        readings[...] = self.level_volts
        return readings


class ImmediateCamera(ImmediateInput):
    """Sees ``scene [rows, columns]`` in every shot."""

    black_level_counts = 100.0
    full_well_counts = 4095.0
    electrons_per_count = 4.0

    def __init__(self, name: str = "camera", rows: int = 12, columns: int = 16) -> None:
        super().__init__(name, {"exposure_seconds": Limit(1e-6, 1.0, "s")})
        self.rows = rows
        self.columns = columns
        self.scene = np.full((rows, columns), 100, np.uint16)
        self._exposure_seconds = 1e-4
        self._regions: tuple[Region, ...] = (Region(0, 0, rows, columns),)
        self._frames = 0

    @property
    def channels(self) -> int:
        return len(self._regions)

    def triggered(self, shots: int) -> int:
        taken = super().triggered(shots)
        self._frames += taken
        return taken

    def exposure_seconds(self) -> float:
        self._check_open()
        return self._exposure_seconds

    def set_exposure_seconds(self, seconds: float) -> None:
        self.sequence.check_load()
        self._exposure_seconds = self._checked("exposure_seconds", seconds)

    def regions(self) -> tuple[Region, ...]:
        self._check_open()
        return self._regions

    def set_regions(self, regions: Sequence[Region]) -> None:
        self.sequence.check_load()
        if not regions:
            raise LimitError(f"{self.name}: no region given; give one for each channel")
        for region in regions:
            if (
                min(region.row, region.column) < 0
                or min(region.height, region.width) < 1
                or region.row + region.height > self.rows
                or region.column + region.width > self.columns
            ):
                raise LimitError(
                    f"{self.name}: {region} is not on the sensor of {self.rows} x {self.columns}"
                )
        self._regions = tuple(regions)

    def frame_counter(self) -> int:
        self._check_open()
        return self._frames

    def read(self, timeout_seconds: float) -> npt.NDArray[np.float32]:
        shots = self._hand_over(timeout_seconds)
        means = [
            self.scene[r.row : r.row + r.height, r.column : r.column + r.width].mean()
            for r in self._regions
        ]
        return np.tile(np.asarray(means, np.float32), (shots, 1))

    def read_frames(self, timeout_seconds: float) -> npt.NDArray[np.uint16]:
        shots = self._hand_over(timeout_seconds)
        return np.tile(self.scene, (shots, 1, 1))


class ImmediateSpatialLightModulator(ImmediateInstrument):
    """Settles at once; its clock ticks by one with each frame."""

    refresh_seconds = 0.0
    settling_seconds = 0.0

    def __init__(
        self, name: str = "slm", rows: int = 40, columns: int = 60, bit_depth: int = 8
    ) -> None:
        super().__init__(name, {"level": Limit(0, 2**bit_depth - 1, "grey levels")})
        self.rows = rows
        self.columns = columns
        self.bit_depth = bit_depth
        shape = (rows, columns)
        self.frame: Frame = (
            np.zeros(shape, np.uint8) if bit_depth <= 8 else np.zeros(shape, np.uint16)
        )
        self._frames = 0

    def show_frame(self, frame: Frame) -> None:
        self._check_open()
        check_shape(self.name, "frame", frame, (self.rows, self.columns))
        if frame.dtype != self.frame.dtype:
            raise InstrumentError(
                f"{self.name}: frame of {frame.dtype} given; it shows {self.frame.dtype}"
            )
        check_array(self.name, "level", frame, self._limits["level"])
        self.frame[...] = frame
        self._frames += 1

    def show_blocks(self, pattern: BlockPattern) -> None:
        self._check_open()
        pattern.check(self.name, self.rows, self.columns, self.bit_depth)
        expand_blocks(pattern, self.frame)
        self._frames += 1

    def shown_at_seconds(self) -> float | None:
        self._check_open()
        return float(self._frames) if self._frames else None

    def wait_until_settled(self, timeout_seconds: float) -> None:
        self._check_open()

    def _go_safe(self) -> None:
        self.frame[...] = 0


class ImmediatePowerMeter(ImmediateInstrument):
    def __init__(self, name: str = "power meter") -> None:
        super().__init__(
            name,
            {
                "wavelength_metres": Limit(400e-9, 1100e-9, "m"),
                "power_watts": Limit(0.0, 0.5, "W"),
            },
        )
        self._wavelength_metres = 780e-9
        self.level_watts = 1e-6

    def wavelength_metres(self) -> float:
        self._check_open()
        return self._wavelength_metres

    def set_wavelength_metres(self, metres: float) -> None:
        self._wavelength_metres = self._checked("wavelength_metres", metres)

    def read_watts(self, averages: int = 1) -> float:
        self._check_open()
        return self.level_watts


class ImmediateOpticalAmplifier(ImmediateInstrument):
    ramp_amperes_per_second = math.inf

    def __init__(self, name: str = "amplifiers", channels: int = 3) -> None:
        super().__init__(name, {"current_amperes": Limit(0.0, 0.3, "A")})
        self.channels = channels
        self._amperes = np.zeros(channels)
        self._enabled = False

    def current_limits_amperes(self) -> npt.NDArray[np.float64]:
        self._check_open()
        return np.full(self.channels, 0.35)

    def set_currents_amperes(self, amperes: npt.NDArray[np.floating]) -> None:
        self._amperes = self._checked_channels("current_amperes", amperes, self.channels)

    def currents_amperes(self) -> npt.NDArray[np.float64]:
        self._check_open()
        return self._amperes * self._enabled

    def temperatures_celsius(self) -> npt.NDArray[np.float64]:
        self._check_open()
        return np.full(self.channels, 25.0)

    def powers_watts(self) -> npt.NDArray[np.float64]:
        self._check_open()
        return np.full(self.channels, np.nan)

    def set_enabled(self, enabled: bool) -> None:
        self._check_open()
        self._enabled = enabled

    def enabled(self) -> bool:
        self._check_open()
        return self._enabled

    def _go_safe(self) -> None:
        self._amperes = np.zeros(self.channels)
        self._enabled = False


class ImmediateLaser(ImmediateInstrument):
    wavelength_metres = 780.241e-9

    def __init__(self, name: str = "laser") -> None:
        super().__init__(
            name,
            {
                "detuning_hertz": Limit(-1e10, 1e10, "Hz"),
                "power_watts": Limit(0.0, 0.1, "W"),
            },
        )
        self._enabled = False
        self._locked = False
        self._detuning_hertz = 0.0
        self._power_watts = 0.0

    def set_enabled(self, enabled: bool) -> None:
        self._check_open()
        self._enabled = enabled
        self._locked = self._locked and enabled

    def enabled(self) -> bool:
        self._check_open()
        return self._enabled

    def set_power_watts(self, watts: float) -> None:
        self._power_watts = self._checked("power_watts", watts)

    def power_watts(self) -> float:
        self._check_open()
        return self._power_watts if self._enabled else 0.0

    def set_detuning_hertz(self, hertz: float) -> None:
        self._detuning_hertz = self._checked("detuning_hertz", hertz)

    def detuning_hertz(self) -> float:
        self._check_open()
        return self._detuning_hertz

    def lock(self, timeout_seconds: float) -> None:
        self._check_open()
        if not self._enabled:
            raise InstrumentError(f"{self.name}: cannot lock without light; enable it first")
        self._locked = True

    def locked(self) -> bool:
        self._check_open()
        return self._locked

    def _go_safe(self) -> None:
        self.set_enabled(False)


class ImmediateShutter(ImmediateInstrument):
    travel_seconds = 0.0

    def __init__(self, name: str = "shutter") -> None:
        super().__init__(name, {})
        self._is_open = False

    def set_open(self, is_open: bool) -> None:
        self._check_open()
        self._is_open = is_open

    def is_open(self) -> bool:
        self._check_open()
        return self._is_open

    def _go_safe(self) -> None:
        self._is_open = False


class ImmediateReferencePhase(ImmediateInstrument):
    settling_seconds = 0.0

    def __init__(self, name: str = "reference phase", channels: int = 2) -> None:
        super().__init__(name, {"volts": Limit(0.0, 10.0, "V")})
        self.channels = channels
        self._volts = np.zeros(channels)

    def set_volts(self, volts: npt.NDArray[np.floating]) -> None:
        self._volts = self._checked_channels("volts", volts, self.channels)

    def volts(self) -> npt.NDArray[np.float64]:
        self._check_open()
        return self._volts.copy()

    def wait_until_settled(self, timeout_seconds: float) -> None:
        self._check_open()

    def _go_safe(self) -> None:
        self._volts = np.zeros(self.channels)


class ImmediateTemperatureController(ImmediateInstrument):
    def __init__(self, name: str = "oven") -> None:
        super().__init__(name, {"temperature_celsius": Limit(15.0, 120.0, "degC")})
        self._target_celsius = 25.0
        self._enabled = False

    def set_temperature_celsius(self, celsius: float) -> None:
        self._target_celsius = self._checked("temperature_celsius", celsius)

    def target_celsius(self) -> float:
        self._check_open()
        return self._target_celsius

    def temperature_celsius(self) -> float:
        self._check_open()
        return self._target_celsius if self._enabled else 25.0

    def set_enabled(self, enabled: bool) -> None:
        self._check_open()
        self._enabled = enabled

    def enabled(self) -> bool:
        self._check_open()
        return self._enabled

    def wait_until_settled(self, timeout_seconds: float) -> None:
        self._check_open()
        if not self._enabled:
            raise InstrumentError(f"{self.name}: the control is off; enable it first")

    def _go_safe(self) -> None:
        self._enabled = False


class ImmediatePhaseShifterArray(ImmediateInstrument):
    settling_seconds = 0.0

    def __init__(self, name: str = "heaters", channels: int = 6) -> None:
        super().__init__(
            name,
            {"heater_watts": Limit(0.0, 0.05, "W"), "total_watts": Limit(0.0, 0.2, "W")},
        )
        self.channels = channels
        self._watts = np.zeros(channels)

    def set_heater_watts(self, watts: npt.NDArray[np.floating]) -> None:
        checked = self._checked_channels("heater_watts", watts, self.channels)
        self._checked("total_watts", float(checked.sum()))
        self._watts = checked

    def heater_watts(self) -> npt.NDArray[np.float64]:
        self._check_open()
        return self._watts.copy()

    def wait_until_settled(self, timeout_seconds: float) -> None:
        self._check_open()

    def _go_safe(self) -> None:
        self._watts = np.zeros(self.channels)


def _check_done(sequence: SequenceState, timeout_seconds: float) -> None:
    """Raise at once what a device would after its time limit: no shot comes without a trigger."""
    sequence.check_started()
    if not sequence.done:
        raise InstrumentTimeoutError(
            f"{sequence.instrument}: {sequence.fired} of {sequence.shots} shots came within "
            f"{timeout_seconds:g} s; check that the trigger source fires and is connected"
        )
