"""Temperature controller: an absorber cell's oven or a cooler."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from instruments.interfaces.instrument import Instrument


@runtime_checkable
class TemperatureController(Instrument, Protocol):
    """A controller with one sensor and one heater or cooler.

    An oven's temperature sets the vapour density and with it the optical depth.

    Limit: ``temperature_celsius``. Safe state: heater or cooler off.
    """

    def set_temperature_celsius(self, celsius: float) -> None:
        """Set the target; ``LimitError`` if it is outside the limits. Does not wait."""
        ...

    def target_celsius(self) -> float:
        """Return the target, as read back."""
        ...

    def temperature_celsius(self) -> float:
        """Return the measured temperature."""
        ...

    def set_enabled(self, enabled: bool) -> None:
        """Switch the control on or off."""
        ...

    def enabled(self) -> bool:
        """Return whether the control is on, as the controller says."""
        ...

    def wait_until_settled(self, timeout_seconds: float) -> None:
        """Return when the temperature has stayed at the target for a while.

        How near and how long is a setting of the driver.

        Raises
        ------
        InstrumentTimeoutError
            If it has not in time.
        InstrumentError
            If the control is off.
        """
        ...
