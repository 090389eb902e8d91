"""Detector arrays on digitisers that take one record from the first trigger on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from instruments.clock import wait_for
from instruments.drivers.connected_instrument import ConnectedInstrument, each
from instruments.drivers.sampled_records import ShotWindow
from instruments.errors import BenchFileError, InstrumentError
from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.interfaces.sequence import SequenceState
from instruments.limits import Limit
from instruments.opening import OpeningRequest
from instruments.shots_fired import shots_fired
from instruments.transport.session import Session

POLL_SECONDS = 1e-3

Floats = npt.NDArray[np.float32]


def check_sampling(request: OpeningRequest[Any], sample_seconds: float, how: str) -> None:
    """Check that a window holds at least one whole sample wherever it begins.

    Parameters
    ----------
    how
        The setting to change.

    Raises
    ------
    BenchFileError
        If it does not.
    """
    window = request.bench.exposure.window
    if 2 * sample_seconds > window * (1 + 1e-9):
        raise BenchFileError(
            f"{request.bench.origin}: instruments.{request.name}.settings.{how}: a sample takes "
            f"{sample_seconds:g} s and the window of exposure.window is {window:g} s; it has to "
            "hold two samples: sample faster or measure longer"
        )


def window_of(request: OpeningRequest[Any]) -> ShotWindow:
    """Return the window of a bench: the end of each shot, when all light has settled."""
    exposure = request.bench.exposure
    begin = exposure.shot_period - exposure.window
    return ShotWindow(exposure.shot_period, begin, exposure.shot_period)


class ClockedDetectors(ConnectedInstrument):
    """The life cycle of such an array; families of boxes say how a record is begun and read.

    All shots of a sequence have to be fired in a row: a record does not wait for the next firing.
    """

    takes_shots_in_parts: ClassVar[bool] = False

    def __init__(
        self,
        request: OpeningRequest[Any],
        sessions: list[Session],
        channels: int,
        channels_a_box: int,
        most_shots: int,
        saturation_volts: float,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        super().__init__(request, sessions, {"shots": Limit(1, most_shots, "shots")})
        self.channels = channels
        self.saturation_volts = saturation_volts
        self.sequence = SequenceState(self.name, loads=False)
        self.window = window_of(request)
        self._channels_a_box = channels_a_box
        self._fired = shots_fired(request)
        self._at_arm = (0, 0)
        self._awaited = 0
        self._poll_seconds = poll_seconds

    @property
    def dark_volts(self) -> Floats:
        """Nominal readings without light: none."""
        return np.zeros(self.channels, np.float32)

    def arm(self, shots: int) -> None:
        """Let every box wait for the first trigger."""
        count = int(self._checked("shots", shots))
        self.sequence.check_arm()
        self._at_arm = (self._fired.shots, self._fired.firings)
        self._awaited = count
        each(
            self._sessions,
            lambda session: session.all_or_nothing(lambda: self._begin(session, count)),
        )
        self._check_complaints()
        self.sequence.armed(count)

    def read(self, timeout_seconds: float) -> Floats:
        """Return the readings ``[shots, channels]`` in volts.

        Raises
        ------
        InstrumentError
            If the shots were not fired in a row.
        """
        self._check_open()
        self.sequence.check_started()
        until = self._clock.now() + timeout_seconds
        if not wait_for(self._all_fired, self._clock, timeout_seconds, POLL_SECONDS):
            raise InstrumentTimeoutError(
                f"{self.name}: {self.sequence.fired} of {self.sequence.shots} shots were fired "
                f"within {timeout_seconds:g} s; check that the trigger source fires"
            )
        firings = self._fired.firings - self._at_arm[1]
        if firings > 1 and self._fired.shots - self._at_arm[0] <= self.sequence.shots:
            self.stop()
            raise InstrumentError(
                f"{self.name}: its {self.sequence.shots} shots were fired in {firings} parts; its "
                "record runs by a clock of its own from the first trigger on: fire them in a row"
            )
        shots = self.sequence.shots
        for session in self._sessions:
            left = max(0.0, until - self._clock.now())
            if not wait_for(self._recorded(session), self._clock, left, self._poll_seconds):
                raise InstrumentTimeoutError(
                    f"{session.name} ({session.address}): was not triggered, or its record is not "
                    f"complete, {timeout_seconds:g} s after arming; check its trigger cable"
                )
        volts = np.empty((shots, self.channels), np.float32)
        for channel in range(self.channels):
            session = self._sessions[channel // self._channels_a_box]
            volts[:, channel] = self._read_channel(
                session, channel % self._channels_a_box + 1, shots
            )
        self._check_complaints()
        self._awaited = 0
        self.sequence.read_out()
        return volts

    def stop(self) -> None:
        """Abandon what is armed or not yet read."""
        self._check_open()
        self._go_safe()

    def _all_fired(self) -> bool:
        if not self.sequence.done:
            self.sequence.triggered(self._fired.shots - self._at_arm[0] - self.sequence.fired)
        return self.sequence.done

    def _recorded(self, session: Session) -> Callable[[], bool]:
        return lambda: self._has_record(session)

    def _inputs(self, session: Session) -> range:
        """Return the inputs of a box that are in use, from 1."""
        first = self._sessions.index(session) * self._channels_a_box
        return range(1, min(self._channels_a_box, self.channels - first) + 1)

    def _restore(self, session: Session) -> None:
        """Set a box that was lost, and let it wait for the trigger again if it did.

        Raises
        ------
        ExposureLostError
            If shots were fired since: the record it was taking is gone.
        """
        self._configure(session)
        if not self._awaited:
            return
        if self._fired.shots != self._at_arm[0]:
            raise self._void(session, "with a record that was not yet read")
        self._begin(session, self._awaited)

    def _go_safe(self) -> None:
        self.sequence.stopped()
        self._awaited = 0
        each(self._sessions, self._abandon)

    # What follows is said in the commands of a box, which its driver knows.

    def _configure(self, session: Session) -> None:
        """Bring ranges, clock and trigger of a box to where records need them."""
        raise NotImplementedError  # every kind of box has commands of its own

    def _begin(self, session: Session, shots: int) -> None:
        """Let a box wait for a trigger and then take a record of ``shots`` shots."""
        raise NotImplementedError  # every kind of box has commands of its own

    def _has_record(self, session: Session) -> bool:
        """Return whether a box has taken all of its record."""
        raise NotImplementedError  # every kind of box has commands of its own

    def _read_channel(self, session: Session, number: int, shots: int) -> npt.NDArray[Any]:
        """Return the volts ``[shots]`` of one input, from 1."""
        raise NotImplementedError  # every kind of box has commands of its own

    def _abandon(self, session: Session) -> None:
        """Let a box wait for no trigger any more."""
        raise NotImplementedError  # every kind of box has commands of its own
