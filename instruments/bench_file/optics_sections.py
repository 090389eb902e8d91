"""The light and the medium it goes through: ``[optics]``, ``[absorber]``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from instruments.bench_file.problems import SectionError
from instruments.bench_file.section import PositiveNumber, Section
from instruments.quantities import Celsius, Hertz, PositiveMetres, PositiveWatts

SHORTEST_METRES, LONGEST_METRES = 100e-9, 100e-6
"""What is called light here; a slip of units lies far outside."""


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

    @model_validator(mode="after")
    def _wavelength_of_light(self) -> Self:
        if not SHORTEST_METRES <= self.wavelength <= LONGEST_METRES:
            raise SectionError(
                f"a wavelength of {self.wavelength:g} m is not one of light; allowed are 100 nm to "
                '100 um, such as "780.241 nm"',
                "wavelength",
            )
        return self


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
