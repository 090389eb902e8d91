"""One session for each box of a bench, whichever of its instruments it serves."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from instruments.opening import OpeningRequest
from instruments.quantities import PositiveSeconds
from instruments.transport.addresses import canonical
from instruments.transport.session import Session
from instruments.transport.wire import shared_wire
from instruments.transport.wire_recording import recording_of


class ConnectionSettings(BaseModel):
    """How patient a driver is; part of the settings of every driver with an address.

    Attributes
    ----------
    timeout
        How long a reply may take.
    reconnect
        How often a lost box is looked for again, each time after twice as long, up to half a
        minute; 0: never.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: PositiveSeconds = 2.0
    reconnect: int = Field(default=0, strict=True, ge=0, le=20)


def shared_session(
    request: OpeningRequest[Any],
    address: str,
    *,
    end: bytes = b"\n",
    baud_rate: int | None = None,
) -> Session:
    """Return an open session with a box; instruments of one bench on the same box share it.

    Raises
    ------
    InstrumentError
        As of ``Session.open``.
    """
    wire = shared_wire(request)
    timeout_seconds = getattr(request.settings, "timeout", 2.0)
    reconnect = getattr(request.settings, "reconnect", 0)
    session = request.shared.get(
        f"session with {canonical(address)}",
        lambda: Session(
            request.name,
            address,
            wire,
            timeout_seconds=timeout_seconds,
            reconnect=reconnect,
            end=end,
            baud_rate=baud_rate,
            recording=recording_of(request.shared),
        ),
    )
    session.serves(request.name, timeout_seconds, reconnect)
    return session.open()
