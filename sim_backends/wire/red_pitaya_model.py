"""Model of a Red Pitaya's SCPI server: acquisition and generator on one board."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from instruments.opening import OpeningRequest
from instruments.transport.binary_blocks import to_block
from sim_backends.simulated.twin_of_bench import shared_twin
from sim_backends.wire.connectors import DetectorOutputs, ModulatorInputs
from sim_backends.wire.scpi_model import (
    Reply,
    ScpiError,
    ScpiModel,
    scpi,
    short_form,
    switch,
    value_in,
)
from sim_backends.wire.scpi_syntax import Argument, number
from sim_backends.wire.triggered_record import TriggeredRecord
from sim_backends.wire.wire_models import WireModel

PORTS = 2
SAMPLES_A_SECOND = 125e6
BUFFER = 16384
RAW_CODES = 8192
FULL_SCALES = {"LV": 1.0, "HV": 20.0}
TRIGGERS = ("NOW", "CH1_PE", "CH1_NE", "CH2_PE", "CH2_NE", "EXT_PE", "EXT_NE", "AWG_PE", "AWG_NE")

Floats = npt.NDArray[np.float32]


class Generator:
    """One fast output."""

    def __init__(self) -> None:
        self.on = False
        self.function = "SINE"
        self.volts = 1.0
        self.offset = 0.0
        self.hertz = 1000.0
        self.points: npt.NDArray[np.float64] = np.zeros(1)
        self.version = 0
        self.burst = False
        self.cycles = 1.0
        self.repetitions = 1.0
        self.trigger = "INT"
        self.last_value = 0.0
        self.held = 0.0


class RedPitayaModel(ScpiModel):
    """A board with two inputs and two outputs."""

    maker: ClassVar[str] = "REDPITAYA"
    model: ClassVar[str] = "INSTR2024"
    firmware: ClassVar[str] = "01-16"
    end: ClassVar[bytes] = b"\r\n"

    def __init__(self, name: str, serial: str, clock: Any) -> None:
        self.detectors: DetectorOutputs | None = None
        # These boards tell no serial number.
        super().__init__(name, "0", clock)

    def plug_into(self, detectors: DetectorOutputs) -> None:
        """Put detectors in front of the inputs."""
        self.detectors = detectors
        self._record = TriggeredRecord(detectors.window_seconds)
        detectors.connect(self)

    def reset(self) -> None:
        """Reset acquisition and generators."""
        self._reset_acquisition()
        self._reset_generators()
        self._leds = [False] * 8

    # Acquisition ------------------------------------------------------------------------------

    @scpi("ACQ:RST")
    def _reset_acquisition(self) -> Reply:
        self._record = TriggeredRecord(
            0.0 if self.detectors is None else self.detectors.window_seconds
        )
        self._running = self._armed = False
        self._decimation = 1
        self._averages = True
        self._form, self._units = "ASCII", "VOLTS"
        self._gains = ["LV"] * PORTS
        self._delay = 0
        self._level = 0.0
        return None

    @property
    def sample_seconds(self) -> float:
        """From one sample to the next."""
        return self._decimation / SAMPLES_A_SECOND

    @property
    def waits(self) -> bool:
        """Whether it waits for the external trigger, or its buffer is filling."""
        return self._armed or (self._record.began is not None and not self._is_full())

    def sees(self, volts: Floats, begin: float, period: float) -> None:
        """Record what comes after the trigger."""
        self._armed = False
        self._record.add(volts, begin, period)

    def _is_full(self) -> bool:
        began = self._record.began
        lasts = BUFFER * self.sample_seconds * (1 - 1e-6)
        return began is not None and self.clock.now() >= began + lasts

    @scpi("ACQ:START")
    def _start(self) -> Reply:
        self._record.clear()
        self._running, self._armed = True, False
        return None

    @scpi("ACQ:STOP")
    def _stop(self) -> Reply:
        self._running = self._armed = False
        return None

    @scpi("ACQ:TRig")
    def _set_trigger(self, source: Argument) -> Reply:
        word = str(source).upper()
        if word == "DISABLED":
            self._armed = False
            return None
        if word not in TRIGGERS:
            raise ScpiError(-224, "Illegal parameter value")
        if not self._running:
            return None
        if word.startswith("EXT"):
            self._armed = True
        elif self.detectors is not None:
            # Whatever else triggers it does so at once: inputs show what they show.
            volts = self.detectors.look(self)
            self._record.clear()
            self._record.add(volts, self.clock.now() - self.detectors.shot_period_seconds, 1.0)
            self._armed = False
        return None

    @scpi("ACQ:TRig:STAT?")
    def _trigger_status(self) -> Reply:
        return "WAIT" if self._armed or self._record.began is None else "TD"

    @scpi("ACQ:TRig:FILL?")
    def _fill_status(self) -> Reply:
        return str(int(self._is_full()))

    @scpi("ACQ:DEC")
    def _set_decimation(self, factor: Argument) -> Reply:
        self._decimation = int(value_in(factor, 1, 65536))
        return None

    @scpi("ACQ:DEC?")
    def _get_decimation(self) -> Reply:
        return str(self._decimation)

    @scpi("ACQ:AVG")
    def _set_averaging(self, state: Argument) -> Reply:
        self._averages = switch(state)
        return None

    @scpi("ACQ:AVG?")
    def _get_averaging(self) -> Reply:
        return "ON" if self._averages else "OFF"

    @scpi("ACQ:DATA:FORMAT")
    def _set_form(self, form: Argument) -> Reply:
        self._form = short_form(form, "ASCII", "BIN")
        return None

    @scpi("ACQ:DATA:FORMAT?")
    def _get_form(self) -> Reply:
        return self._form

    @scpi("ACQ:DATA:Units")
    def _set_units(self, units: Argument) -> Reply:
        self._units = short_form(units, "RAW", "VOLTS")
        return None

    @scpi("ACQ:DATA:Units?")
    def _get_units(self) -> Reply:
        return self._units

    @scpi("ACQ:SOUR#:GAIN")
    def _set_gain(self, port: int, gain: Argument) -> Reply:
        self._gains[self._port(port)] = short_form(gain, "LV", "HV")
        return None

    @scpi("ACQ:SOUR#:GAIN?")
    def _get_gain(self, port: int) -> Reply:
        return self._gains[self._port(port)]

    @scpi("ACQ:TRig:DLY")
    def _set_delay(self, samples: Argument) -> Reply:
        self._delay = int(value_in(samples, -BUFFER, 1e9))
        return None

    @scpi("ACQ:TRig:DLY?")
    def _get_delay(self) -> Reply:
        return str(self._delay)

    @scpi("ACQ:TRig:LEV")
    def _set_level(self, volts: Argument) -> Reply:
        self._level = number(volts)
        return None

    @scpi("ACQ:TRig:LEV?")
    def _get_level(self) -> Reply:
        return f"{self._level:g}"

    @scpi("ACQ:BUF:SIZE?")
    def _buffer_size(self) -> Reply:
        return str(BUFFER)

    @scpi("ACQ:TPOS?", "ACQ:WPOS?")
    def _positions(self) -> Reply:
        return "0"

    @scpi("ACQ:SOUR#:DATA?")
    def _all_data(self, port: int) -> Reply:
        return self._data(port, 0, BUFFER)

    @scpi("ACQ:SOUR#:DATA:OLD:N?")
    def _oldest_data(self, port: int, count: Argument) -> Reply:
        return self._data(port, 0, int(value_in(count, 1, BUFFER)))

    @scpi("ACQ:SOUR#:DATA:LAT:N?")
    def _latest_data(self, port: int, count: Argument) -> Reply:
        samples = int(value_in(count, 1, BUFFER))
        return self._data(port, BUFFER - samples, samples)

    @scpi("ACQ:SOUR#:DATA:STA:N?")
    def _some_data(self, port: int, start: Argument, count: Argument) -> Reply:
        first = int(value_in(start, 0, BUFFER - 1))
        return self._data(port, first, int(value_in(count, 1, BUFFER - first)))

    def _data(self, port: int, first: int, count: int) -> Reply:
        index = self._port(port)
        # The buffer's first sample lies so long before the trigger.
        before = BUFFER // 2 - self._delay
        seen = self._record.samples(index, max(0, first + count - before), self.sample_seconds)
        volts = np.zeros(count, np.float32)
        begin = max(0, before - first)
        tail = seen[max(0, first - before) :]
        volts[begin : begin + len(tail)] = tail[: count - begin]
        full_scale = FULL_SCALES[self._gains[index]]
        volts = np.clip(volts, -full_scale, full_scale)
        if self._units == "RAW":
            codes = np.rint(volts / full_scale * RAW_CODES)
            raw = np.clip(codes, -RAW_CODES, RAW_CODES - 1).astype(">i2")
            if self._form == "BIN":
                return to_block(raw.tobytes())
            return "{" + ",".join(map(str, raw.tolist())) + "}"
        if self._form == "BIN":
            return to_block(volts.astype(">f4").tobytes())
        return "{" + ",".join(f"{value:f}" for value in volts.tolist()) + "}"

    # Generator --------------------------------------------------------------------------------

    @scpi("GEN:RST")
    def _reset_generators(self) -> Reply:
        self.generators = [Generator() for _ in range(PORTS)]
        return None

    @scpi("OUTPUT#:STATE")
    def _switch(self, port: int, state: Argument) -> Reply:
        self.generators[self._port(port)].on = switch(state)
        return None

    @scpi("OUTPUT#:STATE?")
    def _is_on(self, port: int) -> Reply:
        return str(int(self.generators[self._port(port)].on))

    @scpi("SOUR#:FUNC")
    def _set_function(self, port: int, kind: Argument) -> Reply:
        kinds = ("SINE", "SQUARE", "TRIANGLE", "SAWU", "SAWD", "PWM", "ARBITRARY", "DC", "DC_NEG")
        self.generators[self._port(port)].function = short_form(kind, *kinds)
        return None

    @scpi("SOUR#:FUNC?")
    def _get_function(self, port: int) -> Reply:
        return self.generators[self._port(port)].function

    @scpi("SOUR#:VOLT")
    def _set_volts(self, port: int, volts: Argument) -> Reply:
        self.generators[self._port(port)].volts = value_in(volts, -1.0, 1.0)
        return None

    @scpi("SOUR#:VOLT:OFFS")
    def _set_offset(self, port: int, volts: Argument) -> Reply:
        self.generators[self._port(port)].offset = value_in(volts, -1.0, 1.0)
        return None

    @scpi("SOUR#:FREQ:FIX")
    def _set_frequency(self, port: int, hertz: Argument) -> Reply:
        self.generators[self._port(port)].hertz = value_in(hertz, 1e-6, 62.5e6)
        return None

    @scpi("SOUR#:TRAC:DATA:DATA")
    def _set_points(self, port: int, *points: Argument) -> Reply:
        if not 1 <= len(points) <= BUFFER:
            raise ScpiError(-222, "Data out of range; number of points")
        values = np.array([number(point) for point in points])
        if np.abs(values).max() > 1:
            raise ScpiError(-222, "Data out of range; waveform point")
        generator = self.generators[self._port(port)]
        generator.points = values
        generator.version += 1
        return None

    @scpi("SOUR#:BURS:STAT")
    def _set_burst(self, port: int, mode: Argument) -> Reply:
        word = short_form(mode, "BURST", "CONTINUOUS", "STREAM", "ON", "OFF")
        self.generators[self._port(port)].burst = word in ("BURST", "ON")
        return None

    @scpi("SOUR#:BURS:NCYC")
    def _set_cycles(self, port: int, count: Argument) -> Reply:
        self.generators[self._port(port)].cycles = value_in(count, 1, 50000)
        return None

    @scpi("SOUR#:BURS:NOR")
    def _set_repetitions(self, port: int, count: Argument) -> Reply:
        self.generators[self._port(port)].repetitions = value_in(count, 1, 50000)
        return None

    @scpi("SOUR#:BURS:LASTValue")
    def _set_last_value(self, port: int, volts: Argument) -> Reply:
        self.generators[self._port(port)].last_value = value_in(volts, -1.0, 1.0)
        return None

    @scpi("SOUR#:TRig:SOUR")
    def _set_generator_trigger(self, port: int, source: Argument) -> Reply:
        word = short_form(source, "INT", "EXT_PE", "EXT_NE", "GATED")
        self.generators[self._port(port)].trigger = word
        return None

    @scpi("SOUR#:TRig:INT")
    def _trigger_now(self, port: int) -> Reply:
        generator = self.generators[self._port(port)]
        generator.held = generator.last_value
        return None

    # The rest of the board --------------------------------------------------------------------

    @scpi("DIG:PIN")
    def _set_pin(self, pin: Argument, state: Argument) -> Reply:
        word = str(pin).upper()
        if word.startswith("LED") and word[3:].isdigit() and int(word[3:]) < len(self._leds):
            self._leds[int(word[3:])] = switch(state)
        return None

    @scpi("DIG:PIN?")
    def _get_pin(self, pin: Argument) -> Reply:
        word = str(pin).upper()
        lit = word.startswith("LED") and word[3:].isdigit() and self._leds[int(word[3:]) % 8]
        return str(int(lit))

    @scpi("SYST:BRD:Name?")
    def _board(self) -> Reply:
        return "STEMlab 125-14"

    def _port(self, port: int) -> int:
        if not 1 <= port <= PORTS:
            raise ScpiError(-114, "Header suffix out of range")
        return port - 1


class GeneratorDrive:
    """One fast output, as what is plugged into it sees it."""

    def __init__(self, board: RedPitayaModel, port: int, request: OpeningRequest[Any]) -> None:
        self._board = board
        self._port = port
        self._twin = shared_twin(request)

    def step(self, shots: int) -> tuple[Hashable, Floats]:
        """Return what it puts out in the next shots, or holds."""
        one = self._board.generators[self._port - 1]
        if not one.on:
            return "off", np.zeros(1, np.float32)
        if one.function in ("DC", "DC_NEG"):
            steady = one.offset + (one.volts if one.function == "DC" else -one.volts)
            return ("DC", steady), np.full(1, steady, np.float32)
        if one.function != "ARBITRARY":
            turns = self._board.clock.now() * one.hertz
            moment = one.offset + one.volts * float(np.sin(2 * np.pi * turns))
            return ("periodic", moment), np.full(1, moment, np.float32)
        if not shots or not one.trigger.startswith("EXT"):
            return ("held", one.held), np.full(1, one.held, np.float32)
        # Its own clock, not the triggers, moves it on after the first one.
        times = np.arange(shots) * self._twin.shot_period_seconds
        places = np.floor(times * one.hertz * len(one.points) + 1e-6).astype(np.int64)
        lasts = len(one.points) * int(one.cycles)
        played = one.points[places % len(one.points)] * one.volts + one.offset
        one.held = one.last_value
        volts = np.where(places < lasts, played, one.last_value).astype(np.float32)
        return (one.version, one.volts, one.offset, one.hertz, shots), volts


def _hang_detectors(request: OpeningRequest[Any], boxes: Sequence[RedPitayaModel]) -> None:
    detectors = DetectorOutputs(request, request.settings.channels, PORTS)
    for box in boxes:
        box.plug_into(detectors)


def _hang_modulators(request: OpeningRequest[Any], boxes: Sequence[RedPitayaModel]) -> None:
    channels = request.settings.channels
    inputs = ModulatorInputs(request, channels)
    for channel in range(channels):
        board = boxes[channel // PORTS]
        inputs.connect(channel, GeneratorDrive(board, channel % PORTS + 1, request))


DETECTORS = WireModel(RedPitayaModel, _hang_detectors)
MODULATORS = WireModel(RedPitayaModel, _hang_modulators)
