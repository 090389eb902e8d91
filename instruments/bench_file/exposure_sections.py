"""How shots are timed and which light they are taken in: ``[exposure]``, ``[arms]``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StrictBool, model_validator

from instruments.bench_file.problems import SectionError
from instruments.bench_file.section import Section
from instruments.quantities import PositiveSeconds


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
