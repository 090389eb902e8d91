"""PyMeasure's instrument classes on a session, so that their property creators can be used.

A property that asks writes and reads in two steps; ``Atomic`` keeps other threads out in between.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from pymeasure.adapters import Adapter
from pymeasure.instruments import Channel, Instrument, SCPIMixin

from instruments.transport.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable


class SessionAdapter(Adapter):  # type: ignore[misc]
    """Hands what PyMeasure writes and reads to a session."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.connection = session

    def close(self) -> None:
        """Do nothing: whoever opened the session closes it."""

    def _write(self, command: str, **options: Any) -> None:
        self.session.write(command)

    def _read(self, **options: Any) -> str:
        return self.session.read()

    def __repr__(self) -> str:
        return f"<SessionAdapter({self.session.address})>"


def _lock_of(adapter: Any) -> AbstractContextManager[Any]:
    session: Session | None = getattr(adapter, "session", None)
    return nullcontext() if session is None else session


class _Strict:
    """Questions whose answer is heard by the one who asked, and is a number where it has to be."""

    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Write a question and read its answer with nobody in between."""
        with _lock_of(self._adapter()):
            answer: str = super().ask(command, query_delay)  # type: ignore[misc]
            return answer

    def values(
        self, command: str, separator: str = ",", cast: Callable[[str], Any] = float, **options: Any
    ) -> list[Any]:
        """Return the values of an answer; a garbled one raises where PyMeasure returns text."""
        found: list[Any] = super().values(command, separator, cast, **options)  # type: ignore[misc]
        session: Session | None = getattr(self._adapter(), "session", None)
        if session is not None and cast is not str and any(isinstance(one, str) for one in found):
            raise session.garbled(separator.join(map(str, found)), "a number")
        return found

    def _adapter(self) -> Any:
        raise NotImplementedError


class ScpiDevice(_Strict, SCPIMixin, Instrument):  # type: ignore[misc]
    """An instrument that speaks SCPI, for drivers to declare its properties in."""

    def _adapter(self) -> Any:
        return self.adapter


class ScpiChannel(_Strict, Channel):  # type: ignore[misc]
    """A channel of one."""

    def _adapter(self) -> Any:
        return self.parent.adapter
