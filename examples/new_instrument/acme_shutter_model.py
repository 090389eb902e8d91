"""A model of the box, written from its manual and not from its driver: it finds what one got wrong.

With it ``--simulate wire`` runs the driver, bytes and all, and light goes through the shutter of
the twin when the box says that it is open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from instruments.opening import OpeningRequest
from sim_backends.simulated.twin_of_bench import shared_twin
from sim_backends.wire.scpi_model import Reply, ScpiModel, scpi, value_in
from sim_backends.wire.scpi_syntax import Argument
from sim_backends.wire.wire_models import WireModel

TRAVEL_SECONDS = 4e-3


class AcmeShutterModel(ScpiModel):
    """The box; ``ScpiModel`` brings ``*IDN?``, status registers and the error queue."""

    maker: ClassVar[str] = "ACME"
    model: ClassVar[str] = "SH-1"

    def __init__(self, name: str, serial: str, clock: Any) -> None:
        self.blade: Callable[[bool], None] | None = None
        super().__init__(name, serial, clock)

    def reset(self) -> None:
        """Shut, as after switching on."""
        self._turn(False)

    def _turn(self, is_open: bool) -> None:
        self._is_open = is_open
        if self.blade is not None:
            self.blade(is_open)

    @scpi("SHUTter:STATe")
    def _set_state(self, state: Argument) -> Reply:
        self._turn(bool(value_in(state, 0, 1)))
        self.busy_for(TRAVEL_SECONDS)
        return None

    @scpi("SHUTter:STATe?")
    def _get_state(self) -> Reply:
        return str(int(self._is_open))

    @scpi("SHUTter:MOVing?")
    def _is_moving(self) -> Reply:
        return str(int(self.is_busy()))


def _hang_shutter(request: OpeningRequest[Any], boxes: Sequence[AcmeShutterModel]) -> None:
    (box,) = boxes
    twin = shared_twin(request)
    box.blade = lambda is_open: twin.set_shutter(request.name, is_open)


SHUTTER = WireModel(AcmeShutterModel, _hang_shutter)
