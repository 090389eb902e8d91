"""Shutter of one arm of light."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from instruments.interfaces.instrument import Instrument


@runtime_checkable
class Shutter(Instrument, Protocol):
    """A shutter. Safe state: shut."""

    @property
    def travel_seconds(self) -> float:
        """How long it takes to open or shut."""
        ...

    def set_open(self, is_open: bool) -> None:
        """Open or shut; returns when it has moved.

        Raises
        ------
        InstrumentTimeoutError
            If it does not report its new position in time.
        """
        ...

    def is_open(self) -> bool:
        """Return whether light can pass, as the shutter says or else as it was told."""
        ...
