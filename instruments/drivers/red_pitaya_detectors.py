"""Detectors on Red Pitaya boards, two inputs each."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from instruments.drivers.clocked_detectors import (
    POLL_SECONDS,
    ClockedDetectors,
    check_sampling,
)
from instruments.drivers.connected_instrument import (
    check_box_count,
    each,
    open_boxes,
    refuse_other_models,
)
from instruments.drivers.red_pitaya import (
    BUFFER_SAMPLES,
    END,
    INPUTS_OF_A_BOARD,
    MODELS,
    SAMPLES_A_SECOND,
    Decimation,
)
from instruments.drivers.sampled_records import shot_means
from instruments.errors import BenchFileError
from instruments.opening import OpeningRequest
from instruments.quantities import PositiveVolts
from instruments.transport.session import Session
from instruments.transport.shared_session import ConnectionSettings


class RedPitayaDetectorSettings(ConnectionSettings):
    """Boards behind balanced detectors.

    Attributes
    ----------
    channels
        How many detectors there are: inputs 1 and 2 of the first board, then of the next.
    volts_per_field
        Reading per unit of the saturation field, for nominal tables.
    full_scale
        1 V or 20 V, as the jumpers of the inputs are set.
    bits
        Of the board's converters.
    decimation
        A sample is the mean of so many at 125 MS/s; the buffer of 16384 holds a sequence.
    """

    channels: Annotated[int, Field(strict=True, ge=1)]
    volts_per_field: PositiveVolts = 0.2
    full_scale: PositiveVolts = 1.0
    bits: Literal[10, 12, 14, 16] = 14
    decimation: Decimation = 64

    @model_validator(mode="after")
    def _one_of_the_jumpers(self) -> Self:
        if self.full_scale not in (1.0, 20.0):
            raise ValueError(f"full_scale of {self.full_scale:g} V; '1 V' and '20 V' are allowed")
        return self


class RedPitayaDetectors(ClockedDetectors):
    """Boards as one array."""

    kind: ClassVar[str] = "photodetector_array"
    Settings: ClassVar[type[RedPitayaDetectorSettings]] = RedPitayaDetectorSettings
    models: ClassVar[tuple[str, ...]] = MODELS

    def __init__(
        self, request: OpeningRequest[RedPitayaDetectorSettings], sessions: list[Session]
    ) -> None:
        own = request.settings
        self._sample_seconds = own.decimation / SAMPLES_A_SECOND
        period = request.bench.exposure.shot_period
        most = int(BUFFER_SAMPLES * self._sample_seconds / period * (1 + 1e-9))
        if most < 1:
            raise BenchFileError(
                f"{request.bench.origin}: instruments.{request.name}.settings.decimation: found "
                f"{own.decimation}; its buffer lasts {BUFFER_SAMPLES * self._sample_seconds:g} s "
                f"and a shot {period:g} s: decimate more"
            )
        super().__init__(
            request,
            sessions,
            own.channels,
            INPUTS_OF_A_BOARD,
            most,
            own.full_scale,
            poll_seconds=max(POLL_SECONDS, BUFFER_SAMPLES * self._sample_seconds / 8),
        )
        self._own = own
        for session in sessions:
            self._configure(session)
        self._check_complaints()

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the detectors, stopped.

        Raises
        ------
        InstrumentError
            If a board does not answer, is something else or refuses its settings.
        """
        own = request.settings
        check_box_count(request, own.channels, INPUTS_OF_A_BOARD)
        check_sampling(request, own.decimation / SAMPLES_A_SECOND, "decimation")
        sessions = open_boxes(request, end=END)
        try:
            refuse_other_models(sessions, cls.models)
            return cls(request, sessions)
        except BaseException:
            each(sessions, Session.close)
            raise

    def _configure(self, session: Session) -> None:
        gain = "LV" if self._own.full_scale == 1.0 else "HV"
        session.write("ACQ:RST")
        session.write(f"ACQ:DEC {self._own.decimation}")
        session.write("ACQ:AVG ON")
        session.write("ACQ:DATA:FORMAT BIN")
        session.write("ACQ:DATA:UNITS VOLTS")
        for number in self._inputs(session):
            session.write(f"ACQ:SOUR{number}:GAIN {gain}")
        # The trigger is in the middle of the buffer unless delayed by half of it.
        session.write(f"ACQ:TRIG:DLY {BUFFER_SAMPLES // 2}")

    def _begin(self, session: Session, shots: int) -> None:
        session.write("ACQ:START")
        session.write("ACQ:TRIG EXT_PE")

    def _has_record(self, session: Session) -> bool:
        if session.query("ACQ:TRIG:STAT?").strip() != "TD":
            return False
        return session.query("ACQ:TRIG:FILL?").strip() == "1"

    def _read_channel(self, session: Session, number: int, shots: int) -> npt.NDArray[Any]:
        seconds = shots * self.window.period_seconds
        samples = min(BUFFER_SAMPLES, int(np.ceil(seconds / self._sample_seconds)))
        record = session.query_block(f"ACQ:SOUR{number}:DATA:OLD:N? {samples}", ">f4")
        means = shot_means(record, 0.0, self._sample_seconds, shots, self.window, self.name)
        return np.asarray(means, np.float32)

    def _abandon(self, session: Session) -> None:
        session.write("ACQ:STOP")
