"""A template: the driver of a shutter that exists on paper only.

It does what every driver does: say its kind and its settings, open a session, refuse a device it
was not written for, keep the promises of its interface (``instruments/interfaces/shutter.py``), be
safe whenever it is told to. The command set is invented; take yours from the manual and name it
here.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from instruments.clock import wait_for
from instruments.drivers.connected_instrument import (
    ConnectedInstrument,
    each,
    open_boxes,
    refuse_other_models,
)
from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.opening import OpeningRequest
from instruments.quantities import PositiveSeconds
from instruments.transport.session import Session
from instruments.transport.shared_session import ConnectionSettings

POLL_SECONDS = 2e-3


class AcmeShutterSettings(ConnectionSettings):
    """What a bench file may say under ``settings``: quantities carry their units there.

    Attributes
    ----------
    travel
        How long the blade needs. It has the name it has for the simulated shutter
        (``sim_backends/simulated/settings.py``), which so takes it over.
    """

    travel: PositiveSeconds = 5e-3


class AcmeShutter(ConnectedInstrument):
    """One shutter. ``ConnectedInstrument`` brings name, limits, identity and closing."""

    kind: ClassVar[str] = "shutter"
    Settings: ClassVar[type[AcmeShutterSettings]] = AcmeShutterSettings
    # `backbeam resources` proposes the driver for boxes whose model name begins so.
    models: ClassVar[tuple[str, ...]] = ("SH-1",)

    def __init__(self, request: OpeningRequest[AcmeShutterSettings], session: Session) -> None:
        # A shutter has no quantity to limit; others give a `Limit` for each that can be set.
        super().__init__(request, [session], {})
        self.travel_seconds = request.settings.travel
        self._session = session
        self._go_safe()

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the shutter, shut: an instrument opens in its safe state.

        Raises
        ------
        InstrumentError
            If it does not answer or is another device.
        """
        (session,) = open_boxes(request, 1)
        try:
            refuse_other_models([session], cls.models)
            return cls(request, session)
        except BaseException:
            each([session], Session.close)
            raise

    def set_open(self, is_open: bool) -> None:
        """Open or shut; returns when it has moved."""
        self._check_open()
        self._move(is_open)

    def is_open(self) -> bool:
        """Ask the shutter."""
        self._check_open()
        answer = self._session.query("SHUT:STAT?").strip()
        if answer not in ("0", "1"):
            raise self._session.garbled(answer, "0 or 1")
        return answer == "1"

    def _move(self, is_open: bool) -> None:
        self._session.write(f"SHUT:STAT {int(is_open)}")
        self._check_complaints()
        # Every wait has a limit, and waits by the bench's clock: never call `time` here.
        limit = 10 * self.travel_seconds
        if not wait_for(self._has_stopped, self._clock, limit, POLL_SECONDS):
            raise InstrumentTimeoutError(
                f"{self.name}: still moves after {limit:g} s; look whether its blade is stuck"
            )

    def _has_stopped(self) -> bool:
        return self._session.query("SHUT:MOV?").strip() == "0"

    def _restore(self, session: Session) -> None:
        """After a lost connection: a shutter that was found again is shut, which does no harm."""
        self._go_safe()

    def _go_safe(self) -> None:
        # Called from another thread while something hangs: as short as can be.
        self._session.write("SHUT:STAT 0")
