"""Model of a Thorlabs PM100 power meter with a photodiode sensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from instruments.errors import InstrumentError
from instruments.opening import OpeningRequest
from sim_backends.simulated.power_meter import SimulatedPowerMeter
from sim_backends.wire.scpi_model import Reply, ScpiModel, exponent, scpi, switch, value_in
from sim_backends.wire.scpi_syntax import Argument
from sim_backends.wire.wire_models import WireModel

SHORTEST_NANOMETRES, LONGEST_NANOMETRES = 400.0, 1100.0
OVERLOAD = 9.9e37
# A power sensor whose wavelength can be set (manual of the PM100D, flags of SYST:SENS:IDN?).
POWER_SENSOR, WAVELENGTH_SETTABLE = 1, 32


class Pm100Model(ScpiModel):
    """A meter in the light its simulated instrument stands in."""

    maker: ClassVar[str] = "Thorlabs"
    model: ClassVar[str] = "PM100D"
    firmware: ClassVar[str] = "2.4.0"

    def __init__(self, name: str, serial: str, clock: Any) -> None:
        self.meter: SimulatedPowerMeter | None = None
        super().__init__(name, serial, clock)

    def reset(self) -> None:
        """Go to the default settings."""
        self._nanometres = 635.0
        self._automatic = True
        self._highest_watts = 0.5
        self._averages = 1
        self._unit = "W"
        self._latest = 0.0

    @scpi("SYSTem:SENSor:IDN?")
    def _sensor(self) -> Reply:
        return f"S130C,{self.serial[-6:]},21-SEP-2021,1,3,{POWER_SENSOR + WAVELENGTH_SETTABLE}"

    @scpi("[SENSe]:CORRection:WAVelength")
    def _set_wavelength(self, nanometres: Argument) -> Reply:
        self._nanometres = value_in(nanometres, SHORTEST_NANOMETRES, LONGEST_NANOMETRES)
        return None

    @scpi("[SENSe]:CORRection:WAVelength?")
    def _get_wavelength(self, *which: Argument) -> Reply:
        if which:
            return exponent(value_in(which[0], SHORTEST_NANOMETRES, LONGEST_NANOMETRES))
        return exponent(self._nanometres)

    @scpi("[SENSe]:AVERage:COUNt")
    def _set_averages(self, count: Argument) -> Reply:
        self._averages = int(value_in(count, 1, 3000))
        return None

    @scpi("[SENSe]:AVERage:COUNt?")
    def _get_averages(self) -> Reply:
        return str(self._averages)

    @scpi("[SENSe]:POWer[:DC]:RANGe:AUTO")
    def _set_automatic(self, state: Argument) -> Reply:
        self._automatic = switch(state)
        return None

    @scpi("[SENSe]:POWer[:DC]:RANGe:AUTO?")
    def _get_automatic(self) -> Reply:
        return str(int(self._automatic))

    @scpi("[SENSe]:POWer[:DC]:RANGe[:UPPer]")
    def _set_range(self, watts: Argument) -> Reply:
        self._highest_watts = value_in(watts, 5e-9, 0.5)
        self._automatic = False
        return None

    @scpi("[SENSe]:POWer[:DC]:RANGe[:UPPer]?")
    def _get_range(self, *which: Argument) -> Reply:
        return exponent(self._highest_watts)

    @scpi("[SENSe]:POWer[:DC]:UNIT")
    def _set_unit(self, unit: Argument) -> Reply:
        self._unit = str(unit).upper()
        return None

    @scpi("[SENSe]:POWer[:DC]:UNIT?")
    def _get_unit(self) -> Reply:
        return self._unit

    @scpi("[SENSe]:CORRection:COLLect:ZERO[:INITiate]")
    def _zero(self) -> Reply:
        self.busy_for(1.0)
        return None

    @scpi("CONFigure[:SCALar]:POWer", "INITiate[:IMMediate]", "ABORt")
    def _configure(self) -> Reply:
        return None

    @scpi("MEASure[:SCALar][:POWer]?", "READ?")
    def _measure(self) -> Reply:
        self._latest = self._watts()
        return exponent(self._latest)

    @scpi("FETCh?")
    def _fetch(self) -> Reply:
        return exponent(self._latest)

    def _watts(self) -> float:
        if self.meter is None:
            return 0.0
        try:
            watts = self.meter.read_watts(self._averages)
        except InstrumentError:
            return OVERLOAD
        return OVERLOAD if not self._automatic and watts > self._highest_watts else watts


def _hang_meter(request: OpeningRequest[Any], boxes: Sequence[Pm100Model]) -> None:
    (box,) = boxes
    box.meter = SimulatedPowerMeter(request)


METER = WireModel(Pm100Model, _hang_meter)
