"""Optical amplifiers on Thorlabs ITC4000 boxes, one for each channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from instruments.drivers.connected_instrument import (
    ConnectedInstrument,
    check_box_count,
    each,
    open_boxes,
    refuse_other_models,
)
from instruments.drivers.thorlabs_itc4000 import (
    MODELS,
    Itc4000,
    itc4000,
    ramp,
    switch_diode_on,
    wait_for_temperature,
)
from instruments.limits import Limit
from instruments.opening import OpeningRequest
from instruments.quantities import (
    RATIO,
    Celsius,
    NonNegativeSeconds,
    PositiveAmperes,
    PositiveAmperesPerSecond,
    PositiveKelvins,
    PositiveSeconds,
    PositiveWatts,
    Quantity,
)
from instruments.transport.session import Session
from instruments.transport.shared_session import ConnectionSettings

Readings = npt.NDArray[np.float64]


class Itc4000AmplifierSettings(ConnectionSettings):
    """Current and temperature of semiconductor optical amplifiers, and their data sheet.

    Attributes
    ----------
    channels
        How many there are; as many boxes are needed.
    transparency_current, scale_current, highest_gain, saturation_power
        The data sheet's curve, from which nominal tables are made:
        ``gain[dB] = highest_gain (1 - exp(-(I - transparency_current) / scale_current))``.
    current_limit
        Never more than this, whatever limit is set on the boxes.
    ramp
        How fast the current is moved at most.
    temperature
        Of the chips, held by the boxes' controllers before any current flows.
    settled_within, settled_for, settling_timeout
        How near to it, for how long, and how long that may take.
    """

    channels: Annotated[int, Field(strict=True, ge=1)] = 1
    transparency_current: PositiveAmperes = 20e-3
    scale_current: PositiveAmperes = 60e-3
    highest_gain: Annotated[float, Quantity(RATIO, "positive")] = 30.0
    saturation_power: PositiveWatts | None = None
    current_limit: PositiveAmperes = 0.2
    ramp: PositiveAmperesPerSecond = 1.0
    temperature: Celsius = 25.0
    settled_within: PositiveKelvins = 0.1
    settled_for: NonNegativeSeconds = 1.0
    settling_timeout: PositiveSeconds = 120.0


class Itc4000Amplifier(ConnectedInstrument):
    """Amplifiers, a box each. The limit set on a box is read before anything else is sent to it."""

    kind: ClassVar[str] = "optical_amplifier"
    Settings: ClassVar[type[Itc4000AmplifierSettings]] = Itc4000AmplifierSettings
    models: ClassVar[tuple[str, ...]] = MODELS

    def __init__(
        self, request: OpeningRequest[Itc4000AmplifierSettings], sessions: list[Session]
    ) -> None:
        own = request.settings
        self._boxes = [itc4000(session) for session in sessions]
        lowest = min(float(box.current_limit) for box in self._boxes)
        limit = Limit(0.0, min(lowest, own.current_limit), "A")
        super().__init__(request, sessions, {"current_amperes": limit})
        self.channels = len(self._boxes)
        self.ramp_amperes_per_second = own.ramp
        self._own = own
        self._wanted = np.zeros(self.channels)
        self._is_to_be_on = False
        self._go_safe()
        for box in self._boxes:
            self._configure(box)
        self._check_complaints()

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the amplifiers, disabled and at no current.

        Raises
        ------
        InstrumentError
            If a box does not answer, is of another family or refuses its settings.
        """
        check_box_count(request, request.settings.channels, 1)
        sessions = open_boxes(request)
        try:
            refuse_other_models(sessions, cls.models)
            return cls(request, sessions)
        except BaseException:
            each(sessions, Session.close)
            raise

    def current_limits_amperes(self) -> Readings:
        """Return the limits ``[channels]`` set on the boxes."""
        self._check_open()
        return self._ask("current_limit")

    def set_currents_amperes(self, amperes: npt.NDArray[np.floating]) -> None:
        """Ramp to currents ``[channels]``; errors as of the interface."""
        asked = self._checked_channels("current_amperes", amperes, self.channels)
        if self.enabled():
            self._ramp(self._wanted, asked)
            self._check_complaints()
        self._wanted = asked

    def currents_amperes(self) -> Readings:
        """Measure the currents ``[channels]``."""
        self._check_open()
        return self._ask("measured_current")

    def temperatures_celsius(self) -> Readings:
        """Measure the chips' temperatures ``[channels]``."""
        self._check_open()
        return self._ask("temperature")

    def powers_watts(self) -> Readings:
        """Return NaN ``[channels]``: amplifiers have no monitor diode on these boxes."""
        self._check_open()
        return np.full(self.channels, np.nan)

    def set_enabled(self, enabled: bool) -> None:
        """Temperatures first, then currents; or currents to zero, then off."""
        self._check_open()
        if not enabled:
            self._is_to_be_on = False
            self._switch_off()
            return
        if self.enabled():
            return
        own = self._own
        for box in self._boxes:
            box.controller_on = True
        for box, session in zip(self._boxes, self._sessions, strict=True):
            wait_for_temperature(
                box, session, own.settled_within, own.settled_for, own.settling_timeout
            )
        nothing = np.zeros(self.channels)
        for box, session in zip(self._boxes, self._sessions, strict=True):
            box.current = 0.0
            switch_diode_on(box, session)
        self._is_to_be_on = True
        self._ramp(nothing, self._wanted)
        self._check_complaints()

    def enabled(self) -> bool:
        """Return whether current can flow in any of them."""
        self._check_open()
        return any(box.diode_on for box in self._boxes)

    def _configure(self, box: Itc4000) -> None:
        box.temperature_unit = "C"
        box.target = self._own.temperature

    def _restore(self, session: Session) -> None:
        """Tell a box its temperature; current that has gone is not brought back."""
        box = self._boxes[self._sessions.index(session)]
        self._configure(box)
        if self._is_to_be_on and not box.diode_on:
            raise self._not_as_it_was(session)

    def _ask(self, reading: str) -> Readings:
        return np.array([float(getattr(box, reading)) for box in self._boxes])

    def _ramp(self, begin: Readings, end: Readings) -> None:
        ramp(self._boxes, begin, end, self._own.ramp, self._clock)

    def _switch_off(self) -> None:
        """Ramp down whatever flows, also what somebody else has set, and switch off.

        A box that does not answer keeps no other one from being ramped down.
        """
        lit: list[Itc4000] = []
        flowing: list[float] = []

        def look(box: Itc4000) -> None:
            if box.diode_on:
                flowing.append(float(box.current))
                lit.append(box)

        def ramp_down() -> None:
            nothing = np.zeros(len(lit))
            ramp(lit, np.array(flowing), nothing, self._own.ramp, self._clock)

        steps: tuple[Callable[[], None], ...] = (
            lambda: each(self._boxes, look),
            ramp_down,
            lambda: each(self._boxes, _off),
        )
        each(steps, _take)

    def _go_safe(self) -> None:
        self._wanted = np.zeros(self.channels)
        self._is_to_be_on = False
        self._switch_off()


def _take(step: Callable[[], None]) -> None:
    step()


def _off(box: Itc4000) -> None:
    box.diode_on = False
    box.current = 0.0
