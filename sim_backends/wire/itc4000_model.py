"""Model of a Thorlabs ITC4000: current source, temperature controller, protections."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from instruments.bench_file.problems import validate_section
from instruments.drivers.itc4000_laser import Itc4000LaserSettings
from instruments.opening import OpeningRequest
from sim_backends.simulated.settings import TemperatureControllerSettings
from sim_backends.simulated.temperature_controller import SimulatedTemperatureController
from sim_backends.simulated.trigger_line import shared_trigger_line
from sim_backends.simulated.twin_of_bench import main_laser, shared_twin
from sim_backends.wire.connectors import AmplifierChips, TemperaturePlant
from sim_backends.wire.scpi_model import (
    Reply,
    ScpiModel,
    asked,
    exponent,
    scpi,
    settings_conflict,
    short_form,
    switch,
    value_in,
)
from sim_backends.wire.scpi_syntax import Argument
from sim_backends.wire.wire_models import WireModel

HIGHEST_CURRENT_AMPERES = 1.0
LOWEST_CELSIUS, HIGHEST_CELSIUS = -55.0, 150.0
AMBIENT_CELSIUS = 25.0


class Itc4000Model(ScpiModel):
    """Channel 1 is the diode, channel 2 its temperature.

    Attributes
    ----------
    plant
        Whose temperature it holds; nothing, at first.
    load
        Told the current and whether it flows whenever that changes.
    limit_amperes
        As the box's potentiometer has it.
    interlock_closed
        Whether the diode may be switched on.
    """

    maker: ClassVar[str] = "Thorlabs"
    model: ClassVar[str] = "ITC4001"
    firmware: ClassVar[str] = "1.8.0/1.5.0/2.3.0"

    def __init__(self, name: str, serial: str, clock: Any) -> None:
        self.plant: TemperaturePlant | None = None
        self.load: Callable[[float, bool], None] | None = None
        self.limit_amperes = HIGHEST_CURRENT_AMPERES
        self.interlock_closed = True
        super().__init__(name, serial, clock)

    def reset(self) -> None:
        """Switch everything off."""
        self._amperes = 0.0
        self._diode_on = False
        self._target = AMBIENT_CELSIUS
        self._controls = False
        self._mode = "CURR"
        self._tell()
        if self.plant is not None:
            self.plant.set_enabled(False)

    def _tell(self) -> None:
        if self.load is not None:
            self.load(self._amperes, self._diode_on)

    @scpi("SOURce#:CURRent[:LEVel][:IMMediate][:AMPLitude]")
    def _set_current(self, channel: int, amperes: Argument) -> Reply:
        self._amperes = value_in(amperes, 0.0, self.limit_amperes)
        self._tell()
        return None

    @scpi("SOURce#:CURRent[:LEVel][:IMMediate][:AMPLitude]?")
    def _get_current(self, channel: int, *which: Argument) -> Reply:
        return asked(which, self._amperes, 0.0, self.limit_amperes)

    @scpi("SOURce#:CURRent:LIMit[:AMPLitude]")
    def _set_limit(self, channel: int, amperes: Argument) -> Reply:
        if self._diode_on:
            raise settings_conflict("diode is on")
        self.limit_amperes = value_in(amperes, 0.0, HIGHEST_CURRENT_AMPERES)
        self._amperes = min(self._amperes, self.limit_amperes)
        return None

    @scpi("SOURce#:CURRent:LIMit[:AMPLitude]?")
    def _get_limit(self, channel: int, *which: Argument) -> Reply:
        return asked(which, self.limit_amperes, 0.0, HIGHEST_CURRENT_AMPERES)

    @scpi("SOURce#:CURRent:LIMit:TRIPped?")
    def _at_limit(self, channel: int) -> Reply:
        return str(int(self._diode_on and self._amperes >= self.limit_amperes))

    @scpi("SOURce#:FUNCtion[:MODE]")
    def _set_mode(self, channel: int, mode: Argument) -> Reply:
        if channel == 1:
            self._mode = short_form(mode, "CURRent", "POWer")
        else:
            short_form(mode, "TEMPerature", "CURRent")
        return None

    @scpi("SOURce#:FUNCtion[:MODE]?")
    def _get_mode(self, channel: int) -> Reply:
        return self._mode if channel == 1 else "TEMP"

    @scpi("SOURce#:TEMPerature[:SPOint]")
    def _set_target(self, channel: int, celsius: Argument) -> Reply:
        self._target = value_in(celsius, LOWEST_CELSIUS, HIGHEST_CELSIUS)
        if self.plant is not None:
            self.plant.set_temperature_celsius(self._target)
        return None

    @scpi("SOURce#:TEMPerature[:SPOint]?")
    def _get_target(self, channel: int, *which: Argument) -> Reply:
        return asked(which, self._target, LOWEST_CELSIUS, HIGHEST_CELSIUS)

    @scpi("OUTPut#[:STATe]")
    def _switch(self, channel: int, state: Argument) -> Reply:
        on = switch(state)
        if channel == 2:
            self._controls = on
            if self.plant is not None:
                self.plant.set_temperature_celsius(self._target)
                self.plant.set_enabled(on)
            return None
        if on and not self.interlock_closed:
            raise settings_conflict("interlock open")
        self._diode_on = on
        self._tell()
        return None

    @scpi("OUTPut#[:STATe]?")
    def _is_on(self, channel: int) -> Reply:
        return str(int(self._controls if channel == 2 else self._diode_on))

    @scpi("OUTPut#:PROTection:INTLock:TRIPped?", "OUTPut#:PROTection:INTL:TRIP?")
    def _interlock_open(self, channel: int) -> Reply:
        return str(int(not self.interlock_closed))

    @scpi("OUTPut#:PROTection:KEYLock:TRIPped?")
    def _key_turned_off(self, channel: int) -> Reply:
        return "0"

    @scpi("MEASure[:SCALar]:CURRent#[:DC]?")
    def _measure_current(self, channel: int) -> Reply:
        return exponent(self._amperes if channel == 1 and self._diode_on else 0.0)

    @scpi("MEASure[:SCALar]:VOLTage#[:DC]?")
    def _measure_voltage(self, channel: int) -> Reply:
        return exponent(1.5 + 2.0 * self._amperes if self._diode_on else 0.0)

    @scpi("MEASure[:SCALar]:TEMPerature?")
    def _measure_temperature(self) -> Reply:
        celsius = AMBIENT_CELSIUS if self.plant is None else self.plant.temperature_celsius()
        return exponent(celsius)

    @scpi("UNIT:TEMPerature")
    def _set_unit(self, unit: Argument) -> Reply:
        short_form(unit, "C", "CEL")
        return None

    @scpi("UNIT:TEMPerature?")
    def _get_unit(self) -> Reply:
        return "CEL"


class LaserDiode:
    """A diode whose light is the twin's, if it is the bench's main laser.

    Its temperature sets the frequency and the current above the threshold the power, as the
    settings of its driver have it.
    """

    def __init__(self, request: OpeningRequest[Any], own: Itc4000LaserSettings) -> None:
        self._twin = shared_twin(request)
        self._own = own
        self._lights_twin = main_laser(request.bench) == request.name
        self._plant = cooler(request)
        self._amperes, self._on = 0.0, False
        self._told: tuple[bool, float, float] | None = None
        shared_trigger_line(request).outputs[request.name] = self

    @property
    def plant(self) -> TemperaturePlant:
        """The diode and its cooler."""
        return self._plant

    def drive(self, amperes: float, on: bool) -> None:
        """Let a current flow."""
        self._amperes, self._on = amperes, on

    def before_shots(self, shots: int) -> None:
        """Tell the twin how it shines."""
        own = self._own
        away = self._plant.temperature_celsius() - own.line_temperature
        if self._amperes == own.current_at_power:
            relative = 1.0
        else:
            span = own.current_at_power - own.threshold_current
            relative = max(0.0, self._amperes - own.threshold_current) / span
        now = (self._on and relative > 0, away * own.hertz_per_kelvin, relative)
        if self._lights_twin and now != self._told:
            self._told = now
            emits, detuning, power = now
            self._twin.set_laser(enabled=emits, detuning_hertz=detuning, relative_power=power)


def cooler(request: OpeningRequest[Any]) -> SimulatedTemperatureController:
    """Return a chip on its cooler, which relaxes within a second."""
    return SimulatedTemperatureController(
        dataclasses.replace(
            request,
            name=f"cooler of {request.name}",
            settings=TemperatureControllerSettings.model_validate(
                {
                    "lowest": f"{LOWEST_CELSIUS} degC",
                    "highest": f"{HIGHEST_CELSIUS} degC",
                    "settled_within": "1 mK",
                }
            ),
            limits={},
        )
    )


def _hang_amplifiers(request: OpeningRequest[Any], boxes: Sequence[Itc4000Model]) -> None:
    chips = AmplifierChips(request, len(boxes))

    def current_into(channel: int) -> Callable[[float, bool], None]:
        return lambda amperes, on: chips.drive(channel, amperes, on)

    for channel, box in enumerate(boxes):
        box.load = current_into(channel)
        box.limit_amperes = min(HIGHEST_CURRENT_AMPERES, request.settings.current_limit)
        if box.plant is None:
            box.plant = cooler(request)


def _hang_laser(request: OpeningRequest[Any], boxes: Sequence[Itc4000Model]) -> None:
    (box,) = boxes
    section = request.bench.instruments[request.name]
    key = f"instruments.{request.name}.settings"
    own = validate_section(request.bench.origin, Itc4000LaserSettings, section.settings, key)
    diode = LaserDiode(request, own)
    box.plant, box.load = diode.plant, diode.drive


def _hang_oven(request: OpeningRequest[Any], boxes: Sequence[Itc4000Model]) -> None:
    (box,) = boxes
    box.plant = SimulatedTemperatureController(request)


AMPLIFIER = WireModel(Itc4000Model, _hang_amplifiers)
LASER = WireModel(Itc4000Model, _hang_laser)
OVEN = WireModel(Itc4000Model, _hang_oven)
