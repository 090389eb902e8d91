"""PyMeasure's instrument classes on a session, so that their property creators can be used.

PyMeasure's instruments write a question and read its answer in two steps; here it is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymeasure.adapters import Adapter
from pymeasure.instruments import Channel, Instrument, SCPIMixin

from instruments.transport.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable


ON_OR_OFF = (True, False)
"""What a switch can be set to; sent as 1 and 0."""


def on_or_off(answer: str) -> bool:
    """Return what a box says of a switch: ``0``, ``+1``, ``OFF``, ``ON``.

    Raises
    ------
    ValueError
        If it says something else.
    """
    word = answer.strip().upper()
    if word in ("ON", "OFF"):
        return word == "ON"
    if float(word) not in (0.0, 1.0):
        raise ValueError(f"{answer!r} is neither on nor off")
    return float(word) == 1.0


class SessionAdapter(Adapter):  # type: ignore[misc]  # PyMeasure comes without types
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


class _Strict:
    """Questions whose answer is heard by the one who asked, and is a number where it has to be.

    No property here is dynamic, so attributes need not be looked up PyMeasure's way, which costs
    more than the question itself.
    """

    __getattribute__ = object.__getattribute__

    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Write a question and read its answer with nobody in between."""
        session = self._session()
        if session is None:
            answer: str = super().ask(command, query_delay)  # type: ignore[misc]
            return answer
        return session.query(self._complete(command))

    def values(
        self, command: str, separator: str = ",", cast: Callable[[str], Any] = float, **options: Any
    ) -> list[Any]:
        """Return the values of an answer; a garbled one raises where PyMeasure returns text."""
        found: list[Any] = super().values(command, separator, cast, **options)  # type: ignore[misc]
        session = self._session()
        if session is not None and cast is not str:
            for one in found:
                if isinstance(one, str):
                    expected = "0 or 1" if cast is on_or_off else "a number"
                    raise session.garbled(separator.join(map(str, found)), expected)
        return found

    def _session(self) -> Session | None:
        """Return the session, or ``None`` on another adapter, such as one of PyMeasure's tests."""
        raise NotImplementedError

    def _complete(self, command: str) -> str:
        """Return a command with the number of the channel in it."""
        return command


class ScpiDevice(_Strict, SCPIMixin, Instrument):  # type: ignore[misc]
    """An instrument that speaks SCPI, for drivers to declare its properties in."""

    def _session(self) -> Session | None:
        return getattr(self.adapter, "session", None)


class ScpiChannel(_Strict, Channel):  # type: ignore[misc]
    """A channel of one."""

    def _session(self) -> Session | None:
        return getattr(self.parent.adapter, "session", None)

    def _complete(self, command: str) -> str:
        completed: str = self.insert_id(command)
        return completed
