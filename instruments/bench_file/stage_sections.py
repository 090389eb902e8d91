"""Layers of weights and the stages that serve them: ``[network]``, ``[stages.NAME]``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StrictBool, model_validator

from instruments.bench_file.problems import SectionError
from instruments.bench_file.raster_section import RasterSection
from instruments.bench_file.section import Count, Index, Section
from instruments.quantities import PositiveFraction


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


class BlocksSection(RasterSection):
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
