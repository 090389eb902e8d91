"""Faults that are switched on by hand, to see that the software around a bench stands them.

Every fault is named by the instrument it befalls and stays until it is cleared.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.errors import InstrumentError
from sim_backends.twin.wire_faults import WireFaults

Floats = npt.NDArray[np.float32]


class Faults:
    """The faults of one twin; none at first.

    Attributes
    ----------
    any
        Whether there is a fault at all, so that a healthy bench pays for one look.
    version
        Changes with every fault, so that light worked out before it is not taken for granted.
    wire
        Faults of the wires to instruments.
    """

    def __init__(self) -> None:
        self.wire = WireFaults()
        self.any = False
        self.version = 0
        self._hanging: dict[str, threading.Event] = {}
        self._failing: dict[str, str] = {}
        self._dead: dict[str, set[int]] = {}
        self._saturated: dict[str, set[int]] = {}
        self._slipped: dict[str, int] = {}
        self._until_stopped: set[str] = set()

    def hang(self, instrument: str) -> None:
        """Let every call to an instrument wait until the faults are cleared."""
        self._hanging[instrument] = threading.Event()
        self._changed()

    def fail(self, instrument: str, message: str = "does not answer") -> None:
        """Let every call to an instrument raise ``InstrumentError``."""
        self._failing[instrument] = message
        self._changed()

    def kill_channel(self, instrument: str, channel: int) -> None:
        """Let a modulator pass no light, or a detector read nothing but 0 V."""
        self._dead.setdefault(instrument, set()).add(channel)
        self._changed()

    def saturate_channel(self, detectors: str, channel: int) -> None:
        """Let a detector read its full scale in every shot."""
        self._saturated.setdefault(detectors, set()).add(channel)
        self._changed()

    def slip(self, instrument: str, shots: int = 1, *, until_stopped: bool = False) -> None:
        """Let a modulator array or a detector array lag behind the triggers by some shots.

        A counter that lost a trigger is right again once the instrument is stopped and armed
        anew (``until_stopped``); a bad cable is not.
        """
        self._slipped[instrument] = shots
        if until_stopped:
            self._until_stopped.add(instrument)
        self._changed()

    def stopped(self, instrument: str) -> None:
        """Let an instrument that is stopped count from the start again."""
        if instrument in self._until_stopped:
            self._until_stopped.remove(instrument)
            self._slipped.pop(instrument, None)
            self._changed()

    def clear(self) -> None:
        """End all faults; calls that hang return."""
        self._changed(any_left=False)
        self.wire.clear()
        for event in self._hanging.values():
            event.set()
        for faults in (
            self._hanging,
            self._failing,
            self._dead,
            self._saturated,
            self._slipped,
            self._until_stopped,
        ):
            faults.clear()

    def _changed(self, *, any_left: bool = True) -> None:
        self.any = any_left
        self.version += 1

    def meet(self, instrument: str) -> None:
        """Hang or fail, if that is the instrument's fault.

        Raises
        ------
        InstrumentError
            If it was told to fail.
        """
        if not self.any:
            return
        self.wait_while_hanging(instrument)
        message = self._failing.get(instrument)
        if message is not None:
            raise InstrumentError(f"{instrument}: {message}; switch it off and on again")

    def wait_while_hanging(self, instrument: str) -> None:
        """Return when an instrument does not hang, or no longer."""
        event = self._hanging.get(instrument)
        if event is not None:
            event.wait()

    def fails(self, instrument: str) -> bool:
        """Return whether an instrument was told to fail."""
        return instrument in self._failing

    def driven(self, modulators: str, fields: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the fields ``[shots, n]`` that leave an emitter, given the right ones."""
        if not self.any:
            return fields
        slipped = self._slipped.get(modulators, 0)
        if slipped:
            fields = _late(fields, slipped)
        for channel in self._dead.get(modulators, ()):
            fields[:, channel] = 0
        return fields

    def read(self, detectors: str, volts: Floats, full_scale: float) -> Floats:
        """Return the readings ``[shots, n]`` of detectors, given the right ones."""
        if not self.any:
            return volts
        slipped = self._slipped.get(detectors, 0)
        if slipped:
            volts = _late(volts, slipped)
        for channel in self._dead.get(detectors, ()):
            volts[:, channel] = 0
        for channel in self._saturated.get(detectors, ()):
            volts[:, channel] = full_scale
        return volts


def _late(rows: npt.NDArray[Any], shots: int) -> npt.NDArray[Any]:
    """Repeat the first row while the others come late; the last ones are lost."""
    held = np.repeat(rows[:1], min(shots, len(rows)), axis=0)
    return np.concatenate([held, rows[: max(0, len(rows) - shots)]])
