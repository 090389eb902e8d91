"""How mirror devices show numbers: ``[mirrors.NAME]``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from instruments.bench_file.problems import SectionError
from instruments.bench_file.raster_section import RasterSection
from instruments.bench_file.section import Count, Index, PositiveNumber, Section


class MirrorBlocksSection(RasterSection):
    """Where the neurons lie on a mirror device: a block each, row by row from the first."""

    rows: Count = Field(description="blocks down")
    columns: Count = Field(description="blocks across")
    height: Count = Field(description="mirrors of a block down")
    width: Count = Field(description="mirrors of a block across, whole periods of a carrier")
    origin_row: Index = Field(default=0, description="row of mirrors at which the first block is")
    origin_column: Index = Field(
        default=0, description="column of mirrors at which the first block is"
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
