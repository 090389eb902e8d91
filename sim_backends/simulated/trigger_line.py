"""The cable from the trigger source to everything that takes its shots from it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from instruments.errors import InstrumentError
from instruments.opening import OpeningRequest
from sim_backends.simulated.twin_of_bench import shared_twin
from sim_backends.twin.twin import Twin

Floats = npt.NDArray[np.float32]


class Shown(Protocol):
    """An instrument that brings the twin up to date before light shines."""

    def before_shots(self, shots: int) -> None:
        """Show the twin what this instrument does in the next shots; none: what it holds."""
        ...


class Watching(Protocol):
    """An instrument that looks at a stage of the twin after light has shone."""

    def after_shots(self, shots: int) -> None:
        """Take what can be seen now."""
        ...


class Bank(Protocol):
    """A bank of detectors."""

    @property
    def name(self) -> str:
        """The bank's name in the twin."""
        ...

    @property
    def armed(self) -> bool:
        """Whether it waits for triggers."""
        ...

    def take(self, volts: Floats) -> None:
        """Take readings ``[shots, channels]``."""
        ...


class TriggerLine:
    """Who listens to the trigger source of a bench.

    Attributes
    ----------
    outputs, banks, watchers
        What is brought up to date before the shots, read in them, and told afterwards, by the
        instrument's name: one that is opened again takes the place of the one closed before.
    """

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self.outputs: dict[str, Shown] = {}
        self.banks: dict[str, Bank] = {}
        self.watchers: dict[str, Watching] = {}

    def fire(self, shots: int) -> None:
        """Let ``shots`` shots happen."""
        for output in self.outputs.values():
            output.before_shots(shots)
        armed = [bank for bank in self.banks.values() if bank.armed]
        volts = self._twin.expose(shots, [bank.name for bank in armed])
        for bank in armed:
            bank.take(volts[bank.name])
        # They draw from the same noise, and were opened by threads of which any may be the first.
        for name in sorted(self.watchers):
            self.watchers[name].after_shots(shots)

    def look(self) -> None:
        """Let light shine for one shot's time without a trigger: sequences do not step on."""
        for output in self.outputs.values():
            output.before_shots(0)
        self._twin.expose(1, ())


def check_keeps_up(instrument: str, does: str, seconds: float, twin: Twin) -> None:
    """Check that an instrument is ready again when the next trigger comes.

    Raises
    ------
    InstrumentError
        If it is busy for longer than the shot period.
    """
    period = twin.shot_period_seconds
    if seconds > period * (1 + 1e-9):
        raise InstrumentError(
            f"{instrument}: {does} for {seconds:g} s and triggers come every {period:g} s; "
            "shorten its time or slow the trigger source down"
        )


def shared_trigger_line(request: OpeningRequest[Any]) -> TriggerLine:
    """Return the trigger line of the bench an instrument is opened for."""
    return request.shared.get("trigger line", lambda: TriggerLine(shared_twin(request)))
