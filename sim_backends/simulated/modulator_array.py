"""Simulated array of modulators."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from instruments.checked_copy import copied_within
from instruments.interfaces.sequence import SequenceState
from instruments.limits import Limit, check_array, check_shape
from instruments.opening import OpeningRequest
from sim_backends.simulated.settings import ModulatorArraySettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument, check_all_fired
from sim_backends.simulated.trigger_line import shared_trigger_line

Floats = npt.NDArray[np.float32]


class SimulatedModulatorArray(SimulatedInstrument):
    """Modulators of a twin. An array that is not armed holds its last setting.

    An array the bench file gives no role in the light keeps its promises in the dark.
    """

    kind: ClassVar[str] = "modulator_array"
    Settings: ClassVar[type[ModulatorArraySettings]] = ModulatorArraySettings

    def __init__(self, request: OpeningRequest[ModulatorArraySettings]) -> None:
        own = request.settings
        super().__init__(
            request,
            {
                "volts": Limit(-own.full_scale, own.full_scale, "V"),
                "shots": Limit(1, own.most_shots, "shots"),
            },
        )
        self.channels = own.channels
        self.sequence = SequenceState(self.name, loads=True)
        self._volts_limit = self._limits["volts"]
        self._loaded: Floats = np.zeros((1, self.channels), np.float32)
        # What was loaded before, and so is neither shown nor to be.
        self._spare: Floats = self._loaded
        self._held: Floats = np.zeros((1, self.channels), np.float32)
        # What the twin was last told: the array of volts and the rows of it.
        self._told: tuple[Floats, int, int] = (self._held, 0, 1)
        self._drives = self.name in self.twin.modulators
        shared_trigger_line(request).outputs[self.name] = self

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the array, at 0 V."""
        return cls(request)

    def load(self, volts: npt.NDArray[np.float32]) -> None:
        """Load voltages ``[shots, channels]``; errors as of the interface."""
        check_shape(self.name, "volts", volts, (None, self.channels))
        self._checked("shots", len(volts))
        limit = self._volts_limit
        copied = self._room_for(volts.shape)
        if not copied_within(limit.low, limit.high, volts, copied):
            # Says which of them does not.
            check_array(self.name, "volts", volts, limit)
        self.sequence.loaded(len(volts))
        self._loaded, self._spare = copied, self._loaded

    def _room_for(self, shape: tuple[int, ...]) -> Floats:
        """Return an array to load: the spare one, unless the modulators hold some of it still."""
        spare = self._spare
        if spare.shape == shape and spare is not self._told[0] and spare is not self._held.base:
            return spare
        return np.empty(shape, np.float32)

    def arm(self) -> None:
        """Get ready to step through the loaded voltages."""
        self._check_open()
        self.sequence.armed()

    def wait_until_done(self, timeout_seconds: float) -> None:
        """Return when the last shot is over."""
        self._check_open()
        check_all_fired(self.sequence, timeout_seconds)

    def stop(self) -> None:
        """Abandon what is armed; the last setting stays."""
        self._check_open()
        self.sequence.stopped()
        self.twin.faults.stopped(self.name)

    def volts_now(self) -> Floats:
        """Return the volts ``[channels]`` the modulators hold between shots."""
        held: Floats = self._held[0].copy()
        return held

    def before_shots(self, shots: int) -> None:
        """Step through the armed sequence, or hold."""
        if shots and self.sequence.stage == "armed":
            first = self.sequence.fired
            taken = self.sequence.triggered(shots)
            wanted = (self._loaded, first, first + taken)
            self._held = self._loaded[first + taken - 1 : first + taken]
        else:
            wanted = (self._held, 0, 1)
        told = self._told
        if wanted[0] is told[0] and wanted[1:] == told[1:]:
            return
        self._told = wanted
        if self._drives:
            self.twin.drive(self.name, wanted[0][wanted[1] : wanted[2]])

    def _go_safe(self) -> None:
        self.sequence.stopped()
        self._held = np.zeros((1, self.channels), np.float32)
        self._told = (self._held, 0, 1)
        if self._drives:
            self.twin.drive(self.name, self._held)
