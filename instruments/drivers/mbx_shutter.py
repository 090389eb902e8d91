"""A Mach-Zehnder modulator held by a Thorlabs MBX bias controller, as the shutter of an arm.

Held at its null it is shut, at its peak open. PyMeasure's own class speaks to the controller.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pymeasure.instruments import Instrument
from pymeasure.instruments.thorlabs import ThorlabsMBXSeries
from pymeasure.instruments.thorlabs.thorlabsmbxseries import MzmMode

from instruments.clock import wait_for
from instruments.drivers.connected_instrument import (
    ConnectedInstrument,
    each,
    open_boxes,
)
from instruments.errors import InstrumentError
from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.opening import OpeningRequest
from instruments.quantities import PositiveSeconds
from instruments.transport.pymeasure_adapter import SessionAdapter
from instruments.transport.session import Session
from instruments.transport.shared_session import ConnectionSettings

MODELS = ("MBX", "MX10", "MX35", "MX40")
BAUD_RATE = 115200
END = b"\r"
POLL_SECONDS = 0.05


class MbxSettings(ConnectionSettings):
    """How long the controller may take to find its point."""

    settling_timeout: PositiveSeconds = 30.0
    travel: PositiveSeconds = 0.5


class _Controller(ThorlabsMBXSeries):  # type: ignore[misc]  # PyMeasure comes without types
    """PyMeasure's class on a session, which has the line's settings itself."""

    def __init__(self, adapter: Any, name: str) -> None:
        Instrument.__init__(self, adapter, name, includeSCPI=False)


class MbxShutter(ConnectedInstrument):
    """One controller with its modulator. Light is off by its extinction, some 30 dB, when shut."""

    kind: ClassVar[str] = "shutter"
    Settings: ClassVar[type[MbxSettings]] = MbxSettings
    models: ClassVar[tuple[str, ...]] = MODELS
    serial_line: ClassVar[tuple[bytes, int]] = (END, BAUD_RATE)

    def __init__(self, request: OpeningRequest[MbxSettings], session: Session) -> None:
        super().__init__(request, [session], {})
        self.travel_seconds = request.settings.travel
        self._own = request.settings
        self._session = session
        self._controller = _Controller(SessionAdapter(session), session.name)
        self._go_safe()

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the shutter, shut.

        Raises
        ------
        InstrumentError
            If the controller does not answer.
        """
        (session,) = open_boxes(request, 1, end=END, baud_rate=BAUD_RATE)
        try:
            return cls(request, session)
        except BaseException:
            each([session], Session.close)
            raise

    def set_open(self, is_open: bool) -> None:
        """Move to the peak or the null; returns when the controller holds it."""
        self._check_open()
        self._move(MzmMode.AUTOPEAK if is_open else MzmMode.AUTONULL)

    def is_open(self) -> bool:
        """Return whether it holds the peak, as the controller says."""
        self._check_open()
        with self._session:
            return bool(self._mode() == MzmMode.AUTOPEAK)

    def _mode(self) -> MzmMode:
        try:
            return MzmMode(int(self._controller.mzm.mode))
        except ValueError as error:
            raise self._session.garbled(str(error), "a mode") from error

    def _move(self, mode: MzmMode) -> None:
        with self._session:
            self._controller.mzm.mode = mode
            if self._mode() != mode:
                raise InstrumentError(
                    f"{self.name} ({self._session.address}): did not take the mode {mode.name}; "
                    "look at its display"
                )
        limit = self._own.settling_timeout
        if not wait_for(self._is_stable, self._clock, limit, POLL_SECONDS):
            raise InstrumentTimeoutError(
                f"{self.name} ({self._session.address}): did not find its point within {limit:g} "
                "s; is there light in the modulator?"
            )

    def _is_stable(self) -> bool:
        with self._session:
            return bool(self._controller.mzm.is_stable)

    def _go_safe(self) -> None:
        with self._session:
            self._controller.mzm.mode = MzmMode.AUTONULL
