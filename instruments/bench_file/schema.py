"""What a bench file holds, section by section. Quantities are floats in the unit of their type."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FieldSerializationInfo,
    PrivateAttr,
    StrictBool,
    ValidationInfo,
    WithJsonSchema,
    field_serializer,
    field_validator,
    model_validator,
)

from instruments.bench_file.limited_quantities import LIMITED_QUANTITIES, read_limits, write_limits
from instruments.bench_file.problems import SectionError, listed, nearest, shown
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.camera import Region
from instruments.limits import Limit
from instruments.quantities import (
    Celsius,
    Hertz,
    PositiveFraction,
    PositiveMetres,
    PositiveSeconds,
    PositiveWatts,
)

OFF_AXIS = "off-axis"
"""Name of the reference phases of a bench on which only cameras turn them, by numbers."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_TITLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"'{text}' is not a name; letters, digits, _ and - are allowed, a letter first"
        )
    return text


def _title(text: str) -> str:
    if not _TITLE.fullmatch(text):
        raise ValueError(
            f"'{text}' is not a name; letters, digits, spaces, '.', '_' and '-' are allowed, a "
            "letter or digit first"
        )
    return text


def _kind(text: object) -> object:
    """Files write kinds in words, the program as identifiers."""
    kind = text.replace(" ", "_") if isinstance(text, str) else None
    if kind not in LIMITED_QUANTITIES:
        words = [known.replace("_", " ") for known in LIMITED_QUANTITIES]
        hint = nearest(text, words) if isinstance(text, str) else ""
        raise ValueError(f"found {shown(text)}; allowed: {listed(words)}{hint}")
    return kind


Name = Annotated[str, AfterValidator(_name)]
Count = Annotated[int, Field(strict=True, ge=1)]
Index = Annotated[int, Field(strict=True, ge=0)]
PositiveNumber = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]

InstrumentKind = Annotated[
    Literal[
        "spatial_light_modulator",
        "mirror_device",
        "modulator_array",
        "photodetector_array",
        "camera",
        "power_meter",
        "optical_amplifier",
        "laser",
        "shutter",
        "reference_phase",
        "temperature_controller",
        "phase_shifter_array",
        "trigger_source",
    ],
    BeforeValidator(_kind),
    WithJsonSchema({"enum": [kind.replace("_", " ") for kind in LIMITED_QUANTITIES]}),
]

Limits = Annotated[dict[str, Limit], WithJsonSchema({"type": "object"})]


class Section(BaseModel):
    """A table of a bench file: keys it does not know are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkSection(Section):
    """The network the bench realises."""

    layers: tuple[Count, ...] = Field(
        min_length=2,
        description="neurons of every layer, the inputs first, such as [64, 48, 10]",
    )
    stages: tuple[str, ...] = Field(
        min_length=1,
        description="the stage that serves each layer of weights; the same name again serves "
        'layers in turn, such as ["first", "second"]',
    )


class OpticsSection(Section):
    """Light, and the scales of the fields."""

    wavelength: PositiveMetres = Field(description='vacuum wavelength, such as "780.241 nm"')
    saturation_power: PositiveWatts = Field(
        description="power of one neuron's beam at which the absorber saturates: field 1, such as "
        '"521 nW"'
    )
    input_field: PositiveNumber = Field(
        default=1.0, description="field, in saturation fields, that shows an input of 1"
    )
    probe_limit: PositiveNumber = Field(
        default=0.3,
        description="largest error field injected, in saturation fields; a probe has to be weak",
    )


class AbsorberSection(Section):
    """The nonlinear medium; one cell serves all stages that name an absorber."""

    kind: Literal["absorber", "gain"] = Field(
        default="absorber", description="saturable absorption, or saturable gain"
    )
    model: Literal["eq4", "propagated"] = Field(
        default="eq4",
        description="eq4: the pump keeps its intensity through the medium (Eq. 4 of "
        "arXiv:1912.12256); propagated: slice by slice",
    )
    optical_depth: PositiveNumber = Field(
        description="resonant optical depth, or small-signal gain, at oven_temperature"
    )
    oven: str | None = Field(
        default=None, description="temperature controller that sets the vapour density"
    )
    oven_temperature: Celsius | None = Field(
        default=None, description='temperature of the oven in operation, such as "75 degC"'
    )
    laser: str | None = Field(
        default=None, description="laser whose detuning bypasses the absorber"
    )
    bypass_detuning: Hertz | None = Field(
        default=None,
        description="detuning at which the absorber is clear; needed where a stage with an "
        'absorber serves the last layer, such as "5 GHz"',
    )


class ExposureSection(Section):
    """How shots are timed."""

    trigger: str = Field(description="trigger source that makes all instruments take their shots")
    shot_period: PositiveSeconds = Field(
        description='time from one shot to the next, such as "100 us"'
    )
    window: PositiveSeconds = Field(
        description='how long detectors integrate in each shot, such as "1 us"'
    )
    timeout: PositiveSeconds = Field(
        default=10.0, description="how long a batch may take before it counts as failed"
    )
    marks: StrictBool = Field(
        default=False,
        description="whether eight known shots follow every exposure, so that a slip of frames "
        "is noticed and the exposure repeated",
    )

    @model_validator(mode="after")
    def _window_within_period(self) -> Self:
        if self.window > self.shot_period:
            raise SectionError(
                f"a window of {self.window:g} s is longer than the shot period of "
                f"{self.shot_period:g} s; it has to fit into one shot",
                "window",
            )
        return self


class ArmSection(Section):
    """What switches one arm of light."""

    shutter: str | None = Field(default=None, description="shutter of this arm")


class ReferenceArmSection(ArmSection):
    """The reference beams of the homodyne detectors."""

    phase: str | None = Field(
        default=None,
        description="actuator of the reference phases, a channel for every bank of taps, in the "
        "order z, a, delta, rho of the first stage, then of the next",
    )
    track_every: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="batches between two looks at the phases, which are turned back then; 0: never",
    )


class ArmsSection(Section):
    """Arms of light that can be switched as a whole."""

    forward: ArmSection = Field(default=ArmSection(), description="the pump: inputs to outputs")
    backward: ArmSection = Field(default=ArmSection(), description="the probe: errors, backwards")
    reference: ReferenceArmSection = Field(
        default=ReferenceArmSection(), description="the reference of the homodyne detectors"
    )


class BlocksSection(Section):
    """Where the weights lie on the panel: a block each, outputs down and inputs across."""

    rows: Count = Field(description="blocks down, one for every output")
    columns: Count = Field(description="blocks across, one for every input")
    height: Count = Field(description="pixels of a block down")
    width: Count = Field(description="pixels of a block across, whole grating periods")
    period: Annotated[int, Field(strict=True, ge=2)] = Field(
        description="pixels of a grating period"
    )
    origin_row: Index = Field(default=0, description="row of pixels at which the first block is")
    origin_column: Index = Field(
        default=0, description="column of pixels at which the first block is"
    )

    @model_validator(mode="after")
    def _whole_periods(self) -> Self:
        if self.width % self.period:
            raise SectionError(
                f"a block of width {self.width} does not hold whole grating periods of "
                f"{self.period} pixels; make the width a multiple of the period",
                "period",
            )
        return self

    @property
    def geometry(self) -> BlockGeometry:
        """The raster as a panel takes it."""
        return BlockGeometry(
            self.rows,
            self.columns,
            self.height,
            self.width,
            self.origin_row,
            self.origin_column,
        )


class MirrorBlocksSection(Section):
    """Where the neurons lie on a mirror device: a block each, row by row from the first."""

    rows: Count = Field(description="blocks down")
    columns: Count = Field(description="blocks across")
    height: Count = Field(description="mirrors of a block down")
    width: Count = Field(description="mirrors of a block across, whole periods of a carrier")
    origin_row: Index = Field(default=0, description="row of mirrors at which the first block is")
    origin_column: Index = Field(
        default=0, description="column of mirrors at which the first block is"
    )

    @property
    def geometry(self) -> BlockGeometry:
        """The raster as a mirror device takes it."""
        return BlockGeometry(
            self.rows,
            self.columns,
            self.height,
            self.width,
            self.origin_row,
            self.origin_column,
        )


class MirrorsSection(Section):
    """How a mirror device shows numbers."""

    blocks: MirrorBlocksSection = Field(description="where the neurons lie on the mirrors")
    carrier: Annotated[int, Field(strict=True, ge=2)] | None = Field(
        default=None,
        description="mirrors a period of a Lee hologram, an even number: its first order has both "
        "signs; absent: amplitudes without sign",
    )
    field_at_full: PositiveNumber = Field(
        default=1.0, description="field of a block at its largest amplitude, in saturation fields"
    )

    @model_validator(mode="after")
    def _whole_periods(self) -> Self:
        if self.carrier is None:
            return self
        if self.carrier % 2:
            raise SectionError(
                f"found {self.carrier}; half a period turns the sign: an even number of mirrors",
                "carrier",
            )
        if self.blocks.width % self.carrier:
            raise SectionError(
                f"a block of width {self.blocks.width} does not hold whole periods of "
                f"{self.carrier} mirrors; make the width a multiple of the carrier",
                "carrier",
            )
        return self


class RegionsSection(Section):
    """Where the neurons' spots lie on a camera: a region each, row by row from the first."""

    rows: Count = Field(description="regions down")
    columns: Count = Field(description="regions across")
    height: Annotated[int, Field(strict=True, ge=3)] = Field(description="pixels of a region down")
    width: Annotated[int, Field(strict=True, ge=3)] = Field(description="pixels of a region across")
    origin_row: Index = Field(default=0, description="row of pixels at which the first region is")
    origin_column: Index = Field(
        default=0, description="column of pixels at which the first region is"
    )

    @property
    def geometry(self) -> BlockGeometry:
        """The raster of the regions."""
        return BlockGeometry(
            self.rows,
            self.columns,
            self.height,
            self.width,
            self.origin_row,
            self.origin_column,
        )

    def regions(self, count: int) -> tuple[Region, ...]:
        """Return the first regions, row by row."""
        return tuple(
            Region(
                self.origin_row + index // self.columns * self.height,
                self.origin_column + index % self.columns * self.width,
                self.height,
                self.width,
            )
            for index in range(count)
        )


Frequency = Annotated[float, Field(strict=True, gt=-0.5, lt=0.5)]


class EstimatorSection(Section):
    """How signed fields are had from what a bank of taps reads."""

    estimator: Literal[
        "balanced homodyne", "single port with offset", "off-axis camera", "intensity"
    ] = Field(
        default="balanced homodyne",
        description="balanced homodyne: a detector whose two ports are subtracted; single port "
        "with offset: one port, the level of the reference subtracted; off-axis camera: fringes "
        "with a tilted reference; intensity: no reference",
    )
    shots_per_sample: Count = Field(
        default=1, description="shots that are averaged for a reading of a sample"
    )
    regions: RegionsSection | None = Field(
        default=None, description="where the neurons' spots lie on a camera"
    )
    fringes: tuple[Frequency, Frequency] | None = Field(
        default=None,
        description="frequency of an off-axis camera's fringes in cycles a pixel, down and across, "
        "such as [0.3, 0.3]: far from the light they stand on",
    )
    counts_per_field: PositiveNumber | None = Field(
        default=None, description="what a camera reads at field 1, in counts, nominally"
    )
    reference_counts: PositiveNumber | None = Field(
        default=None,
        description="what a camera's pixel reads of the reference alone, black level included; how "
        "strong light may be follows from it, and what a single port subtracts",
    )


class TapsSection(Section):
    """Photodetector arrays or cameras at the four tap ports of a stage."""

    z: str | None = Field(default=None, description="forward light in front of the absorber")
    a: str | None = Field(default=None, description="forward light behind the absorber")
    delta: str | None = Field(default=None, description="backward light in front of the absorber")
    rho: str | None = Field(default=None, description="backward light at the stage's input side")

    def present(self) -> dict[str, str]:
        """Return the detector arrays by port, in the order z, a, delta, rho."""
        ports = {"z": self.z, "a": self.a, "delta": self.delta, "rho": self.rho}
        return {port: name for port, name in ports.items() if name is not None}


class StageSection(Section):
    """A weight bank with what lies around it."""

    inputs: str | None = Field(
        default=None,
        description="modulator array or mirror device at the input side; absent: the light of the "
        "layer before",
    )
    weights: str = Field(description="spatial light modulator that holds the weights")
    amplifier: str | None = Field(
        default=None, description="optical amplifier in front of the weights"
    )
    transmission: PositiveFraction = Field(
        default=0.5,
        description='power share that lenses, slit and panel pass, such as "50 %"',
    )
    absorber: StrictBool = Field(
        default=False, description="whether the absorber lies behind the weights"
    )
    emitter: str | None = Field(
        default=None,
        description="modulator array or mirror device in front of the absorber; re-emits sums of "
        "partial z where a matrix is tiled along its inputs",
    )
    reemission_scale: PositiveFraction = Field(
        default=1.0,
        description="scale at which activations are re-emitted into weights whose sums are "
        'tapped in front of the absorber, such as "25 %" for activations up to 4 from '
        "modulators that reach 1",
    )
    injector: str | None = Field(
        default=None,
        description="modulator array or mirror device behind the absorber; injects errors",
    )
    blocks: BlocksSection = Field(description="where the weights lie on the panel")
    taps: TapsSection = Field(
        default=TapsSection(),
        description="photodetector arrays or cameras by tap port: z, a, delta, rho",
    )


class InstrumentSection(Section):
    """One instrument: its driver and what the driver is told."""

    kind: InstrumentKind = Field(description='what it is, such as "modulator array"')
    driver: str = Field(description='name of an installed driver, such as "simulated laser"')
    address: str | None = Field(
        default=None, description='where it answers, such as "TCPIP0::192.168.1.20::5025::SOCKET"'
    )
    addresses: tuple[str, ...] = Field(
        default=(),
        description="where its boxes answer, in the order of their channels, if it is made of "
        "several",
    )
    limits: Limits = Field(
        default_factory=dict,
        description="lowest and highest value allowed; can only narrow what the device allows",
    )
    settings: dict[str, Any] = Field(
        default_factory=dict, description="settings of the driver; each driver has its own"
    )
    simulation: dict[str, Any] = Field(
        default_factory=dict,
        description="settings of the simulated instrument that takes its place, beside those it "
        "shares with the driver",
    )

    @field_validator("limits", mode="plain")
    @classmethod
    def _read_limits(cls, table: object, info: ValidationInfo) -> dict[str, Limit]:
        # Without a valid kind there is nothing to check limits against; the kind is reported.
        return read_limits(info.data["kind"], table) if "kind" in info.data else {}

    @model_validator(mode="after")
    def _one_way_to_say_where(self) -> Self:
        if self.address is not None and self.addresses:
            raise SectionError(
                "found beside 'address'; give one of the two: 'address' for a single box",
                "addresses",
            )
        return self

    @property
    def every_address(self) -> tuple[str, ...]:
        """Where its boxes answer, be it one or several; none for an instrument without a wire."""
        return self.addresses if self.address is None else (self.address,)

    # Not when_used="json": after a plain validator pydantic would then serialise limits twice.
    @field_serializer("limits")
    def _write_limits(self, limits: dict[str, Limit], info: FieldSerializationInfo) -> Any:
        return limits if info.mode == "python" else write_limits(self.kind, limits)


class SafeStateSection(Section):
    """The way into the safe state."""

    order: tuple[str, ...] = Field(
        description="every instrument once: light (lasers, shutters, modulators) before supplies "
        "(amplifiers, ovens)"
    )
    timeout: PositiveSeconds = Field(
        default=2.0, description="how long each instrument may take before it counts as hung"
    )


class CalibrationSection(Section):
    """Where measured calibration tables are."""

    folder: Path | None = Field(
        default=None,
        description="folder of the tables, relative to the bench file; absent: nominal tables",
    )


class BenchFile(Section):
    """A bench file as a whole.

    The sections follow the file. ``twin``, the hidden true optics, is read by simulated drivers
    only, and kept as it stands for them to validate.
    """

    format: Literal[1] = Field(description="version of this file format: 1")
    name: Annotated[str, AfterValidator(_title)] = Field(description="name of the bench")
    description: str = Field(default="", description="what the bench is for, in a sentence")
    wire: Literal["real", "simulated"] = Field(
        default="real",
        description="whether instruments with an address answer themselves, or models of them in "
        "the light of the twin",
    )
    network: NetworkSection = Field(description="section [network]: layers and their stages")
    optics: OpticsSection = Field(description="section [optics]: wavelength and scales")
    absorber: AbsorberSection | None = Field(
        default=None, description="section [absorber]: the nonlinear medium"
    )
    exposure: ExposureSection = Field(description="section [exposure]: how shots are timed")
    arms: ArmsSection = Field(
        default=ArmsSection(), description="section [arms]: shutters and reference phase"
    )
    stages: dict[Name, StageSection] = Field(description="a section [stages.NAME] for every stage")
    instruments: dict[Name, InstrumentSection] = Field(
        description="a section [instruments.NAME] for every instrument"
    )
    mirrors: dict[Name, MirrorsSection] = Field(
        default_factory=dict,
        description="a section [mirrors.NAME] for every mirror device that shows inputs or errors",
    )
    taps: dict[Name, EstimatorSection] = Field(
        default_factory=dict,
        description="a section [taps.NAME] for every camera that taps fields, and for detectors "
        "that are not balanced homodyne ones read once a sample",
    )
    safe_state: SafeStateSection = Field(
        description="section [safe_state]: the order in which instruments are made safe"
    )
    calibration: CalibrationSection = Field(
        default=CalibrationSection(), description="section [calibration]: measured tables"
    )
    twin: dict[str, Any] = Field(
        default_factory=dict, description="section [twin]: true optics of a simulated bench"
    )

    _origin: str = PrivateAttr("bench file")
    _folder: Path | None = PrivateAttr(None)

    @property
    def origin(self) -> str:
        """The file it was read from, as messages name it."""
        return self._origin

    @property
    def reference_phase(self) -> str | None:
        """By what name the table of the reference phases goes: that of their actuator.

        Off-axis cameras turn them by numbers, without an actuator; ``None`` where nothing does.
        """
        if self.arms.reference.phase is not None:
            return self.arms.reference.phase
        off_axis = any(one.estimator == "off-axis camera" for one in self.taps.values())
        return OFF_AXIS if off_axis else None

    @property
    def shots_per_sample(self) -> int:
        """How often every sample is shown: as the tap that asks for most has it."""
        return max((one.shots_per_sample for one in self.taps.values()), default=1)

    @property
    def calibration_folder(self) -> Path | None:
        """Where measured tables are; ``None`` for nominal ones."""
        folder = self.calibration.folder
        if folder is None or self._folder is None:
            return folder
        return self._folder / folder

    def read_from(self, origin: str, folder: Path | None) -> Self:
        """Return the same bench with a note of the file it came from and that file's folder."""
        copy = self.model_copy()
        copy._origin = origin
        copy._folder = folder
        return copy
