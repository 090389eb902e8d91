"""A modulator array driven by the generators of Red Pitaya boards, two outputs each.

A board plays its buffer by its own clock from one external trigger on, a sample for each shot, and
then holds the last one.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from instruments.clock import wait_for
from instruments.drivers.connected_instrument import (
    ConnectedInstrument,
    check_box_count,
    each,
    open_boxes,
    refuse_other_models,
)
from instruments.drivers.red_pitaya import BUFFER_SAMPLES, END, INPUTS_OF_A_BOARD, MODELS
from instruments.errors import InstrumentError
from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.interfaces.sequence import SequenceState
from instruments.limits import Limit, check_array, check_shape
from instruments.opening import OpeningRequest
from instruments.quantities import PositiveVolts
from instruments.shots_fired import shots_fired
from instruments.transport.session import Session
from instruments.transport.shared_session import ConnectionSettings

POLL_SECONDS = 2e-3

Codes = npt.NDArray[np.float32]


class RedPitayaModulatorSettings(ConnectionSettings):
    """Boards in front of Mach-Zehnder modulators, and the modulators' data sheet.

    Attributes
    ----------
    channels
        How many modulators there are: outputs 1 and 2 of the first board, then of the next.
    half_wave_voltage, field_at_full
        The data sheet, from which nominal tables are made.
    full_scale, bits
        Outputs span plus and minus 1 V.
    """

    channels: Annotated[int, Field(strict=True, ge=1)]
    half_wave_voltage: PositiveVolts = 3.5
    field_at_full: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = 1.0
    full_scale: PositiveVolts = 1.0
    bits: Literal[14] = 14
    most_shots: Annotated[int, Field(strict=True, ge=1, le=BUFFER_SAMPLES)] = BUFFER_SAMPLES


class RedPitayaModulators(ConnectedInstrument):
    """Several boards as one array. Shots have to be fired in a row."""

    kind: ClassVar[str] = "modulator_array"
    Settings: ClassVar[type[RedPitayaModulatorSettings]] = RedPitayaModulatorSettings
    models: ClassVar[tuple[str, ...]] = MODELS
    takes_shots_in_parts: ClassVar[bool] = False

    def __init__(
        self, request: OpeningRequest[RedPitayaModulatorSettings], sessions: list[Session]
    ) -> None:
        own = request.settings
        super().__init__(
            request,
            sessions,
            {
                "volts": Limit(-own.full_scale, own.full_scale, "V"),
                "shots": Limit(1, own.most_shots, "shots"),
            },
        )
        self.channels = own.channels
        self.sequence = SequenceState(self.name, loads=True)
        self._own = own
        self._period = request.bench.exposure.shot_period
        self._step_volts = own.full_scale * 2.0 ** (1 - own.bits)
        self._fired = shots_fired(request)
        self._at_arm = (0, 0)
        self._listening = False
        self._loaded: list[Codes | None] = [None] * self.channels
        self._on = False
        for session in sessions:
            self._configure(session)
        self._check_complaints()

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the array, its outputs off.

        Raises
        ------
        InstrumentError
            If a board does not answer, is something else or refuses its settings.
        """
        check_box_count(request, request.settings.channels, INPUTS_OF_A_BOARD)
        sessions = open_boxes(request, end=END)
        try:
            refuse_other_models(sessions, cls.models)
            return cls(request, sessions)
        except BaseException:
            each(sessions, Session.close)
            raise

    def load(self, volts: npt.NDArray[np.float32]) -> None:
        """Load voltages ``[shots, channels]``; errors as of the interface."""
        self._check_open()
        check_shape(self.name, "volts", volts, (None, self.channels))
        self._checked("shots", len(volts))
        self.sequence.check_load()
        check_array(self.name, "volts", volts, self._limits["volts"])
        inverse = np.float32(1) / np.float32(self._step_volts)
        codes = np.rint(np.asarray(volts, np.float32) * inverse)
        for channel in range(self.channels):
            self._upload(channel, np.ascontiguousarray(codes[:, channel]))
        self._check_complaints()
        self.sequence.loaded(len(volts))

    def arm(self) -> None:
        """Wait for the trigger that starts the buffers."""
        self._check_open()
        self.sequence.check_arm()
        self._at_arm = (self._fired.shots, self._fired.firings)
        self._listening = True
        for session in self._sessions:
            self._listen(session)
            if not self._on:
                self._switch(session, True)
        self._on = True
        self._check_complaints()
        self.sequence.armed()

    def wait_until_done(self, timeout_seconds: float) -> None:
        """Return when as many triggers were fired as there are shots.

        Raises
        ------
        InstrumentError
            If they were not fired in a row.
        """
        self._check_open()
        self.sequence.check_started()
        if self.sequence.done and not self._listening:
            return
        if not wait_for(self._all_fired, self._clock, timeout_seconds, POLL_SECONDS):
            raise InstrumentTimeoutError(
                f"{self.name}: {self.sequence.fired} of {self.sequence.shots} shots were fired "
                f"within {timeout_seconds:g} s; check that the trigger source fires"
            )
        firings = self._fired.firings - self._at_arm[1]
        if firings > 1 and self._fired.shots - self._at_arm[0] <= self.sequence.shots:
            self.stop()
            raise InstrumentError(
                f"{self.name}: its {self.sequence.shots} shots were fired in {firings} parts; it "
                "steps by a clock of its own from the first trigger on: fire them in a row"
            )
        self._deafen()

    def stop(self) -> None:
        """Abandon what is armed."""
        self._check_open()
        if self._listening:
            self._deafen()
        self.sequence.stopped()

    def _all_fired(self) -> bool:
        if not self.sequence.done:
            self.sequence.triggered(self._fired.shots - self._at_arm[0] - self.sequence.fired)
        return self.sequence.done

    def _outputs(self, session: Session) -> list[tuple[int, int]]:
        """Return the channels of the array on one board, each with its output."""
        first = INPUTS_OF_A_BOARD * self._sessions.index(session)
        last = min(first + INPUTS_OF_A_BOARD, self.channels)
        return [(channel, channel - first + 1) for channel in range(first, last)]

    def _configure(self, session: Session) -> None:
        session.write("GEN:RST")
        for _, output in self._outputs(session):
            session.write(f"OUTPUT{output}:STATE OFF")
            session.write(f"SOUR{output}:FUNC ARBITRARY")
            session.write(f"SOUR{output}:VOLT {self._own.full_scale:.9g}")
            session.write(f"SOUR{output}:VOLT:OFFS 0")
            session.write(f"SOUR{output}:BURS:STAT BURST")
            session.write(f"SOUR{output}:BURS:NCYC 1")
            session.write(f"SOUR{output}:BURS:NOR 1")
            session.write(f"SOUR{output}:TRIG:SOUR INT")

    def _upload(self, channel: int, codes: Codes) -> None:
        loaded = self._loaded[channel]
        if loaded is not None and np.array_equal(loaded, codes):
            return
        self._loaded[channel] = None
        session = self._sessions[channel // INPUTS_OF_A_BOARD]
        output = channel % INPUTS_OF_A_BOARD + 1
        share = self._step_volts / self._own.full_scale
        text = ",".join(f"{share * code:.9g}" for code in codes.tolist())

        def replace() -> None:
            session.write(f"SOUR{output}:TRAC:DATA:DATA {text}")
            session.write(f"SOUR{output}:FREQ:FIX {1 / (len(codes) * self._period):.12g}")
            # What the output holds after the burst.
            session.write(f"SOUR{output}:BURS:LASTV {self._step_volts * float(codes[-1]):.9g}")

        session.all_or_nothing(replace)
        self._loaded[channel] = codes

    def _listen(self, session: Session) -> None:
        for _, output in self._outputs(session):
            session.write(f"SOUR{output}:TRIG:SOUR EXT_PE")

    def _deafen(self) -> None:
        """Take no notice of triggers any more: others may use them while these hold still."""

        def deafen(session: Session) -> None:
            for _, output in self._outputs(session):
                session.write(f"SOUR{output}:TRIG:SOUR INT")

        each(self._sessions, deafen)
        self._listening = False

    def _switch(self, session: Session, on: bool) -> None:
        for _, output in self._outputs(session):
            session.write(f"OUTPUT{output}:STATE {'ON' if on else 'OFF'}")

    def _restore(self, session: Session) -> None:
        """Bring a board back that was lost: settings, buffers, output.

        Raises
        ------
        ExposureLostError
            If shots were fired while it was away: nobody knows what they showed.
        """
        self._configure(session)
        for channel, _ in self._outputs(session):
            codes, self._loaded[channel] = self._loaded[channel], None
            if codes is not None:
                self._upload(channel, codes)
        if self._on:
            self._switch(session, True)
        if not self._listening:
            return
        if self._fired.shots != self._at_arm[0]:
            raise self._void(session, "while its sequence ran")
        self._listen(session)

    def _go_safe(self) -> None:
        self.sequence.stopped()
        self._on = self._listening = False
        each(self._sessions, lambda session: self._switch(session, False))
