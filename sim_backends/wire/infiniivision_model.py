"""Model of a Keysight InfiniiVision oscilloscope: single acquisitions and their binary records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from instruments.opening import OpeningRequest
from instruments.transport.binary_blocks import to_block
from sim_backends.wire.connectors import DetectorOutputs
from sim_backends.wire.scpi_model import (
    Reply,
    ScpiError,
    ScpiModel,
    asked,
    exponent,
    scpi,
    short_form,
    switch,
    value_in,
)
from sim_backends.wire.scpi_syntax import Argument, number
from sim_backends.wire.triggered_record import TriggeredRecord
from sim_backends.wire.wire_models import WireModel

INPUTS = 4
RUNNING = 8
POINTS = (100, 250, 500, *(n * 10**power for power in (3, 4, 5) for n in (1, 2, 5)))
MOST_POINTS = 4_000_000
REFERENCES = {"LEFT": 0.1, "CENT": 0.5, "RIGH": 0.9}
"""Where on the screen the time reference is: one division from an edge, or in the middle."""
CODES = {"BYTE": 256, "WORD": 65536}

Floats = npt.NDArray[np.float32]


class InfiniiVisionModel(ScpiModel):
    """A box with four inputs, all sampled together from the trigger on."""

    maker: ClassVar[str] = "KEYSIGHT TECHNOLOGIES"
    model: ClassVar[str] = "DSO-X 3034T"
    firmware: ClassVar[str] = "07.50.2021102830"

    def __init__(self, name: str, serial: str, clock: Any) -> None:
        self.detectors: DetectorOutputs | None = None
        super().__init__(name, serial, clock)

    def plug_into(self, detectors: DetectorOutputs) -> None:
        """Put detectors in front of the inputs."""
        self.detectors = detectors
        self._record = TriggeredRecord(detectors.window_seconds)
        detectors.connect(self)

    def reset(self) -> None:
        """Go to the default setup, stopped."""
        self._record = TriggeredRecord(
            0.0 if self.detectors is None else self.detectors.window_seconds
        )
        self._armed = False
        self._range_seconds = 1e-3
        self._delay_seconds = 0.0
        self._points = 1000
        self._form = "BYTE"
        self._little_endian = False
        self._unsigned = True
        self._source = 1
        self._displayed = [True] + [False] * (INPUTS - 1)
        self._ranges = [8.0] * INPUTS
        self._offsets = [0.0] * INPUTS
        self._reference = REFERENCES["CENT"]
        self._settings: dict[str, str] = {}

    # Acquisition ------------------------------------------------------------------------------

    @property
    def waits(self) -> bool:
        """Whether it waits for a trigger or still records."""
        return self._armed or self._is_recording()

    def sees(self, volts: Floats, begin: float, period: float) -> None:
        """Record what comes after the trigger."""
        self._armed = False
        self._record.add(volts, begin, period)

    def _is_recording(self) -> bool:
        began = self._record.began
        # A millionth of the record is nothing, but rounding is not to decide.
        lasts = (self._range_seconds + self._first_seconds) * (1 - 1e-6)
        return began is not None and self.clock.now() < began + lasts

    @scpi("SINGle")
    def _single(self) -> Reply:
        self._record.clear()
        self._armed = True
        return None

    @scpi("RUN")
    def _run(self) -> Reply:
        self._record.clear()
        self._armed = True
        return None

    @scpi("STOP")
    def _stop(self) -> Reply:
        self._armed = False
        return None

    @scpi("DIGitize", "TRIGger:FORCe")
    def _force(self, *sources: Argument) -> Reply:
        """Take a record now, of what the inputs show without a trigger."""
        self._record.clear()
        self._armed = False
        if self.detectors is not None:
            began = self.clock.now()
            volts = self.detectors.look(self)
            self._record.add(volts, began - self.detectors.shot_period_seconds, 1.0)
            self.clock.wait_until(began + self._range_seconds)
        return None

    @scpi("OPERegister:CONDition?")
    def _condition(self) -> Reply:
        return f"{RUNNING if self.waits else 0:+d}"

    @scpi("AER?")
    def _arm_event(self) -> Reply:
        return f"{int(self._armed):+d}"

    @scpi("TER?")
    def _trigger_event(self) -> Reply:
        return f"{int(self._record.began is not None):+d}"

    # Settings ---------------------------------------------------------------------------------

    @scpi("CHANnel#:DISPlay")
    def _show(self, channel: int, state: Argument) -> Reply:
        self._displayed[self._input(channel)] = switch(state)
        return None

    @scpi("CHANnel#:DISPlay?")
    def _is_shown(self, channel: int) -> Reply:
        return str(int(self._displayed[self._input(channel)]))

    @scpi("CHANnel#:RANGe")
    def _set_range(self, channel: int, volts: Argument) -> Reply:
        self._ranges[self._input(channel)] = value_in(volts, 8e-3, 80.0)
        return None

    @scpi("CHANnel#:RANGe?")
    def _get_range(self, channel: int, *which: Argument) -> Reply:
        return asked(which, self._ranges[self._input(channel)], 8e-3, 80.0)

    @scpi("CHANnel#:OFFSet")
    def _set_offset(self, channel: int, volts: Argument) -> Reply:
        self._offsets[self._input(channel)] = value_in(volts, -40.0, 40.0)
        return None

    @scpi("CHANnel#:OFFSet?")
    def _get_offset(self, channel: int) -> Reply:
        return exponent(self._offsets[self._input(channel)])

    @scpi("CHANnel#:COUPling")
    def _set_coupling(self, channel: int, coupling: Argument) -> Reply:
        self._settings[f"coupling {self._input(channel)}"] = short_form(coupling, "AC", "DC")
        return None

    @scpi("TIMebase:RANGe")
    def _set_time(self, seconds: Argument) -> Reply:
        self._range_seconds = value_in(seconds, 2e-8, 500.0)
        return None

    @scpi("TIMebase:RANGe?")
    def _get_time(self, *which: Argument) -> Reply:
        return asked(which, self._range_seconds, 2e-8, 500.0)

    @scpi("TIMebase:POSition")
    def _set_delay(self, seconds: Argument) -> Reply:
        self._delay_seconds = value_in(seconds, -500.0, 500.0)
        return None

    @scpi("TIMebase:REFerence")
    def _set_reference(self, place: Argument) -> Reply:
        self._reference = REFERENCES[short_form(place, "LEFT", "CENTer", "RIGHt")]
        return None

    @scpi("ACQuire:TYPE")
    def _set_type(self, kind: Argument) -> Reply:
        kinds = ("NORMal", "AVERage", "HRESolution", "PEAK")
        self._settings["type"] = short_form(kind, *kinds)
        return None

    @scpi("TRIGger:MODE")
    def _set_trigger_mode(self, mode: Argument) -> Reply:
        self._settings["mode"] = short_form(mode, "EDGE", "GLITch", "PATTern")
        return None

    @scpi("TRIGger[:EDGE]:SOURce")
    def _set_trigger_source(self, source: Argument) -> Reply:
        self._settings["source"] = str(source).upper()
        return None

    @scpi("TRIGger[:EDGE]:LEVel")
    def _set_trigger_level(self, volts: Argument, source: Argument = "") -> Reply:
        self._settings["level"] = exponent(number(volts))
        return None

    @scpi("TRIGger[:EDGE]:SLOPe")
    def _set_trigger_slope(self, slope: Argument) -> Reply:
        self._settings["slope"] = short_form(slope, "POSitive", "NEGative", "EITHer", "ALTernate")
        return None

    @scpi("TRIGger:SWEep")
    def _set_sweep(self, sweep: Argument) -> Reply:
        self._settings["sweep"] = short_form(sweep, "AUTO", "NORMal")
        return None

    # Waveforms --------------------------------------------------------------------------------

    @scpi("WAVeform:SOURce")
    def _set_source(self, source: Argument) -> Reply:
        word = str(source).upper().replace("CHANNEL", "CHAN")
        if not word.startswith("CHAN") or not word[4:].isdigit():
            raise ScpiError(-224, "Illegal parameter value")
        self._source = self._input(int(word[4:])) + 1
        return None

    @scpi("WAVeform:SOURce?")
    def _get_source(self) -> Reply:
        return f"CHAN{self._source}"

    @scpi("WAVeform:FORMat")
    def _set_form(self, form: Argument) -> Reply:
        self._form = short_form(form, "BYTE", "WORD", "ASCii")
        return None

    @scpi("WAVeform:FORMat?")
    def _get_form(self) -> Reply:
        return self._form

    @scpi("WAVeform:BYTeorder")
    def _set_order(self, order: Argument) -> Reply:
        self._little_endian = short_form(order, "LSBFirst", "MSBFirst") == "LSBF"
        return None

    @scpi("WAVeform:UNSigned")
    def _set_unsigned(self, state: Argument) -> Reply:
        self._unsigned = switch(state)
        return None

    @scpi("WAVeform:POINts")
    def _set_points(self, count: Argument) -> Reply:
        asked_for = value_in(count, 100, MOST_POINTS)
        # What is not in the list is rounded to what is.
        self._points = max(
            one for one in (*POINTS, 10**6, 2 * 10**6, MOST_POINTS) if one <= asked_for
        )
        return None

    @scpi("WAVeform:POINts?")
    def _get_points(self) -> Reply:
        return f"{self._points:+d}"

    @scpi("WAVeform:POINts:MODE")
    def _set_points_mode(self, mode: Argument) -> Reply:
        self._settings["points"] = short_form(mode, "NORMal", "MAXimum", "RAW")
        return None

    @scpi("WAVeform:PREamble?")
    def _preamble(self) -> Reply:
        codes = CODES.get(self._form, 256)
        index = self._source - 1
        reference = codes // 2 if self._unsigned else 0
        form = {"BYTE": 0, "WORD": 1, "ASC": 4}[self._form]
        return (
            f"{form:+d},+0,{self._points:+d},+1,"
            f"{self._range_seconds / self._points:+.8E},{self._first_seconds:+.8E},+0,"
            f"{self._ranges[index] / codes:+.8E},{self._offsets[index]:+.8E},{reference:+d}"
        )

    @property
    def _first_seconds(self) -> float:
        """When the record begins, from the trigger on: the left edge of the screen."""
        first = self._delay_seconds - self._reference * self._range_seconds
        # Nothing but the rounding of the division.
        return 0.0 if abs(first) < 1e-9 * self._range_seconds else first

    @scpi("WAVeform:DATA?")
    def _data(self) -> Reply:
        if self._record.began is None:
            raise ScpiError(-230, "Data corrupt or stale")
        index = self._source - 1
        seconds = self._range_seconds / self._points
        before = round(-self._first_seconds / seconds)
        after = self._record.samples(index, max(0, self._points - before), seconds)
        held = np.zeros(self._points, np.float32)
        held[max(0, before) :] = after[max(0, -before) :][: self._points - max(0, before)]
        volts = held - self._offsets[index]
        if self._form == "ASC":
            return to_block(",".join(f"{value:+.6E}" for value in volts).encode())
        codes = CODES[self._form]
        scaled = np.rint(volts.astype(np.float64) * (codes / self._ranges[index]))
        clipped = np.clip(scaled, -(codes // 2), codes // 2 - 1).astype(np.int32)
        if self._unsigned:
            clipped += codes // 2
        kind = ("u" if self._unsigned else "i") + ("1" if codes == 256 else "2")
        return to_block(clipped.astype(("<" if self._little_endian else ">") + kind).tobytes())

    def _input(self, channel: int) -> int:
        if not 1 <= channel <= INPUTS:
            raise ScpiError(-114, "Header suffix out of range")
        return channel - 1


def _hang_detectors(request: OpeningRequest[Any], boxes: Sequence[InfiniiVisionModel]) -> None:
    detectors = DetectorOutputs(request, request.settings.channels, INPUTS)
    for box in boxes:
        box.plug_into(detectors)


DETECTORS = WireModel(InfiniiVisionModel, _hang_detectors)
