"""Quantities with units: "780.241 nm" in a file, 7.80241e-07 in the program.

Every kind of quantity has one unit in which the program holds it, named by the type: ``Volts``,
``Metres``. A pydantic model that declares ``half_wave_voltage: PositiveVolts`` takes the string
``"3.1 V"`` and gives the float 3.1; dumped as JSON it gives ``"3.1 V"`` back.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from instruments.errors import SettingsError

if TYPE_CHECKING:
    import pint
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


class QuantityError(SettingsError, ValueError):
    """A quantity has no unit, the wrong one, or a value that is not allowed.

    A ``ValueError`` too, so that pydantic gathers it with the other errors of a file.
    """


Sign = Literal["any", "non-negative", "positive"]


@dataclass(frozen=True, slots=True)
class QuantityKind:
    """A kind of quantity.

    Parameters
    ----------
    name
        What it is called: ``"voltage"``.
    unit
        The unit the program holds it in, as it is written: ``"V"``.
    example
        A value as it is written in a file: ``"1.5 V"``.
    """

    name: str
    unit: str
    example: str

    def __str__(self) -> str:
        article = "an" if self.name[0] in "aeiou" else "a"
        return f"{article} {self.name}"


VOLTAGE = QuantityKind("voltage", "V", "1.5 V")
LENGTH = QuantityKind("length", "m", "780 nm")
TIME = QuantityKind("time", "s", "26 ns")
POWER = QuantityKind("power", "W", "520 nW")
CURRENT = QuantityKind("current", "A", "150 mA")
TEMPERATURE = QuantityKind("temperature", "degC", "60 degC")
TEMPERATURE_DIFFERENCE = QuantityKind("temperature difference", "K", "0.1 K")
FREQUENCY = QuantityKind("frequency", "Hz", "6 MHz")
RATIO = QuantityKind("ratio in decibels", "dB", "30 dB")
ANGLE = QuantityKind("angle", "rad", "90 deg")
FRACTION = QuantityKind("fraction", "", "3 %")
RESISTANCE = QuantityKind("resistance", "ohm", "10 kohm")
ENERGY = QuantityKind("energy", "J", "14 pJ")
INTENSITY = QuantityKind("intensity", "W/m^2", "1.67 mW/cm^2")
RESPONSIVITY = QuantityKind("responsivity", "A/W", "0.55 A/W")
CURRENT_NOISE = QuantityKind("current noise density", "A/Hz^0.5", "10 pA/Hz^0.5")
CURRENT_RAMP = QuantityKind("current ramp", "A/s", "50 mA/s")

KINDS = (
    VOLTAGE,
    LENGTH,
    TIME,
    POWER,
    CURRENT,
    TEMPERATURE,
    TEMPERATURE_DIFFERENCE,
    FREQUENCY,
    RATIO,
    ANGLE,
    FRACTION,
    RESISTANCE,
    ENERGY,
    INTENSITY,
    RESPONSIVITY,
    CURRENT_NOISE,
    CURRENT_RAMP,
)

_NUMBER = r"[+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*([A-Za-zµμΩΩÅ°%(][A-Za-z0-9µμΩΩÅ°%_*/^().\- ]*?)?\s*")
# What a misspelt unit is compared with.
_COMMON_UNITS = (
    *(
        prefix + unit
        for unit in ("V", "m", "s", "W", "A", "K", "Hz", "rad", "ohm", "J")
        for prefix in ("", "p", "n", "u", "m", "k", "M", "G", "T")
    ),
    *("cm", "min", "deg", "degC", "dB", "dBm", "%", "W/m^2", "mW/cm^2", "A/W", "mA/s"),
)


def parse_quantity(text: object, kind: QuantityKind, sign: Sign = "any") -> float:
    """Return what ``text`` says, in ``kind.unit``.

    Parameters
    ----------
    text
        A number and a unit, ``"780.241 nm"``. Only a fraction may be a bare number.
    kind
        What is expected.
    sign
        Whether it may be negative or zero.

    Raises
    ------
    QuantityError
        If it is anything else; the message says what was found and how to write it.
    """
    value = _magnitude(text, kind)
    if not math.isfinite(value):
        raise QuantityError(f"{text!r} is not finite; expected {kind} such as {_how(kind)}")
    if sign == "positive" and value <= 0:
        found = "zero" if value == 0 else "negative"
        raise QuantityError(f"{text!r} is {found}; expected {kind} above zero such as {_how(kind)}")
    if sign == "non-negative" and value < 0:
        raise QuantityError(
            f"{text!r} is negative; expected {kind} of at least zero such as {_how(kind)}"
        )
    return value


def format_quantity(value: float, kind: QuantityKind) -> str:
    """Return ``value``, in ``kind.unit``, as a file holds it; reading it gives the same float."""
    return f"{value!r} {kind.unit}".rstrip()


def _how(kind: QuantityKind) -> str:
    return f"'{kind.example}'"


def _magnitude(text: object, kind: QuantityKind) -> float:
    """Return the number in the kind's unit, whatever its sign."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        if kind is FRACTION:
            return float(text)
        raise QuantityError(
            f"{text!r} has no unit; expected {kind}: write '{text!r} {kind.unit}' with its unit, "
            f"in quotes, such as {_how(kind)}"
        )
    if not isinstance(text, str):
        raise QuantityError(f"{text!r} is not a quantity; expected {kind} such as {_how(kind)}")
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise QuantityError(
            f"{text!r} is not a number and a unit; expected {kind} such as {_how(kind)}"
        )
    number, unit_text = float(match[1]), match[2]
    if unit_text is None:
        if kind is FRACTION:
            return number
        raise QuantityError(
            f"{text!r} has no unit; expected {kind}: write '{match[1]} {kind.unit}' with its unit, "
            f"such as {_how(kind)}"
        )
    unit = _unit(unit_text)
    if unit is None:
        near = _nearest_unit(unit_text)
        hint = f" (did you mean '{near}'?)" if near else ""
        raise QuantityError(
            f"{text!r}: the unit '{unit_text}' is not known{hint}; expected {kind} such as "
            f"{_how(kind)}"
        )
    if not _is_of_kind(unit_text, kind):
        raise QuantityError(
            f"{text!r} is {_described(unit_text)}; expected {kind} such as {_how(kind)}"
        )
    if unit_text == kind.unit:
        return number
    power = _power_of_ten(unit_text, kind.unit)
    if power is not None:
        # The nearest float to what is written: "45 us" is 4.5e-5, as in a program.
        return float(Decimal(match[1]).scaleb(power))
    return float(_registry().Quantity(number, unit).to(kind.unit).magnitude)


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry[Any]:
    """Return the process's registry of units, built when the first quantity is read."""
    import pint

    return pint.UnitRegistry(cache_folder=None)


@lru_cache(maxsize=256)
def _unit(text: str) -> pint.Unit | None:
    """Return the unit ``text`` names, or ``None`` if there is no such unit."""
    expression = re.sub(r"sqrt\(([^()]+)\)", r"((\1)**0.5)", text)
    try:
        return _registry().Unit(expression)
    except Exception:
        # The registry raises anything from its own errors to the tokenizer's for bad text.
        return None


@lru_cache(maxsize=256)
def _power_of_ten(unit_text: str, other: str) -> int | None:
    """Return ``n`` if one of a unit is ``10^n`` of another, or ``None`` if it is not."""
    if _nature(unit_text)[1] or _nature(other)[1]:
        return None
    factor = float(_registry().Quantity(1.0, _unit(unit_text)).to(other).magnitude)
    power = round(math.log10(factor))
    return power if math.isclose(factor, 10.0**power, rel_tol=1e-12) else None


def _nearest_unit(text: str) -> str | None:
    """Return the common unit that was perhaps meant; wrong capitals are the usual slip."""
    for unit in _COMMON_UNITS:
        if unit.lower() == text.lower():
            return unit
    near = difflib.get_close_matches(text, _COMMON_UNITS, n=1, cutoff=0.5)
    return near[0] if near else None


@lru_cache(maxsize=256)
def _nature(unit_text: str) -> tuple[str, str]:
    """Return what can be converted into each other: root units and the kind of scale.

    Angles keep their radian, so that rad/s never passes for Hz; decibels and temperatures that
    count from a zero of their own are natures apart.
    """
    name = str(_unit(unit_text) if unit_text else "dimensionless")
    root = str(_registry().get_root_units(name)[1])
    if name == "decibel":
        return root, "logarithmic"
    return root, "from a zero" if name in ("degree_Celsius", "degree_Fahrenheit") else ""


def _is_of_kind(unit_text: str, kind: QuantityKind) -> bool:
    if kind is TEMPERATURE and str(_unit(unit_text)) == "kelvin":
        return True
    return _nature(unit_text) == _nature(kind.unit)


def _described(unit_text: str) -> str:
    for kind in KINDS:
        if _is_of_kind(unit_text, kind):
            return str(kind)
    return f"in '{unit_text}'"


@dataclass(frozen=True, slots=True)
class Quantity:
    """Marks a float of a pydantic model as a quantity: ``Annotated[float, Quantity(VOLTAGE)]``."""

    kind: QuantityKind
    sign: Sign = "any"

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Read with ``parse_quantity``; write JSON with ``format_quantity``."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            lambda text: parse_quantity(text, self.kind, self.sign),
            serialization=core_schema.plain_serializer_function_ser_schema(
                # A fraction may stand without a unit, so it stays a number.
                lambda value: value if self.kind is FRACTION else format_quantity(value, self.kind),
                when_used="json",
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Tell an editor that a string is expected, and how it looks."""
        limit = {"any": "", "non-negative": ", at least zero", "positive": ", above zero"}[
            self.sign
        ]
        return {
            "type": ["string", "number"] if self.kind is FRACTION else "string",
            "description": f"{str(self.kind).capitalize()}{limit}, such as {_how(self.kind)}.",
            "examples": [self.kind.example],
        }


Volts = Annotated[float, Quantity(VOLTAGE)]
NonNegativeVolts = Annotated[float, Quantity(VOLTAGE, "non-negative")]
PositiveVolts = Annotated[float, Quantity(VOLTAGE, "positive")]
Metres = Annotated[float, Quantity(LENGTH)]
NonNegativeMetres = Annotated[float, Quantity(LENGTH, "non-negative")]
PositiveMetres = Annotated[float, Quantity(LENGTH, "positive")]
Seconds = Annotated[float, Quantity(TIME)]
NonNegativeSeconds = Annotated[float, Quantity(TIME, "non-negative")]
PositiveSeconds = Annotated[float, Quantity(TIME, "positive")]
Watts = Annotated[float, Quantity(POWER)]
NonNegativeWatts = Annotated[float, Quantity(POWER, "non-negative")]
PositiveWatts = Annotated[float, Quantity(POWER, "positive")]
Amperes = Annotated[float, Quantity(CURRENT)]
NonNegativeAmperes = Annotated[float, Quantity(CURRENT, "non-negative")]
PositiveAmperes = Annotated[float, Quantity(CURRENT, "positive")]
Celsius = Annotated[float, Quantity(TEMPERATURE)]
Kelvins = Annotated[float, Quantity(TEMPERATURE_DIFFERENCE)]
NonNegativeKelvins = Annotated[float, Quantity(TEMPERATURE_DIFFERENCE, "non-negative")]
PositiveKelvins = Annotated[float, Quantity(TEMPERATURE_DIFFERENCE, "positive")]
Hertz = Annotated[float, Quantity(FREQUENCY)]
NonNegativeHertz = Annotated[float, Quantity(FREQUENCY, "non-negative")]
PositiveHertz = Annotated[float, Quantity(FREQUENCY, "positive")]
Decibels = Annotated[float, Quantity(RATIO)]
NonNegativeDecibels = Annotated[float, Quantity(RATIO, "non-negative")]
Radians = Annotated[float, Quantity(ANGLE)]
NonNegativeRadians = Annotated[float, Quantity(ANGLE, "non-negative")]
PositiveRadians = Annotated[float, Quantity(ANGLE, "positive")]
Fraction = Annotated[float, Quantity(FRACTION)]
NonNegativeFraction = Annotated[float, Quantity(FRACTION, "non-negative")]
PositiveFraction = Annotated[float, Quantity(FRACTION, "positive")]
PositiveOhms = Annotated[float, Quantity(RESISTANCE, "positive")]
PositiveJoules = Annotated[float, Quantity(ENERGY, "positive")]
PositiveWattsPerSquareMetre = Annotated[float, Quantity(INTENSITY, "positive")]
PositiveAmperesPerWatt = Annotated[float, Quantity(RESPONSIVITY, "positive")]
NonNegativeAmperesPerRootHertz = Annotated[float, Quantity(CURRENT_NOISE, "non-negative")]
PositiveAmperesPerSecond = Annotated[float, Quantity(CURRENT_RAMP, "positive")]
