"""A lost box is looked for again, where the bench file allows that, and told its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from instruments.errors import InstrumentError
from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.transport.box import Box, shown
from instruments.transport.wire_errors import ConnectionLost, GarbledReply

FIRST_BACK_OFF_SECONDS = 0.5
LONGEST_BACK_OFF_SECONDS = 30.0


class Reconnection:
    """Finds a lost box again. One thread at a time may use it.

    Parameters
    ----------
    box
        The box.
    attempts
        How often it is looked for, each time after twice as long; 0: never.

    Attributes
    ----------
    restorers
        Called after the box was found again, to tell it its settings.
    """

    def __init__(self, box: Box, attempts: int) -> None:
        self._box = box
        self.attempts = attempts
        self.restorers: list[Callable[[], None]] = []
        self._restoring = False
        self._insisting: set[str] = set()

    @property
    def is_allowed(self) -> bool:
        """Whether a box lost now may be looked for: not while it is told its settings."""
        return bool(self.attempts or self._insisting) and not self._restoring

    @contextmanager
    def insisting(self, name: str) -> Iterator[None]:
        """Connect again, once and without delay, for the sake of an instrument's safe state."""
        self._insisting.add(name)
        try:
            yield
        finally:
            self._insisting.discard(name)

    def find_again(self, command: str, how: str) -> None:
        """Connect to a lost box and tell it its settings.

        Parameters
        ----------
        command, how
            At what it was lost, and how that showed.

        Raises
        ------
        ConnectionLost
            If it cannot be found.
        InstrumentError
            If it does not take its settings.
        """
        if self._insisting:
            self._connect_at_once(command, how)
        else:
            self._look_for(command, how)

    def _look_for(self, command: str, how: str) -> None:
        """Look for the box, each time after twice as long, and tell it its settings."""
        box = self._box
        back_off = FIRST_BACK_OFF_SECONDS
        for attempt in range(1, self.attempts + 1):
            box.log.warning(
                "%s: lost at %s (%s); attempt %d of %d to find it",
                *(box, shown(command), how, attempt, self.attempts),
            )
            box.disconnect()
            box.wire.clock.wait(back_off)
            back_off = min(2 * back_off, LONGEST_BACK_OFF_SECONDS)
            try:
                box.connect()
                break
            except (ConnectionLost, InstrumentTimeoutError):
                if attempt == self.attempts:
                    raise
        self._restoring = True
        try:
            self._restore_settings()
        except (ConnectionLost, InstrumentTimeoutError, GarbledReply):
            # Half of its settings are no settings: whoever asks next begins anew.
            box.disconnect()
            raise
        finally:
            self._restoring = False

    def _connect_at_once(self, command: str, how: str) -> None:
        """Connect again; what instruments have to say about their settings changes nothing."""
        box = self._box
        box.log.warning("%s: lost at %s (%s); connecting", box, shown(command), how)
        box.disconnect()
        box.connect()
        self._restoring = True
        try:
            self._restore_settings()
        except InstrumentError as error:
            box.log.warning("%s", error)
        finally:
            self._restoring = False

    def _restore_settings(self) -> None:
        """Let every instrument on the box tell it its settings, also after one refused."""
        refusal: InstrumentError | None = None
        for restore in self.restorers:
            try:
                restore()
            except (ConnectionLost, InstrumentTimeoutError, GarbledReply):
                raise
            except InstrumentError as error:
                refusal = refusal or error
        if refusal is not None:
            raise refusal
