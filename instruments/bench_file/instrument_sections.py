"""The instruments and how they are made safe: ``[instruments.NAME]``, ``[safe_state]``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    FieldSerializationInfo,
    ValidationInfo,
    WithJsonSchema,
    field_serializer,
    field_validator,
    model_validator,
)

from instruments.bench_file.limited_quantities import LIMITED_QUANTITIES, read_limits, write_limits
from instruments.bench_file.problems import SectionError, listed, nearest, shown
from instruments.bench_file.section import Section
from instruments.limits import Limit
from instruments.quantities import PositiveSeconds


def kind_in_words(kind: str) -> str:
    """Return a kind as files and messages write it."""
    return kind.replace("_", " ")


def _kind(text: object) -> object:
    """Files write kinds in words, the program as identifiers."""
    kind = text.replace(" ", "_") if isinstance(text, str) else None
    if kind not in LIMITED_QUANTITIES:
        words = [kind_in_words(known) for known in LIMITED_QUANTITIES]
        hint = nearest(text, words) if isinstance(text, str) else ""
        raise ValueError(f"found {shown(text)}; allowed: {listed(words)}{hint}")
    return kind


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
    WithJsonSchema({"enum": [kind_in_words(kind) for kind in LIMITED_QUANTITIES]}),
]

Limits = Annotated[dict[str, Limit], WithJsonSchema({"type": "object"})]


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
