"""A bench file as a whole. Quantities are floats in the unit of their type."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr

from instruments.bench_file.estimator_sections import EstimatorSection
from instruments.bench_file.exposure_sections import ArmsSection, ExposureSection
from instruments.bench_file.instrument_sections import InstrumentSection, SafeStateSection
from instruments.bench_file.mirror_sections import MirrorsSection
from instruments.bench_file.optics_sections import AbsorberSection, OpticsSection
from instruments.bench_file.section import Name, Section, Title
from instruments.bench_file.stage_sections import NetworkSection, StageSection

OFF_AXIS = "off-axis"
"""Name of the reference phases of a bench on which only cameras turn them, by numbers."""


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
    name: Title = Field(description="name of the bench")
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
