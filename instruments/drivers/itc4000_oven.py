"""An oven or a cooler on the temperature controller of a Thorlabs ITC4000."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from instruments.drivers.connected_instrument import (
    ConnectedInstrument,
    each,
    open_boxes,
    refuse_other_models,
)
from instruments.drivers.thorlabs_itc4000 import MODELS, itc4000, wait_for_temperature
from instruments.limits import Limit
from instruments.opening import OpeningRequest
from instruments.quantities import NonNegativeSeconds, PositiveKelvins
from instruments.transport.session import Session
from instruments.transport.shared_session import ConnectionSettings


class Itc4000OvenSettings(ConnectionSettings):
    """When a temperature counts as reached.

    Attributes
    ----------
    settled_within, settled_for
        How near to the target, and for how long.
    """

    settled_within: PositiveKelvins = 0.05
    settled_for: NonNegativeSeconds = 5.0


class Itc4000Oven(ConnectedInstrument):
    """Channel 2 of the box; its diode channel is left alone and may serve another instrument."""

    kind: ClassVar[str] = "temperature_controller"
    Settings: ClassVar[type[Itc4000OvenSettings]] = Itc4000OvenSettings
    models: ClassVar[tuple[str, ...]] = MODELS

    def __init__(self, request: OpeningRequest[Itc4000OvenSettings], session: Session) -> None:
        self._box = itc4000(session)
        self._box.temperature_unit = "C"
        allowed = Limit(float(self._box.lowest_target), float(self._box.highest_target), "degC")
        super().__init__(request, [session], {"temperature_celsius": allowed})
        self._own = request.settings
        self._is_to_be_on = False
        self._target: float | None = None
        self._go_safe()
        self._check_complaints()

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the controller, off.

        Raises
        ------
        InstrumentError
            If the box does not answer or is of another family.
        """
        (session,) = open_boxes(request, 1)
        try:
            refuse_other_models([session], cls.models)
            return cls(request, session)
        except BaseException:
            each([session], Session.close)
            raise

    def set_temperature_celsius(self, celsius: float) -> None:
        """Set the target; does not wait."""
        asked = self._checked("temperature_celsius", celsius)
        self._box.target = asked
        self._target = asked
        self._check_complaints()

    def target_celsius(self) -> float:
        """Ask for the target."""
        self._check_open()
        return float(self._box.target)

    def temperature_celsius(self) -> float:
        """Measure the temperature."""
        self._check_open()
        return float(self._box.temperature)

    def set_enabled(self, enabled: bool) -> None:
        """Switch the control on or off."""
        self._check_open()
        self._box.controller_on = enabled
        self._is_to_be_on = enabled
        self._check_complaints()

    def enabled(self) -> bool:
        """Return whether the control is on, as the box says."""
        self._check_open()
        return bool(self._box.controller_on)

    def wait_until_settled(self, timeout_seconds: float) -> None:
        """Return when the temperature has stayed at the target for a while."""
        self._check_open()
        own = self._own
        wait_for_temperature(
            self._box, self._sessions[0], own.settled_within, own.settled_for, timeout_seconds
        )

    def _restore(self, session: Session) -> None:
        """Tell the box its target; heating that has stopped is not begun again."""
        self._box.temperature_unit = "C"
        if self._target is not None:
            self._box.target = self._target
        if self._is_to_be_on and not self._box.controller_on:
            raise self._not_as_it_was(session)

    def _go_safe(self) -> None:
        self._is_to_be_on = False
        self._box.controller_on = False
