"""A modulator array driven by Keysight 33500 or 33600 waveform generators.

A waveform has one point for each shot and moves on by a point at every external trigger. It begins
with the last shot's point and ends with the one before: what is shown before the first trigger is
what stays after the last, and a whole sequence ends where it began.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from instruments.clock import wait_for
from instruments.drivers.connected_instrument import (
    ConnectedInstrument,
    check_box_count,
    each,
    open_boxes,
    refuse_other_models,
)
from instruments.drivers.keysight_33500 import (
    FEWEST_POINTS,
    HIGHEST_CODE,
    HIGHEST_VOLTS,
    MODELS,
    Keysight33500Channel,
    keysight_33500,
    upload_codes,
)
from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.interfaces.sequence import SequenceState
from instruments.limits import Limit, check_array, check_shape
from instruments.opening import OpeningRequest
from instruments.quantities import PositiveVolts
from instruments.shots_fired import shots_fired
from instruments.transport.session import Session
from instruments.transport.shared_session import ConnectionSettings

OUTPUTS_OF_A_BOX = 2
WAVEFORM = "SHOTS"
POLL_SECONDS = 2e-3

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int16]


class Keysight33500ModulatorSettings(ConnectionSettings):
    """Generators in front of Mach-Zehnder modulators, and the modulators' data sheet.

    Attributes
    ----------
    channels
        How many modulators there are: outputs 1 and 2 of the first box, then of the next.
    half_wave_voltage, field_at_full
        The data sheet, from which nominal tables are made.
    full_scale
        Outputs span plus and minus this, at the load they are told of.
    load
        What the outputs drive: ``"50"`` ohms or ``"INF"``.
    most_shots
        Longest sequence.
    """

    channels: Annotated[int, Field(strict=True, ge=1)]
    half_wave_voltage: PositiveVolts = 3.5
    field_at_full: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = 1.0
    full_scale: PositiveVolts = 5.0
    bits: Literal[16] = 16
    load: Literal["50", "INF"] = "50"
    most_shots: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 65536

    @model_validator(mode="after")
    def _within_the_box(self) -> Self:
        highest = HIGHEST_VOLTS[self.load]
        if self.full_scale > highest:
            raise ValueError(
                f"full_scale of {self.full_scale:g} V; the box gives at most {highest:g} V either "
                f"way at a load of {self.load}"
            )
        return self


class Keysight33500Modulators(ConnectedInstrument):
    """Several boxes as one array. The boxes cannot count triggers; what was fired is counted."""

    kind: ClassVar[str] = "modulator_array"
    Settings: ClassVar[type[Keysight33500ModulatorSettings]] = Keysight33500ModulatorSettings
    models: ClassVar[tuple[str, ...]] = MODELS

    def __init__(
        self, request: OpeningRequest[Keysight33500ModulatorSettings], sessions: list[Session]
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
        self._step_volts = own.full_scale * 2.0 ** (1 - own.bits)
        self._fired = shots_fired(request)
        self._fired_at_arm = 0
        self._listening = False
        self._boxes = [keysight_33500(session) for session in sessions]
        self._loaded: list[Codes | None] = [None] * self.channels
        self._on = False
        for number in range(len(sessions)):
            self._configure(number)
        self._check_complaints()

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the array, its outputs off.

        Raises
        ------
        InstrumentError
            If a box does not answer, is of another family or refuses its settings.
        """
        check_box_count(request, request.settings.channels, OUTPUTS_OF_A_BOX)
        sessions = open_boxes(request)
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
        np.clip(codes, -HIGHEST_CODE, HIGHEST_CODE, out=codes)
        points = np.roll(codes.astype(np.int16), 1, axis=0).T
        for channel in range(self.channels):
            self._upload(channel, np.ascontiguousarray(points[channel]))
        self._check_complaints()
        self.sequence.loaded(len(volts))

    def arm(self) -> None:
        """Go back to the beginning of the waveforms and listen to the trigger."""
        self._check_open()
        self.sequence.check_arm()
        self._fired_at_arm = self._fired.shots
        self._listening = True
        self._listen()
        if not self._on:
            for number in range(len(self._boxes)):
                self._switch(number, True)
            self._on = True
        self._check_complaints()
        self.sequence.armed()

    def wait_until_done(self, timeout_seconds: float) -> None:
        """Return when as many triggers were fired as there are shots."""
        self._check_open()
        self.sequence.check_started()
        if self.sequence.done:
            return
        if not wait_for(self._all_fired, self._clock, timeout_seconds, POLL_SECONDS):
            raise InstrumentTimeoutError(
                f"{self.name}: {self.sequence.fired} of {self.sequence.shots} shots were fired "
                f"within {timeout_seconds:g} s; check that the trigger source fires"
            )
        self._deafen()

    def stop(self) -> None:
        """Abandon what is armed; the outputs stay where they are."""
        self._check_open()
        if self._listening:
            self._deafen()
        self.sequence.stopped()

    def _all_fired(self) -> bool:
        new = self._fired.shots - self._fired_at_arm - self.sequence.fired
        self.sequence.triggered(new)
        return self.sequence.done

    def _outputs(self, number: int) -> list[tuple[int, Keysight33500Channel]]:
        """Return the channels of the array on one box, each with its output."""
        first = OUTPUTS_OF_A_BOX * number
        box = self._boxes[number]
        channels = range(first, min(first + OUTPUTS_OF_A_BOX, self.channels))
        return list(zip(channels, (box.ch_1, box.ch_2), strict=False))

    def _configure(self, number: int) -> None:
        own, box = self._own, self._boxes[number]
        box.byte_order = "SWAP"
        for _, output in self._outputs(number):
            output.output = False
            output.load = own.load
            output.trigger_source = "BUS"
            output.trigger_slope = "POS"
            output.function = "ARB"
            output.waveform_filter = "OFF"
            output.advance = "TRIG"
            output.voltage_limited = False
            output.amplitude = 2 * HIGHEST_CODE * self._step_volts
            output.offset = 0.0
            output.lowest_voltage = -own.full_scale
            output.highest_voltage = own.full_scale
            output.voltage_limited = True

    def _upload(self, channel: int, points: Codes) -> None:
        loaded = self._loaded[channel]
        if loaded is not None and np.array_equal(loaded, points):
            return
        self._loaded[channel] = None
        session = self._sessions[channel // OUTPUTS_OF_A_BOX]
        repeats = -(-FEWEST_POINTS // len(points))
        output = channel % OUTPUTS_OF_A_BOX + 1

        def replace() -> None:
            upload_codes(session, output, WAVEFORM, np.tile(points, repeats))
            session.write(f"SOUR{output}:FUNC:ARB {WAVEFORM}")

        session.all_or_nothing(replace)
        self._loaded[channel] = points

    def _listen(self) -> None:
        for number, session in enumerate(self._sessions):
            session.write(
                ";:".join(
                    f"SOUR{output.id}:FUNC:ARB {WAVEFORM};:TRIG{output.id}:SOUR EXT"
                    for _, output in self._outputs(number)
                )
            )

    def _deafen(self) -> None:
        """Take no notice of triggers any more: others may use them while these hold still."""
        for number, session in enumerate(self._sessions):
            session.write(
                ";:".join(f"TRIG{output.id}:SOUR BUS" for _, output in self._outputs(number))
            )
        self._listening = False

    def _switch(self, number: int, on: bool) -> None:
        for _, output in self._outputs(number):
            output.output = on

    def _restore(self, session: Session) -> None:
        """Bring a box back that was lost: settings, waveforms, output.

        Raises
        ------
        ExposureLostError
            If shots were fired while it was away: nobody knows what they showed.
        """
        number = self._sessions.index(session)
        self._configure(number)
        for channel, output in self._outputs(number):
            points, self._loaded[channel] = self._loaded[channel], None
            if points is not None:
                self._upload(channel, points)
            if self._on:
                output.output = True
        if not self._listening:
            return
        if self._fired.shots != self._fired_at_arm:
            raise self._void(session, "while its sequence ran")
        self._listen()

    def _go_safe(self) -> None:
        self.sequence.stopped()
        self._on = self._listening = False
        each(range(len(self._boxes)), lambda number: self._switch(number, False))
