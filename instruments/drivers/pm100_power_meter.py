"""Thorlabs PM100 family of power meters, by PyMeasure's own class."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

from pymeasure.instruments import Instrument
from pymeasure.instruments.thorlabs import ThorlabsPM100USB

from instruments.drivers.connected_instrument import (
    ConnectedInstrument,
    each,
    open_boxes,
    refuse_other_models,
)
from instruments.errors import InstrumentError
from instruments.limits import Limit, check_value
from instruments.opening import OpeningRequest
from instruments.quantities import PositiveWatts
from instruments.transport.pymeasure_adapter import SessionAdapter
from instruments.transport.session import Session
from instruments.transport.shared_session import ConnectionSettings

MODELS = ("PM100", "PM101", "PM102", "PM103", "PM16", "PM200", "PM400")
OVERLOAD_WATTS = 9e37
"""SCPI's infinity is 9.9e37; the meter answers with it when its sensor is overloaded."""

_AVERAGES = Limit(1, math.inf, "readings")


class Pm100Settings(ConnectionSettings):
    """A meter with its sensor.

    Attributes
    ----------
    highest
        The most the sensor may take; more is an overload.
    """

    highest: PositiveWatts = 0.5


class _Meter(ThorlabsPM100USB):  # type: ignore[misc]  # PyMeasure comes without types
    """PyMeasure's class, which warns that it may not be SCPI; it is."""

    def __init__(self, adapter: Any, name: str) -> None:
        Instrument.__init__(self, adapter, name, includeSCPI=False)
        self._set_flags()


class Pm100PowerMeter(ConnectedInstrument):
    """One meter."""

    kind: ClassVar[str] = "power_meter"
    Settings: ClassVar[type[Pm100Settings]] = Pm100Settings
    models: ClassVar[tuple[str, ...]] = MODELS

    def __init__(self, request: OpeningRequest[Pm100Settings], session: Session) -> None:
        self._session = session
        try:
            with session:
                self._meter = _Meter(SessionAdapter(session), session.name)
                shortest = 1e-9 * float(self._meter.wavelength_min)
                longest = 1e-9 * float(self._meter.wavelength_max)
        except (OSError, ValueError, IndexError) as error:
            raise InstrumentError(
                f"{session.name} ({session.address}): {error}; check that a sensor is plugged in"
            ) from error
        super().__init__(
            request,
            [session],
            {
                "wavelength_metres": Limit(shortest, longest, "m"),
                "power_watts": Limit(0.0, request.settings.highest, "W"),
            },
        )
        session.write("SENS:POW:RANG:AUTO ON")
        session.write("SENS:POW:UNIT W")
        self.set_wavelength_metres(request.bench.optics.wavelength)

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the meter, set to the bench's wavelength.

        Raises
        ------
        InstrumentError
            If it does not answer, is something else, has no sensor, or cannot be set to that
            wavelength.
        """
        (session,) = open_boxes(request, 1)
        try:
            refuse_other_models([session], cls.models)
            return cls(request, session)
        except BaseException:
            each([session], Session.close)
            raise

    def wavelength_metres(self) -> float:
        """Ask for the wavelength the reading is corrected for."""
        self._check_open()
        with self._session:
            return 1e-9 * self._number(self._meter.wavelength)

    def set_wavelength_metres(self, metres: float) -> None:
        """Set the wavelength the reading is corrected for."""
        asked = self._checked("wavelength_metres", metres)
        with self._session:
            # Ten decimals of a nanometre: to the last digit of what was asked.
            self._meter.wavelength = round(1e9 * asked, 10)
            self._session.check_errors()
        self._wavelength_metres = asked

    def read_watts(self, averages: int = 1) -> float:
        """Return the mean of ``averages`` readings."""
        self._check_open()
        count = int(check_value(self.name, "averages", averages, _AVERAGES))
        highest = self._limits["power_watts"].high
        watts = 0.0
        for _ in range(count):
            with self._session:
                reading = self._number(self._meter.power)
            if reading > min(highest, OVERLOAD_WATTS):
                raise InstrumentError(
                    f"{self.name}: overloaded at {reading:.3g} W; it takes at most {highest:g} W: "
                    "attenuate the light"
                )
            watts += reading / count
        return watts

    def _number(self, reading: object) -> float:
        if isinstance(reading, str):
            raise self._session.garbled(reading, "a number")
        # PyMeasure gives text that is no number back as it is, and a number otherwise.
        return float(reading)  # type: ignore[arg-type]  # it is a number now

    def _restore(self, session: Session) -> None:
        """Set a meter that was lost as it was: it would weigh light of another wavelength."""
        session.write("SENS:POW:RANG:AUTO ON")
        session.write("SENS:POW:UNIT W")
        self.set_wavelength_metres(self._wavelength_metres)

    def _go_safe(self) -> None:
        """Stay as it is: a meter harms nobody."""
