"""A trigger source made of one output of a Keysight 33500 or 33600: a burst of pulses."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from instruments.clock import wait_for
from instruments.drivers.connected_instrument import (
    ConnectedInstrument,
    each,
    open_boxes,
    refuse_other_models,
)
from instruments.drivers.keysight_33500 import MODELS, MOST_CYCLES, keysight_33500
from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.interfaces.sequence import SequenceError
from instruments.limits import Limit
from instruments.opening import OpeningRequest
from instruments.quantities import PositiveSeconds, PositiveVolts
from instruments.shots_fired import shots_fired
from instruments.transport.session import Session
from instruments.transport.shared_session import ConnectionSettings

POLL_SECONDS = 1e-3
_OPERATION_COMPLETE = 1


class Keysight33500TriggerSettings(ConnectionSettings):
    """A pulse for every shot.

    Attributes
    ----------
    output
        Which of the box.
    pulse
        Height of a pulse into 50 ohms.
    width
        How long a pulse is; shorter than the shot period.
    shortest_period, longest_period
        What the bench may ask for.
    """

    output: Annotated[int, Field(strict=True, ge=1, le=2)] = 1
    pulse: PositiveVolts = 2.5
    width: PositiveSeconds = 1e-6
    shortest_period: PositiveSeconds = 2e-6
    longest_period: PositiveSeconds = 10.0


class Keysight33500Trigger(ConnectedInstrument):
    """Fires when the bus tells the box to; its burst has one cycle for every shot."""

    kind: ClassVar[str] = "trigger_source"
    Settings: ClassVar[type[Keysight33500TriggerSettings]] = Keysight33500TriggerSettings
    models: ClassVar[tuple[str, ...]] = MODELS

    def __init__(
        self, request: OpeningRequest[Keysight33500TriggerSettings], session: Session
    ) -> None:
        own = request.settings
        super().__init__(
            request,
            [session],
            {
                "shots": Limit(1, MOST_CYCLES, "shots"),
                "period_seconds": Limit(own.shortest_period, own.longest_period, "s"),
            },
        )
        self._own = own
        self._session = session
        box = keysight_33500(session)
        self._output = box.ch_1 if own.output == 1 else box.ch_2
        self._fired = shots_fired(request)
        self._firing = False
        self._on = False
        self._period = self._checked("period_seconds", request.bench.exposure.shot_period)
        self._configure()
        self._check_complaints()

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the source, stopped, with the bench file's shot period.

        Raises
        ------
        InstrumentError
            If the box does not answer, is of another family or refuses its settings.
        """
        (session,) = open_boxes(request, 1)
        try:
            refuse_other_models([session], cls.models)
            return cls(request, session)
        except BaseException:
            each([session], Session.close)
            raise

    def period_seconds(self) -> float:
        """Ask for the time from one shot to the next."""
        self._check_open()
        return float(self._output.pulse_period)

    def set_period_seconds(self, seconds: float) -> None:
        """Set the time from one shot to the next."""
        asked = self._checked("period_seconds", seconds)
        self._check_idle()
        self._output.pulse_period = asked
        self._period = asked
        self._check_complaints()

    def fire(self, shots: int) -> None:
        """Let the box give ``shots`` pulses."""
        count = int(self._checked("shots", shots))
        self._check_idle()

        def burst() -> None:
            if not self._on:
                self._output.output = True
                self._on = True
            self._session.write(f"SOUR{self._own.output}:BURS:NCYC {count};*TRG;*OPC")

        self._session.all_or_nothing(burst)
        self._firing = True
        self._fired.announce(count)

    def wait_until_done(self, timeout_seconds: float) -> None:
        """Return when the box says that the burst is over."""
        self._check_open()
        if not wait_for(self._is_over, self._session.clock, timeout_seconds, POLL_SECONDS):
            raise InstrumentTimeoutError(
                f"{self.name}: shots are not over after {timeout_seconds:g} s, {self._period:g} s "
                "each; wait longer or fire fewer"
            )
        self._check_complaints()

    def stop(self) -> None:
        """Fire no further shot."""
        self._check_open()
        self._session.write("ABOR")
        self._firing = False

    def _check_idle(self) -> None:
        if not self._is_over():
            raise SequenceError(
                f"{self.name}: shots are under way; wait until they are over, or stop it first"
            )

    def _is_over(self) -> bool:
        if self._firing:
            status = self._session.query("*ESR?")
            try:
                self._firing = not int(float(status)) & _OPERATION_COMPLETE
            except ValueError:
                raise self._session.garbled(status, "a status register") from None
        return not self._firing

    def _configure(self) -> None:
        own, output = self._own, self._output
        output.output = False
        output.load = "50"
        output.function = "PULS"
        output.pulse_period = self._period
        output.pulse_width = min(own.width, 0.5 * self._period)
        output.amplitude = own.pulse
        output.offset = 0.5 * own.pulse
        output.burst_mode = "TRIG"
        output.burst_cycles = 1
        output.trigger_source = "BUS"
        output.burst = True
        self._session.write("*CLS")

    def _restore(self, session: Session) -> None:
        """Bring the box back that was lost.

        Raises
        ------
        ExposureLostError
            If it was firing: nobody knows how many shots came.
        """
        was_firing, self._firing = self._firing, False
        self._on = False
        self._configure()
        if was_firing:
            raise self._void(session, "while it was firing")

    def _go_safe(self) -> None:
        self._firing = False
        self._on = False
        self._session.write("ABOR")
        self._output.output = False
