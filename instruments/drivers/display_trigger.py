"""The trigger source of a bench whose shots a mirror device at a video output makes.

Firing lets the mirrors play. The other instruments take their first shot when the light of the
mirrors' start patch falls on a photodiode, and the rest by their own clocks; see
``display_mirrors``.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from instruments.display.bit_planes import PLANES
from instruments.drivers.display_mirrors import DisplayMirrors, playable_mirrors
from instruments.drivers.driven_instrument import DrivenInstrument
from instruments.errors import InstrumentError
from instruments.interfaces.instrument import Identity
from instruments.interfaces.sequence import SequenceError
from instruments.limits import Limit
from instruments.opening import OpeningRequest
from instruments.quantities import PositiveSeconds
from instruments.shots_fired import shots_fired

SAME_PERIOD = 0.01
"""Share by which the file's shot period may miss that of the patterns."""


class DisplayTriggerSettings(BaseModel):
    """Which mirrors make the shots.

    Attributes
    ----------
    mirrors
        Name of the mirror device in the bench file, driven as ``display mirrors``.
    refresh
        Of its screen: 24 shots take so long.
    most_shots
        Longest firing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mirrors: str
    refresh: PositiveSeconds = 1 / 60
    most_shots: Annotated[int, Field(strict=True, ge=1)] = 4096


class DisplayTrigger(DrivenInstrument):
    """Fires by letting a mirror device play.

    Parameters
    ----------
    request
        What it was opened with.
    """

    kind: ClassVar[str] = "trigger_source"
    Settings: ClassVar[type[DisplayTriggerSettings]] = DisplayTriggerSettings

    def __init__(self, request: OpeningRequest[DisplayTriggerSettings]) -> None:
        own = request.settings
        period = own.refresh / PLANES
        super().__init__(
            request,
            {
                "shots": Limit(1, own.most_shots, "shots"),
                "period_seconds": Limit(period, period, "s"),
            },
        )
        asked = request.bench.exposure.shot_period
        if abs(asked / period - 1.0) > SAME_PERIOD:
            raise InstrumentError(
                f"{self.name}: exposure.shot_period is {asked:g} s; {PLANES} patterns a refresh of "
                f"{own.refresh:g} s make it {period:.6g} s"
            )
        self.simulated = request.bench.wire != "real"
        self._mirrors = own.mirrors
        self._players = playable_mirrors(request.shared)
        self._fired = shots_fired(request)
        self._playing: DisplayMirrors | None = None

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the source, stopped.

        Raises
        ------
        InstrumentError
            If the file's shot period is not that of the patterns.
        """
        return cls(request)

    def identity(self) -> Identity:
        """Return that it is light that triggers."""
        self._check_open()
        return Identity("Backbeam", "light of a start patch")

    def period_seconds(self) -> float:
        """Return the time from one pattern to the next."""
        self._check_open()
        return self._limits["period_seconds"].low

    def set_period_seconds(self, seconds: float) -> None:
        """Take the only period there is, which the screen's refresh sets."""
        self._checked("period_seconds", seconds)

    def fire(self, shots: int) -> None:
        """Let the mirrors play."""
        count = int(self._checked("shots", shots))
        mirrors = self._players.get(self._mirrors)
        if mirrors is None:
            raise SequenceError(
                f"{self.name}: '{self._mirrors}' is not open, or not driven as 'display mirrors'; "
                "set mirrors in its settings to one that is"
            )
        self._playing = mirrors
        mirrors.play(count)
        self._fired.announce(count)

    def wait_until_done(self, timeout_seconds: float) -> None:
        """Return when the mirrors have played."""
        self._check_open()
        if self._playing is not None:
            self._playing.wait_until_shown(timeout_seconds)

    def stop(self) -> None:
        """Fire no further shot: pictures that were handed over are shown still."""
        self._check_open()
        self._playing = None

    def _go_safe(self) -> None:
        self._playing = None

    def _release(self) -> None:
        self._playing = None
