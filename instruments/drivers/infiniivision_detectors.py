"""Detectors on Keysight InfiniiVision oscilloscopes (2000, 3000, 4000 X-series), four a box.

Commands after the *InfiniiVision Oscilloscopes Programmer's Guide*: a single acquisition, 16-bit
samples, the preamble for the scales.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from instruments.drivers.clocked_detectors import ClockedDetectors, check_sampling
from instruments.drivers.connected_instrument import (
    check_box_count,
    each,
    open_boxes,
    refuse_other_models,
)
from instruments.drivers.sampled_records import shot_means
from instruments.errors import BenchFileError
from instruments.opening import OpeningRequest
from instruments.quantities import PositiveVolts
from instruments.transport.session import Session
from instruments.transport.shared_session import ConnectionSettings

MODELS = ("DSO-X", "MSO-X", "DSOX", "MSOX", "EDUX")
INPUTS_OF_A_BOX = 4
POINTS = (100, 250, 500, *(n * 10**power for power in (3, 4, 5) for n in (1, 2, 5)), 1_000_000)
"""Lengths of a record that ``:WAVeform:POINts`` takes in its raw mode."""
MARGIN = 1.01
"""Times are rounded by the box; a record a little longer than the shots loses none."""
DIVISIONS = 10
RUNNING = 8
"""Bit of the operation status register that is set while an acquisition runs."""


class InfiniiVisionSettings(ConnectionSettings):
    """Oscilloscopes behind balanced detectors.

    Attributes
    ----------
    channels
        How many detectors there are: inputs 1 to 4 of the first box, then of the next.
    volts_per_field
        Reading per unit of the saturation field, for nominal tables.
    full_scale
        Inputs are set to plus and minus this.
    bits
        Of a sample in high-resolution acquisition.
    samples_a_shot
        How finely a record is sampled.
    most_points
        Longest record to ask for; the boxes have some lengths to choose from.
    trigger_level
        Of the external trigger input.
    """

    channels: Annotated[int, Field(strict=True, ge=1)]
    volts_per_field: PositiveVolts = 0.2
    full_scale: PositiveVolts = 1.0
    bits: Literal[8, 10, 12, 14] = 12
    samples_a_shot: Annotated[int, Field(strict=True, ge=4, le=10_000)] = 10
    most_points: Annotated[int, Field(strict=True, ge=100)] = 62_500
    trigger_level: PositiveVolts = 1.0


class Preamble(NamedTuple):
    """What ``:WAVeform:PREamble?`` says, in its order."""

    form: float
    kind: float
    points: float
    averages: float
    x_increment: float
    x_origin: float
    x_reference: float
    y_increment: float
    y_origin: float
    y_reference: float


def read_preamble(session: Session) -> Preamble:
    """Ask for the scales of the waveform that is selected.

    Raises
    ------
    GarbledReply
        If the answer is not ten numbers.
    """
    text = session.query(":WAV:PRE?")
    try:
        return Preamble(*(float(part) for part in text.split(",")))
    except (ValueError, TypeError):
        raise session.garbled(text, "the ten numbers of a preamble") from None


class InfiniiVisionDetectors(ClockedDetectors):
    """Oscilloscopes as one array."""

    kind: ClassVar[str] = "photodetector_array"
    Settings: ClassVar[type[InfiniiVisionSettings]] = InfiniiVisionSettings
    models: ClassVar[tuple[str, ...]] = MODELS

    def __init__(
        self, request: OpeningRequest[InfiniiVisionSettings], sessions: list[Session]
    ) -> None:
        own = request.settings
        super().__init__(
            request,
            sessions,
            own.channels,
            INPUTS_OF_A_BOX,
            int(_longest(own.most_points) / (MARGIN * own.samples_a_shot)),
            own.full_scale,
        )
        self._own = own
        self._ranges: dict[str, int] = {}
        for session in sessions:
            self._configure(session)
        self._check_complaints()

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the detectors, stopped.

        Raises
        ------
        InstrumentError
            If a box does not answer, is of another family or refuses its settings.
        """
        own = request.settings
        check_box_count(request, own.channels, INPUTS_OF_A_BOX)
        if own.samples_a_shot * MARGIN > _longest(own.most_points):
            raise BenchFileError(
                f"{request.bench.origin}: instruments.{request.name}.settings.samples_a_shot: "
                f"found {own.samples_a_shot}; records of at most {_longest(own.most_points)} "
                "points do not hold one shot: sample more slowly or raise most_points"
            )
        sample_seconds = request.bench.exposure.shot_period / own.samples_a_shot
        check_sampling(request, sample_seconds, "samples_a_shot")
        sessions = open_boxes(request)
        try:
            refuse_other_models(sessions, cls.models)
            return cls(request, sessions)
        except BaseException:
            each(sessions, Session.close)
            raise

    def _configure(self, session: Session) -> None:
        own = self._own
        session.write(":STOP")
        for number in range(1, INPUTS_OF_A_BOX + 1):
            in_use = number in self._inputs(session)
            session.write(f":CHAN{number}:DISP {int(in_use)}")
            if in_use:
                session.write(f":CHAN{number}:COUP DC")
                session.write(f":CHAN{number}:RANG {2 * own.full_scale:.9g}")
                session.write(f":CHAN{number}:OFFS 0")
        for command in (
            ":ACQ:TYPE HRES",
            ":TRIG:MODE EDGE",
            ":TRIG:EDGE:SOUR EXT",
            f":TRIG:EDGE:LEV {own.trigger_level:.6g},EXT",
            ":TRIG:EDGE:SLOP POS",
            ":TRIG:SWE NORM",
            ":TIM:REF LEFT",
            ":WAV:FORM WORD",
            ":WAV:BYT LSBF",
            ":WAV:UNS 0",
            ":WAV:POIN:MODE RAW",
        ):
            session.write(command)
        self._ranges.pop(session.address, None)

    def _begin(self, session: Session, shots: int) -> None:
        if self._ranges.get(session.address) != shots:
            seconds = MARGIN * shots * self.window.period_seconds
            fewest = MARGIN * shots * self._own.samples_a_shot
            session.write(f":TIM:RANG {seconds:.12g}")
            # The reference is one division from the left, and the trigger is to be at the edge.
            session.write(f":TIM:POS {seconds / DIVISIONS:.12g}")
            session.write(f":WAV:POIN {next(one for one in POINTS if one >= fewest)}")
            self._ranges[session.address] = shots
        session.write(":SING")

    def _has_record(self, session: Session) -> bool:
        text = session.query(":OPER:COND?")
        try:
            return not int(float(text)) & RUNNING
        except ValueError:
            raise session.garbled(text, "a status register") from None

    def _read_channel(self, session: Session, number: int, shots: int) -> npt.NDArray[Any]:
        with session:
            session.write(f":WAV:SOUR CHAN{number}")
            scales = read_preamble(session)
            record = session.query_block(":WAV:DATA?", "<i2")
        began = scales.x_origin - scales.x_reference * scales.x_increment
        means = shot_means(record, began, scales.x_increment, shots, self.window, self.name)
        volts = (means - scales.y_reference) * scales.y_increment + scales.y_origin
        return np.asarray(volts, np.float32)

    def _abandon(self, session: Session) -> None:
        session.write(":STOP")


def _longest(most_points: int) -> int:
    """Return the longest record of at most so many points."""
    return max(one for one in POINTS if one <= most_points)
