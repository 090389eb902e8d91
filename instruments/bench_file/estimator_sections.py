"""How signed fields are had from what a bank of taps reads: ``[taps.NAME]``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from instruments.bench_file.raster_section import RasterSection
from instruments.bench_file.section import Count, Index, PositiveNumber, Section
from instruments.interfaces.camera import Region

Frequency = Annotated[float, Field(strict=True, gt=-0.5, lt=0.5)]


class RegionsSection(RasterSection):
    """Where the neurons' spots lie on a camera: a region each, row by row from the first."""

    rows: Count = Field(description="regions down")
    columns: Count = Field(description="regions across")
    height: Annotated[int, Field(strict=True, ge=3)] = Field(description="pixels of a region down")
    width: Annotated[int, Field(strict=True, ge=3)] = Field(description="pixels of a region across")
    origin_row: Index = Field(default=0, description="row of pixels at which the first region is")
    origin_column: Index = Field(
        default=0, description="column of pixels at which the first region is"
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
