"""The life cycle of instruments that work through a sequence of shots: load, arm, fire, read.

An output (mirror device, modulator array) is loaded with one setting a shot, armed, and steps on
at every trigger. An input (photodetector array, camera) is armed for a number of shots, takes one
reading at every trigger, and is read. A trigger source fires both.

========  =================  ======================  =====================================
stage     ``load``           ``arm``                 ``read`` / ``wait_until_done``
========  =================  ======================  =====================================
EMPTY     to LOADED          inputs only, to ARMED   refused
LOADED    to LOADED          to ARMED                refused
ARMED     refused            refused                 waits for the shots or the time limit
FIRED     to LOADED          to ARMED                inputs: hands over once, to EMPTY
========  =================  ======================  =====================================

``stop`` is allowed at any stage: back to LOADED for an output that holds a sequence, to EMPTY for
anything else. A loaded sequence stays loaded, so that it can be armed and fired again: the second
pass of a batch shows the frames of the first. Readings are handed over once: stale ones can never
pass for fresh ones.
"""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from instruments.errors import InstrumentError
from instruments.interfaces.instrument import Instrument


class SequenceError(InstrumentError):
    """A step of the life cycle was asked for out of turn."""


SequenceStage = Literal["empty", "loaded", "armed", "fired"]
"""Where a sequence instrument is in its life cycle."""


@runtime_checkable
class SequenceOutput(Instrument, Protocol):
    """An instrument that shows one setting a shot. How it is loaded belongs to its kind.

    Limit: ``shots``, the lengths a sequence may have.
    """

    def arm(self) -> None:
        """Get ready to step through the loaded sequence, one setting at every trigger.

        Raises
        ------
        SequenceError
            If nothing is loaded or it is armed already.
        """
        ...

    def wait_until_done(self, timeout_seconds: float) -> None:
        """Return when the last shot of the armed sequence is over, at once if it is already.

        Raises
        ------
        SequenceError
            If it was not armed.
        InstrumentTimeoutError
            If shots are missing after ``timeout_seconds``; it stays armed.
        """
        ...

    def stop(self) -> None:
        """Abandon what is armed; the loaded sequence stays."""
        ...


@runtime_checkable
class SequenceInput(Instrument, Protocol):
    """An instrument that takes one reading of every channel a shot.

    Limit: ``shots``, for how many it can be armed.
    """

    @property
    def channels(self) -> int:
        """How many values one shot gives."""
        ...

    def arm(self, shots: int) -> None:
        """Get ready to take ``shots`` readings, one at every trigger.

        Readings not handed over yet are lost.

        Raises
        ------
        SequenceError
            If it is armed already.
        LimitError
            If ``shots`` is outside ``limits()["shots"]``.
        """
        ...

    def read(self, timeout_seconds: float) -> npt.NDArray[np.float32]:
        """Return the readings ``[shots, channels]``, in the unit of the kind.

        Raises
        ------
        SequenceError
            If it was not armed since the last reading.
        InstrumentTimeoutError
            If shots are missing after ``timeout_seconds``; it stays armed.
        """
        ...

    def stop(self) -> None:
        """Abandon what is armed or not yet read."""
        ...


class SequenceState:
    """Keeps a sequence instrument to its life cycle; implementations own one each.

    Parameters
    ----------
    instrument
        Name for the error messages.
    loads
        Whether there is something to load, as for an output.

    Attributes
    ----------
    stage
        Where the instrument is.
    shots
        Length of the loaded or armed sequence; 0 when there is none.
    fired
        How many of the armed shots have happened.
    """

    __slots__ = ("_loads", "fired", "instrument", "shots", "stage")

    def __init__(self, instrument: str, *, loads: bool) -> None:
        self.instrument = instrument
        self.stage: SequenceStage = "empty"
        self.shots = 0
        self.fired = 0
        self._loads = loads

    def check_load(self) -> None:
        """Refuse to load while armed. To be called before anything is sent.

        Raises
        ------
        SequenceError
            If it is armed.
        """
        if self.stage == "armed":
            raise SequenceError(
                f"{self.instrument}: a new sequence was given while it is armed for {self.shots} "
                "shots; wait until they are done, or stop it first"
            )

    def loaded(self, shots: int) -> None:
        """Note that a sequence of ``shots`` settings is in the instrument."""
        self.check_load()
        self.stage = "loaded"
        self.shots = shots
        self.fired = 0

    def check_arm(self) -> None:
        """Refuse to arm twice or with nothing loaded. To be called before anything is sent.

        Raises
        ------
        SequenceError
            If it is armed, or nothing is loaded where something has to be.
        """
        if self.stage == "armed":
            raise SequenceError(
                f"{self.instrument}: armed a second time with {self.shots - self.fired} of "
                f"{self.shots} shots still to come; wait until they are done, or stop it first"
            )
        if self._loads and self.stage == "empty":
            raise SequenceError(
                f"{self.instrument}: armed with nothing loaded; load a sequence first"
            )

    def armed(self, shots: int | None = None) -> None:
        """Note that the instrument waits for ``shots`` triggers; by default those loaded."""
        self.check_arm()
        if shots is not None:
            self.shots = shots
        self.stage = "armed"
        self.fired = 0

    def triggered(self, shots: int) -> int:
        """Note ``shots`` triggers; return how many of them were waited for.

        As on the device, triggers that find it not armed, or that come after the last shot, do
        nothing.
        """
        if self.stage != "armed":
            return 0
        taken = min(shots, self.shots - self.fired)
        self.fired += taken
        if self.fired == self.shots:
            self.stage = "fired"
        return taken

    def check_started(self) -> None:
        """Refuse to wait or to read when nothing was armed.

        Raises
        ------
        SequenceError
            If it is neither armed nor fired.
        """
        if self.stage not in ("armed", "fired"):
            raise SequenceError(
                f"{self.instrument}: asked for the outcome of shots it was not armed for; "
                "arm it before the trigger fires"
            )

    @property
    def done(self) -> bool:
        """Whether every armed shot has happened."""
        return self.stage == "fired"

    def read_out(self) -> None:
        """Note that the readings of an input were handed over."""
        self.stage = "empty"
        self.shots = 0
        self.fired = 0

    def stopped(self) -> None:
        """Note that whatever was armed is abandoned."""
        self.fired = 0
        if self._loads and self.stage != "empty":
            self.stage = "loaded"
        else:
            self.stage = "empty"
            self.shots = 0
