"""Simulated trigger source."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from instruments.limits import Limit
from instruments.opening import OpeningRequest
from instruments.shots_fired import shots_fired
from sim_backends.simulated.settings import TriggerSourceSettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument
from sim_backends.simulated.trigger_line import shared_trigger_line


class SimulatedTriggerSource(SimulatedInstrument):
    """Makes the twin's light shine: all shots happen, in the twin's own time, within ``fire``."""

    kind: ClassVar[str] = "trigger_source"
    Settings: ClassVar[type[TriggerSourceSettings]] = TriggerSourceSettings

    def __init__(self, request: OpeningRequest[TriggerSourceSettings]) -> None:
        own = request.settings
        super().__init__(
            request,
            {
                "shots": Limit(1, own.most_shots, "shots"),
                "period_seconds": Limit(own.shortest_period, own.longest_period, "s"),
            },
        )
        self._line = shared_trigger_line(request)
        self._fired = shots_fired(request)
        self._checked("period_seconds", request.bench.exposure.shot_period)

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the source with the bench file's shot period.

        Raises
        ------
        LimitError
            If it cannot fire so fast or so slowly.
        """
        return cls(request)

    def period_seconds(self) -> float:
        """Return the time from one shot to the next."""
        self._check_open()
        return self.twin.shot_period_seconds

    def set_period_seconds(self, seconds: float) -> None:
        """Set the time from one shot to the next."""
        self.twin.shot_period_seconds = self._checked("period_seconds", seconds)

    def fire(self, shots: int) -> None:
        """Take ``shots`` shots with everything that is armed."""
        count = int(self._checked("shots", shots))
        self._line.fire(count)
        self._fired.announce(count)

    def wait_until_done(self, timeout_seconds: float) -> None:
        """Return at once: the shots took the twin's time, not anybody else's."""
        self._check_open()

    def stop(self) -> None:
        """Do nothing: no shots are under way."""
        self._check_open()

    def _go_safe(self) -> None:
        pass
