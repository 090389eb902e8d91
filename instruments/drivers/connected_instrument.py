"""What drivers of instruments on a wire have in common: their boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from instruments.clock import Clock
from instruments.drivers.driven_instrument import DrivenInstrument
from instruments.errors import BenchFileError, ExposureLostError, InstrumentError
from instruments.interfaces.instrument import Identity
from instruments.limits import Limit
from instruments.opening import OpeningRequest
from instruments.transport.session import Session
from instruments.transport.shared_session import shared_session

Box = TypeVar("Box")


class ConnectedInstrument(DrivenInstrument):
    """An instrument made of one box or several.

    Parameters
    ----------
    request
        What it was opened with.
    sessions
        An open session with each box, in the order of their channels.
    limits
        What the device allows; the bench file may narrow it.
    """

    def __init__(
        self,
        request: OpeningRequest[Any],
        sessions: Sequence[Session],
        limits: Mapping[str, Limit],
    ) -> None:
        super().__init__(request, limits)
        self._sessions = tuple(sessions)
        self._restorers = [self._restorer(session) for session in self._sessions]
        for session, restore in zip(self._sessions, self._restorers, strict=True):
            session.restorers.append(restore)

    @property
    def simulated(self) -> bool:
        """Whether its boxes are models of boxes."""
        return self._sessions[0].simulated

    @property
    def _clock(self) -> Clock:
        return self._sessions[0].clock

    def identity(self) -> Identity:
        """Ask every box who it is; serial numbers are listed."""
        self._check_open()
        found = [session.identity() for session in self._sessions]
        first = found[0]
        serials = ", ".join(dict.fromkeys(one.serial for one in found if one.serial))
        return Identity(first.manufacturer, first.model, serials, first.firmware)

    def make_safe(self) -> None:
        """Go to the safe state of the kind; boxes whose connection is gone are connected again."""
        if self._closed:
            return
        with ExitStack() as stack:
            for session in self._sessions:
                stack.enter_context(session.insisting(self.name))
            self._go_safe()

    def _release(self) -> None:
        for session, restore in zip(self._sessions, self._restorers, strict=True):
            session.restorers.remove(restore)
        each(self._sessions, Session.close)

    def _restorer(self, session: Session) -> Callable[[], None]:
        return lambda: self._restore(session)

    def _restore(self, session: Session) -> None:
        """Tell a box that was lost and found again its settings.

        Raises
        ------
        ExposureLostError
            If it is as it was, but an exposure took place without it.
        InstrumentError
            If it is not as it was: light or current is not brought back behind anybody's back.
        """
        raise self._not_as_it_was(session)

    def _not_as_it_was(self, session: Session) -> InstrumentError:
        """Return the error to raise about a box that is back without what it had been doing."""
        return InstrumentError(
            f"{self.name} ({session.address}): was lost and answers again, but what was on is off "
            "and is not switched on by itself; look at its power and its cable, then start anew"
        )

    def _void(self, session: Session, what: str) -> ExposureLostError:
        """Return the error to raise about a box that is back, but was away during an exposure."""
        return ExposureLostError(
            f"{self.name} ({session.address}): was lost {what} and answers again, and that "
            "exposure is void; look at its power and its cable"
        )

    def _check_complaints(self) -> None:
        """Raise what boxes put in their error queues."""
        each(self._sessions, Session.check_errors)


def each(boxes: Iterable[Box], action: Callable[[Box], object]) -> None:
    """Do something with every box, also after one refused; then raise the first refusal.

    Raises
    ------
    InstrumentError
        The first one.
    """
    first: InstrumentError | None = None
    for box in boxes:
        try:
            action(box)
        except InstrumentError as error:
            first = first or error
    if first is not None:
        raise first


def open_boxes(
    request: OpeningRequest[Any],
    most: int | None = None,
    *,
    end: bytes = b"\n",
    baud_rate: int | None = None,
) -> list[Session]:
    """Open a session with every box of an instrument; if one fails the others are closed again.

    Parameters
    ----------
    most
        How many boxes the driver can take; ``None``: any number.

    Raises
    ------
    BenchFileError
        If the bench file gives no address, or too many.
    InstrumentError
        As of ``Session.open``.
    """
    addresses = request.addresses
    if not addresses or (most is not None and len(addresses) > most):
        allowed = "at least one" if most is None else f"{most}"
        raise BenchFileError(
            f"{request.bench.origin}: instruments.{request.name}.address: found "
            f"{len(addresses)} addresses; this driver takes {allowed}"
        )
    sessions: list[Session] = []
    try:
        for address in addresses:
            sessions.append(shared_session(request, address, end=end, baud_rate=baud_rate))
    except BaseException:
        for session in sessions:
            session.close()
        raise
    return sessions


def refuse_other_models(sessions: Iterable[Session], models: Sequence[str]) -> None:
    """Check that boxes are of a family.

    Parameters
    ----------
    models
        Beginnings of the model names the driver knows.

    Raises
    ------
    InstrumentError
        If one is something else.
    """
    for session in sessions:
        found = session.identity()
        if not found.model.upper().startswith(tuple(models)):
            raise InstrumentError(
                f"{session.name} ({session.address}): found {found}; this driver is for "
                f"{', '.join(models)}: check the address or choose another driver"
            )


def check_box_count(request: OpeningRequest[Any], channels: int, a_box: int) -> None:
    """Check that the boxes have the channels that were asked for.

    Raises
    ------
    BenchFileError
        If there are too few boxes, or one too many.
    """
    boxes = len(request.addresses)
    needed = -(-channels // a_box)
    if boxes != needed:
        raise BenchFileError(
            f"{request.bench.origin}: instruments.{request.name}.addresses: found {boxes} boxes of "
            f"{a_box} channels; {channels} channels need {needed}"
        )
