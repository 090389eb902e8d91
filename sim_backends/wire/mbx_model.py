"""Model of a Thorlabs MBX modulator bias controller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from instruments.opening import OpeningRequest
from sim_backends.simulated.twin_of_bench import shared_twin
from sim_backends.wire.scpi_model import Reply, ScpiModel, scpi, value_in
from sim_backends.wire.scpi_syntax import Argument
from sim_backends.wire.wire_models import WireModel

OFF, PEAK, NULL, MANUAL = 0, 1, 2, 7
SETTLING_SECONDS = 0.5


class MbxModel(ScpiModel):
    """A controller that holds a Mach-Zehnder modulator at a point of its curve.

    Attributes
    ----------
    modulator
        Told whether it passes light.
    """

    maker: ClassVar[str] = "Thorlabs"
    model: ClassVar[str] = "MBX1550"
    end: ClassVar[bytes] = b"\r"
    command_end: ClassVar[bytes] = b"\r"

    def __init__(self, name: str, serial: str, clock: Any) -> None:
        self.modulator: Callable[[bool], None] | None = None
        super().__init__(name, serial, clock)

    def reset(self) -> None:
        """Hold nothing."""
        self._mode = OFF
        self._millivolts = 0.0
        self._tell()

    def receive(self, message: bytes) -> bytes | None:
        """Take a command, which has a colon behind its last word."""
        return super().receive(message.replace(b": ", b" "))

    def _tell(self) -> None:
        if self.modulator is not None:
            self.modulator(self._mode == PEAK)

    @scpi("MZM:MODE")
    def _set_mode(self, mode: Argument) -> Reply:
        self._mode = int(value_in(mode, 0, 9))
        self.busy_for(SETTLING_SECONDS)
        self._tell()
        return None

    @scpi("MZM:MODE?")
    def _get_mode(self) -> Reply:
        return str(self._mode)

    @scpi("MZM:SETPOINT?")
    def _is_stable(self) -> Reply:
        return str(int(not self.is_busy() and self._mode != OFF))

    @scpi("MZM:CALIBRATING?")
    def _is_calibrating(self) -> Reply:
        return "0"

    @scpi("MZM:RESET")
    def _calibrate(self) -> Reply:
        self.busy_for(10.0)
        return "1"

    @scpi("MZM:HOLD:VOLTAGE")
    def _set_voltage(self, millivolts: Argument) -> Reply:
        self._millivolts = value_in(millivolts, -10000, 10000)
        return None

    @scpi("MZM:HOLD:VOLTAGE?")
    def _get_voltage(self) -> Reply:
        return f"{self._millivolts:.0f}"

    @scpi("MZM:VOLTAGE?")
    def _voltage_now(self) -> Reply:
        return f"{1e-3 * self._millivolts:.3f}"


def _hang_shutter(request: OpeningRequest[Any], boxes: Sequence[MbxModel]) -> None:
    (box,) = boxes
    twin = shared_twin(request)
    box.modulator = lambda is_open: twin.set_shutter(request.name, is_open)


SHUTTER = WireModel(MbxModel, _hang_shutter)
