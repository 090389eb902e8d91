"""What a bench file may say of a simulated instrument: its nominal properties.

These are what a data sheet would say. Nominal calibration tables are made from them, and so is
the twin, which then differs from them in ways that only its own section names.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from instruments.quantities import (
    RATIO,
    Celsius,
    NonNegativeSeconds,
    NonNegativeWatts,
    PositiveAmperes,
    PositiveAmperesPerSecond,
    PositiveHertz,
    PositiveKelvins,
    PositiveMetres,
    PositiveSeconds,
    PositiveVolts,
    PositiveWatts,
    Quantity,
)

Count = Annotated[int, Field(strict=True, ge=1)]
Bits = Annotated[int, Field(strict=True, ge=2, le=24)]
PositiveNumber = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
PositiveDecibels = Annotated[float, Quantity(RATIO, "positive")]
NonNegativeNumber = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]

MOST_SHOTS = 65536


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModulatorArraySettings(_Settings):
    """Mach-Zehnder modulators with the converters that drive them.

    Attributes
    ----------
    channels
        How many there are.
    half_wave_voltage
        From null to full transmission.
    field_at_full
        Field behind a modulator at full transmission, in saturation fields.
    full_scale, bits
        The converters span plus and minus ``full_scale``.
    most_shots
        Longest sequence their memory holds.
    """

    channels: Count
    half_wave_voltage: PositiveVolts = 3.5
    field_at_full: PositiveNumber = 1.0
    full_scale: PositiveVolts = 5.0
    bits: Bits = 14
    most_shots: Count = MOST_SHOTS


class SpatialLightModulatorSettings(_Settings):
    """A liquid-crystal panel on silicon.

    Attributes
    ----------
    rows, columns
        Pixels.
    bit_depth
        Bits of a grey level; 0 for a panel without steps, which takes waves as float32 block
        patterns and exists only in simulation.
    levels_per_wave
        Grey levels of a phase of 2 pi; by default all of them.
    refresh
        From one frame to the next.
    latency
        From the refresh to the first change of the light.
    settling
        How long the liquid crystal is given to stand still from then on. Nine time constants leave
        one part in ten thousand.
    faithful
        Whether block patterns are expanded to pixels and the light worked out from those.
    """

    rows: Count
    columns: Count
    bit_depth: Annotated[int, Field(strict=True, ge=0, le=10)] = 8
    levels_per_wave: Annotated[int, Field(strict=True, ge=1)] = 256
    refresh: NonNegativeSeconds = 1 / 60
    latency: NonNegativeSeconds = 0.0
    settling: NonNegativeSeconds = 30e-3
    faithful: bool = False

    @model_validator(mode="before")
    @classmethod
    def _levels_follow_bits(cls, values: Any) -> Any:
        if isinstance(values, dict) and "levels_per_wave" not in values:
            bits = values.get("bit_depth", 8)
            if isinstance(bits, int) and 0 <= bits <= 10:
                return {**values, "levels_per_wave": 2**bits}
        return values

    @model_validator(mode="after")
    def _levels_within_bits(self) -> Self:
        most = 2**self.bit_depth
        if self.bit_depth and not 2 <= self.levels_per_wave <= most:
            raise ValueError(
                f"levels_per_wave of {self.levels_per_wave} with a bit_depth of {self.bit_depth}; "
                f"2 to {most} are allowed"
            )
        return self


class PhotodetectorArraySettings(_Settings):
    """Balanced detectors with their references and digitisers.

    Attributes
    ----------
    channels
        How many there are.
    volts_per_field
        Reading per unit of the saturation field.
    full_scale, bits
        The digitisers span plus and minus ``full_scale``.
    most_shots
        Most readings their memory holds.
    """

    channels: Count
    volts_per_field: PositiveVolts = 0.2
    full_scale: PositiveVolts = 1.0
    bits: Bits = 14
    most_shots: Count = MOST_SHOTS


class OpticalAmplifierSettings(_Settings):
    """Semiconductor optical amplifiers with their current drivers.

    ``gain[dB] = highest_gain (1 - exp(-(I - transparency_current) / scale_current))``.

    Attributes
    ----------
    channels
        One in front of a stage's modulators, or one for each of the neurons of a stage.
    current_limit
        Set in the drivers themselves.
    ramp
        How fast the current is moved at most.
    temperature
        Of the chips, which their coolers hold.
    saturation_power
        Output power of the data sheet at which the gain has fallen by a factor e. Plans are made
        with it; the twin's own stands in the file's section ``[twin.amplifiers]``.
    """

    channels: Count
    transparency_current: PositiveAmperes = 20e-3
    scale_current: PositiveAmperes = 60e-3
    highest_gain: PositiveDecibels = 30.0
    current_limit: PositiveAmperes = 0.2
    ramp: PositiveAmperesPerSecond = 10.0
    temperature: Celsius = 25.0
    saturation_power: PositiveWatts | None = None


class LaserSettings(_Settings):
    """A tunable laser.

    Attributes
    ----------
    wavelength
        At zero detuning; by default the bench's.
    power
        The power the bench's fields are stated for, set when it is switched on.
    highest_power
        The most it gives.
    tuning
        It can be detuned by so much to either side.
    lock_time
        How long it takes to find its lock.
    """

    wavelength: PositiveMetres | None = None
    power: PositiveWatts = 20e-3
    highest_power: PositiveWatts = 0.1
    tuning: PositiveHertz = 20e9
    lock_time: NonNegativeSeconds = 0.5

    @model_validator(mode="after")
    def _power_within_highest(self) -> Self:
        if self.power > self.highest_power:
            raise ValueError(
                f"power of {self.power:g} W; highest_power allows {self.highest_power:g} W"
            )
        return self


class ShutterSettings(_Settings):
    """A mechanical shutter."""

    travel: NonNegativeSeconds = 5e-3


class TemperatureControllerSettings(_Settings):
    """An oven or a cooler that relaxes to its target.

    Attributes
    ----------
    ambient
        Temperature it has when it is off for long.
    lowest, highest
        What the controller can be set to.
    time_constant
        With which it approaches its target, or the ambient when off.
    settled_within
        Distance from the target at which it counts as settled and is held.
    """

    ambient: Celsius = 22.0
    lowest: Celsius = 10.0
    highest: Celsius = 150.0
    time_constant: PositiveSeconds = 1.0
    settled_within: PositiveKelvins = 0.01


class TriggerSourceSettings(_Settings):
    """A pulse generator.

    Attributes
    ----------
    shortest_period, longest_period
        Range of the time from one shot to the next.
    most_shots
        Longest train of triggers.
    """

    shortest_period: PositiveSeconds = 1e-6
    longest_period: PositiveSeconds = 10.0
    most_shots: Count = MOST_SHOTS


class ReferencePhaseSettings(_Settings):
    """Phase modulators or piezo mirrors in the reference beams.

    Attributes
    ----------
    channels
        One for every bank of taps, in the order the bench file's arms section explains.
    half_wave_voltage
        For a phase of pi.
    highest
        Volts run from 0 to this.
    settling
        How long after a change the phase stands still.
    """

    channels: Count
    half_wave_voltage: PositiveVolts = 5.0
    highest: PositiveVolts = 10.0
    settling: NonNegativeSeconds = 1e-3


class PowerMeterSettings(_Settings):
    """A power meter in the light of one port of a stage.

    Attributes
    ----------
    stage, port
        Where its sensor is: ``x``, the light at the stage's input side, ``z`` or ``a``. Without
        a stage it is in the dark.
    neuron
        Which beam falls on it, from 0; by default all of them.
    shortest_wavelength, longest_wavelength
        Range of its correction.
    highest
        More is an overload.
    uncertainty
        Relative standard uncertainty of its calibration; what it is off by is drawn once.
    noise
        rms of a single reading.
    response
        How long a reading takes.
    """

    stage: str | None = None
    port: Literal["x", "z", "a"] = "x"
    neuron: Annotated[int, Field(strict=True, ge=0)] | None = None
    shortest_wavelength: PositiveMetres = 400e-9
    longest_wavelength: PositiveMetres = 1100e-9
    highest: PositiveWatts = 0.5
    uncertainty: NonNegativeNumber = 0.03
    noise: NonNegativeWatts = 1e-10
    response: PositiveSeconds = 1e-2


class MirrorDeviceSettings(_Settings):
    """A digital mirror device whose light is taken up block by block.

    Attributes
    ----------
    rows, columns
        Mirrors.
    block_side
        Mirrors along each side of a block; blocks start at the first mirror.
    carrier_period
        Mirrors a period of the Lee holograms whose first order is taken; by default the
        undiffracted light is.
    shortest_picture, longest_picture
        How long a frame stays on; 45 us is what a fast board can do.
    most_frames
        How many frames its memory holds.
    """

    rows: Count = 768
    columns: Count = 1024
    block_side: Count = 10
    carrier_period: Annotated[int, Field(strict=True, ge=2)] | None = None
    shortest_picture: PositiveSeconds = 45e-6
    longest_picture: PositiveSeconds = 10.0
    most_frames: Count = 4096

    @model_validator(mode="after")
    def _blocks_fit(self) -> Self:
        if self.block_side > min(self.rows, self.columns):
            raise ValueError(
                f"block_side of {self.block_side} on {self.rows} x {self.columns} mirrors"
            )
        if self.carrier_period is not None and self.block_side % self.carrier_period:
            raise ValueError(
                f"carrier_period of {self.carrier_period} in blocks of {self.block_side}; a block "
                "holds whole periods"
            )
        return self


class CameraSettings(_Settings):
    """A camera with a spot of light for every neuron.

    One that a stage has as a tap sees that tap's light, its spots in the middle of their regions,
    and the reference of its estimator. Any other looks at the port its settings name.

    Attributes
    ----------
    stage, port
        What it looks at: ``z`` or ``a``. Without a stage it looks at darkness.
    rows, columns
        Pixels.
    spot_pitch
        Pixels from one neuron's spot to the next; spots fill the sensor row by row.
    counts_per_power, reference_counts
        Counts in the middle of a spot of field 1, and of the reference of a tap, in an
        exposure of ``nominal_exposure``.
    black_level, full_well, read_noise
        In counts.
    electrons_per_count
        Photoelectrons that make one count.
    """

    stage: str | None = None
    port: Literal["z", "a"] = "a"
    rows: Count = 64
    columns: Count = 96
    spot_pitch: Annotated[int, Field(strict=True, ge=3)] = 8
    counts_per_power: PositiveNumber = 1000.0
    reference_counts: NonNegativeNumber = 400.0
    nominal_exposure: PositiveSeconds = 1e-4
    shortest_exposure: PositiveSeconds = 1e-6
    longest_exposure: PositiveSeconds = 1.0
    black_level: NonNegativeNumber = 100.0
    full_well: PositiveNumber = 4095.0
    read_noise: NonNegativeNumber = 1.0
    electrons_per_count: PositiveNumber = 4.0
    most_shots: Count = 4096


class PhaseShifterArraySettings(_Settings):
    """Heaters of an integrated mesh, in a row.

    Attributes
    ----------
    channels
        How many there are.
    half_wave_power
        For a phase of pi.
    highest, highest_total
        Of one heater, and of all together.
    cross_talk
        Share of a heater's effect that its neighbour sees, and the neighbour's neighbour squared.
    time_constant
        With which phases follow.
    """

    channels: Count
    half_wave_power: PositiveWatts = 20e-3
    highest: PositiveWatts = 50e-3
    highest_total: PositiveWatts = 2.0
    cross_talk: Annotated[float, Field(strict=True, ge=0, lt=0.5)] = 0.02
    time_constant: PositiveSeconds = 30e-6


SETTINGS_OF_KIND: Mapping[str, type[BaseModel]] = MappingProxyType(
    {
        "spatial_light_modulator": SpatialLightModulatorSettings,
        "mirror_device": MirrorDeviceSettings,
        "modulator_array": ModulatorArraySettings,
        "photodetector_array": PhotodetectorArraySettings,
        "camera": CameraSettings,
        "power_meter": PowerMeterSettings,
        "optical_amplifier": OpticalAmplifierSettings,
        "laser": LaserSettings,
        "shutter": ShutterSettings,
        "reference_phase": ReferencePhaseSettings,
        "temperature_controller": TemperatureControllerSettings,
        "phase_shifter_array": PhaseShifterArraySettings,
        "trigger_source": TriggerSourceSettings,
    }
)
"""What each kind of simulated instrument can be told."""
