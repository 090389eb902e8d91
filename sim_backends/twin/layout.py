"""What a twin has to know of a bench: which instrument sits where, and its nominal properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Port = Literal["z", "a", "delta", "rho"]


@dataclass(frozen=True)
class ModulatorLayout:
    """An array of modulators: ``field = field_at_full sin(pi V / (2 V_pi))``, nominally."""

    channels: int
    half_wave_volts: float
    field_at_full: float
    step_volts: float


@dataclass(frozen=True)
class MirrorLayout:
    """Blocks of a mirror device.

    Attributes
    ----------
    channels
        How many blocks emit.
    field_at_full
        Field of a block at its largest amplitude, nominally.
    largest_share
        That amplitude, relative to the light on the block.
    has_carrier
        Whether the first order of a carrier is taken.
    """

    channels: int
    field_at_full: float
    largest_share: float
    has_carrier: bool


@dataclass(frozen=True)
class DetectorLayout:
    """A bank of balanced detectors; ``step_volts`` is that of the digitiser."""

    channels: int
    volts_per_field: float
    full_scale_volts: float
    step_volts: float


@dataclass(frozen=True)
class CameraLayout:
    """A camera and the spots on it, nominally.

    Attributes
    ----------
    centres
        Row and column of each neuron's spot.
    spot_radius
        To 1/e of the field, in pixels.
    counts_per_power
        Counts in the middle of a spot of field 1.
    reference_counts, fringes
        Counts of the reference, and its fringes in cycles a pixel down and across.
    black_level, full_well, read_noise
        In counts.
    electrons_per_count
        Photoelectrons that make one.
    """

    rows: int
    columns: int
    centres: tuple[tuple[float, float], ...]
    spot_radius: float
    counts_per_power: float
    reference_counts: float
    fringes: tuple[float, float]
    black_level: float
    full_well: float
    read_noise: float
    electrons_per_count: float


@dataclass(frozen=True)
class PanelLayout:
    """The blocks of a liquid-crystal panel."""

    rows: int
    columns: int
    levels: int
    period: int


@dataclass(frozen=True)
class AmplifierLayout:
    """Amplifiers with the nominal curve ``dB = highest (1 - exp(-(I - I_0) / scale))``.

    One channel amplifies the light of a whole stage before it is divided among its modulators;
    otherwise every neuron has its own.
    """

    channels: int
    transparency_amperes: float
    scale_amperes: float
    highest_decibels: float


@dataclass(frozen=True)
class StageLayout:
    """One stage: input side, amplifier, weight panel, absorber, ports.

    Attributes
    ----------
    inputs, outputs
        Neurons on either side.
    source
        Modulators or mirrors at the input side; ``None``: light of the previous stage.
    full_scale
        Weight of a block that diffracts everything, amplifier at a gain of one.
    emitter, injector
        Modulators or mirrors in front of and behind the absorber.
    taps
        Detector bank of each port there is.
    """

    inputs: int
    outputs: int
    panel: str
    full_scale: float
    source: str | None = None
    amplifier: str | None = None
    absorber: bool = True
    emitter: str | None = None
    injector: str | None = None
    taps: Mapping[Port, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AbsorberLayout:
    """The medium, nominally."""

    kind: Literal["absorber", "gain"]
    model: Literal["eq4", "propagated"]
    optical_depth: float
    oven_celsius: float = 75.0


@dataclass(frozen=True)
class TwinLayout:
    """A whole bench.

    Attributes
    ----------
    photons_per_field
        Photons that a field of 1 brings in one exposure window.
    saturation_watts
        Power of a field of 1.
    linewidth_hertz
        Full width of the absorber's line; a laser detuned by far more finds it transparent.
    pump_shutter, probe_shutter, reference_shutter
        Shutters of the forward light, the backward light and the references, if there are any.
    """

    stages: tuple[StageLayout, ...]
    modulators: Mapping[str, ModulatorLayout]
    detectors: Mapping[str, DetectorLayout]
    panels: Mapping[str, PanelLayout]
    amplifiers: Mapping[str, AmplifierLayout]
    absorber: AbsorberLayout
    photons_per_field: float
    saturation_watts: float
    shot_period_seconds: float
    linewidth_hertz: float = 6.07e6
    mirrors: Mapping[str, MirrorLayout] = field(default_factory=dict)
    cameras: Mapping[str, CameraLayout] = field(default_factory=dict)
    pump_shutter: str | None = None
    probe_shutter: str | None = None
    reference_shutter: str | None = None
