"""Which quantities of which kind of instrument a bench file can limit, and how it writes them.

The names are those of ``Instrument.limits()``; each interface lists its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from instruments.bench_file.problems import SectionError, listed, nearest, shown
from instruments.limits import Limit
from instruments.quantities import (
    CURRENT,
    FREQUENCY,
    LENGTH,
    POWER,
    TEMPERATURE,
    TIME,
    VOLTAGE,
    QuantityError,
    QuantityKind,
    Sign,
    format_quantity,
    parse_quantity,
)


@dataclass(frozen=True, slots=True)
class LimitedQuantity:
    """A quantity that is set on an instrument.

    Parameters
    ----------
    kind
        What is measured; ``None`` for something that is counted.
    sign
        Whether it may be negative or zero.
    counted
        What is counted, as limits of instruments name it.
    """

    kind: QuantityKind | None
    sign: Sign = "any"
    counted: str = ""

    @property
    def unit(self) -> str:
        """The unit of its limits."""
        return self.kind.unit if self.kind else self.counted

    def read(self, value: object) -> float:
        """Return a bound as a file writes it, in ``unit``; ``ValueError`` if it cannot be one."""
        if self.kind is not None:
            return parse_quantity(value, self.kind, self.sign)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"found {shown(value)}; a whole number without quotes is expected")
        if value < 0:
            raise ValueError(f"{value} is negative; a number of {self.counted} is expected")
        return float(value)

    def write(self, bound: float) -> str | int:
        """Return a bound as a file writes it."""
        return format_quantity(bound, self.kind) if self.kind else round(bound)


_SHOTS = LimitedQuantity(None, counted="shots")

LIMITED_QUANTITIES: Mapping[str, Mapping[str, LimitedQuantity]] = MappingProxyType(
    {
        "spatial_light_modulator": {"level": LimitedQuantity(None, counted="grey levels")},
        "mirror_device": {
            "shots": _SHOTS,
            "picture_seconds": LimitedQuantity(TIME, "positive"),
        },
        "modulator_array": {"shots": _SHOTS, "volts": LimitedQuantity(VOLTAGE)},
        "photodetector_array": {"shots": _SHOTS},
        "camera": {"shots": _SHOTS, "exposure_seconds": LimitedQuantity(TIME, "positive")},
        "power_meter": {
            "wavelength_metres": LimitedQuantity(LENGTH, "positive"),
            "power_watts": LimitedQuantity(POWER, "non-negative"),
        },
        "optical_amplifier": {"current_amperes": LimitedQuantity(CURRENT, "non-negative")},
        "laser": {
            "detuning_hertz": LimitedQuantity(FREQUENCY),
            "power_watts": LimitedQuantity(POWER, "non-negative"),
        },
        "shutter": {},
        "reference_phase": {"volts": LimitedQuantity(VOLTAGE)},
        "temperature_controller": {"temperature_celsius": LimitedQuantity(TEMPERATURE)},
        "phase_shifter_array": {
            "heater_watts": LimitedQuantity(POWER, "non-negative"),
            "total_watts": LimitedQuantity(POWER, "non-negative"),
        },
        "trigger_source": {
            "shots": _SHOTS,
            "period_seconds": LimitedQuantity(TIME, "positive"),
        },
    }
)


def read_limits(instrument_kind: str, table: object) -> dict[str, Limit]:
    """Return the limits of a table such as ``{ volts = ["-5 V", "5 V"] }``.

    Raises
    ------
    SectionError
        If a quantity cannot be limited on this kind of instrument or its bounds are not two
        values of its unit, the lower one first.
    """
    if not isinstance(table, Mapping):
        raise SectionError(f"found {shown(table)}; a table is expected")
    known = LIMITED_QUANTITIES[instrument_kind]
    return {quantity: _limit(quantity, pair, known) for quantity, pair in table.items()}


def write_limits(instrument_kind: str, limits: Mapping[str, Limit]) -> dict[str, list[str | int]]:
    """Return the table ``read_limits`` would read."""
    known = LIMITED_QUANTITIES[instrument_kind]
    return {
        quantity: [known[quantity].write(limit.low), known[quantity].write(limit.high)]
        for quantity, limit in limits.items()
    }


def _limit(quantity: str, pair: object, known: Mapping[str, LimitedQuantity]) -> Limit:
    if quantity not in known:
        raise SectionError(
            f"no such limit; this kind of instrument has: {listed(known)}"
            f"{nearest(quantity, known)}",
            quantity,
        )
    if isinstance(pair, Limit):
        return pair
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        raise SectionError(
            f"found {shown(pair)}; the lowest and the highest value allowed are expected, in "
            "square brackets",
            quantity,
        )
    bounds = []
    for index, value in enumerate(pair):
        try:
            bounds.append(known[quantity].read(value))
        except (ValueError, QuantityError) as error:
            raise SectionError(str(error), quantity, index) from error
    low, high = bounds
    if low > high:
        raise SectionError(
            f"the lower bound {shown(pair[0])} is above the upper one {shown(pair[1])}; the lowest "
            "value allowed comes first",
            quantity,
        )
    return Limit(low, high, known[quantity].unit)
