"""Model of a Keysight 33500 or 33600: arbitrary waveforms, pulses, triggers, voltage limits."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from instruments.opening import OpeningRequest
from sim_backends.simulated.trigger_line import shared_trigger_line
from sim_backends.simulated.twin_of_bench import shared_twin
from sim_backends.wire.connectors import ModulatorInputs
from sim_backends.wire.scpi_model import (
    Reply,
    ScpiError,
    ScpiModel,
    asked,
    exponent,
    scpi,
    settings_conflict,
    short_form,
    switch,
    value_in,
)
from sim_backends.wire.scpi_syntax import Argument, number
from sim_backends.wire.wire_models import WireModel

OUTPUTS = 2
HIGHEST_VOLTS = 10.0
OUTPUT_OHMS = 50.0
HIGHEST_CODE = 32767
FEWEST_POINTS, MOST_POINTS = 8, 1_000_000
SHORTEST_PERIOD, LONGEST_PERIOD = 33e-9, 1e6
MOST_SAMPLES_A_SECOND = 250e6

Floats = npt.NDArray[np.float32]


class Output:
    """One output of the box."""

    def __init__(self) -> None:
        self.on = False
        self.load = "50"
        self.function = "SIN"
        self.frequency = 1000.0
        self.vpp = 0.1
        self.offset = 0.0
        self.unit = "VPP"
        self.low_limit, self.high_limit = -HIGHEST_VOLTS, HIGHEST_VOLTS
        self.limited = False
        # In DAC codes, or parts of one.
        self.waveforms: dict[str, npt.NDArray[np.float64]] = {
            "EXP_RISE": HIGHEST_CODE * (1 - np.exp(-np.linspace(0, 5, 8)))
        }
        self.waveform = "EXP_RISE"
        self.version = 0
        self.position = 0
        self.advance = "SRAT"
        self.filter = "NORM"
        self.samples_a_second = 40e3
        self.pulse_period = 1e-3
        self.pulse_width = 1e-4
        self.burst = False
        self.burst_mode = "TRIG"
        self.burst_cycles = 1.0
        self.trigger_source = "IMM"
        self.trigger_slope = "POS"
        self._volts: tuple[Hashable, Floats] = (None, np.zeros(1, np.float32))

    @property
    def highest_volts(self) -> float:
        """The most it gives into its load: half of what it gives into none."""
        if self.load == "INF":
            return HIGHEST_VOLTS
        ohms = float(self.load)
        return HIGHEST_VOLTS * ohms / (ohms + OUTPUT_OHMS)

    def volts(self) -> tuple[Hashable, Floats]:
        """Return a key and the volts of every point of the waveform."""
        key = (self.waveform, self.version, self.vpp, self.offset)
        if self._volts[0] != key:
            step = 0.5 * self.vpp / HIGHEST_CODE
            scaled = (self.waveforms[self.waveform] * step + self.offset).astype(np.float32)
            self._volts = (key, scaled)
        return self._volts


class Keysight33500Model(ScpiModel):
    """A box with two outputs.

    Attributes
    ----------
    pulses
        What takes the pulses of each output when a burst of them is fired: how many, and the time
        from one to the next.
    """

    maker: ClassVar[str] = "Agilent Technologies"
    model: ClassVar[str] = "33522B"
    firmware: ClassVar[str] = "2.09-1.19-2.00-52-00"

    def __init__(self, name: str, serial: str, clock: Any) -> None:
        self.pulses: dict[int, Callable[[int, float], None]] = {}
        super().__init__(name, serial, clock)

    def reset(self) -> None:
        """Switch everything off and forget all waveforms."""
        self.outputs = [Output() for _ in range(OUTPUTS)]
        self._swapped = False

    def output(self, channel: int) -> Output:
        """Return one of the outputs, from 1."""
        if not 1 <= channel <= OUTPUTS:
            raise ScpiError(-114, "Header suffix out of range")
        return self.outputs[channel - 1]

    # Waveforms --------------------------------------------------------------------------------

    @scpi("FORMat:BORDer")
    def _set_byte_order(self, order: Argument) -> Reply:
        self._swapped = short_form(order, "NORMal", "SWAPped", "SWAP") != "NORM"
        return None

    @scpi("FORMat:BORDer?")
    def _get_byte_order(self) -> Reply:
        return "SWAP" if self._swapped else "NORM"

    @scpi("[SOURce#]:DATA:VOLatile:CLEar")
    def _clear_memory(self, channel: int) -> Reply:
        output = self.output(channel)
        output.waveforms = {"EXP_RISE": output.waveforms["EXP_RISE"]}
        output.waveform = "EXP_RISE"
        output.position = 0
        return None

    @scpi("[SOURce#]:DATA:ARBitrary:DAC")
    def _upload_codes(self, channel: int, name: Argument, *points: Argument) -> Reply:
        codes = self._points(points, "i2")
        if np.abs(codes.astype(np.int32)).max(initial=0) > HIGHEST_CODE:
            raise ScpiError(-222, "Data out of range; DAC code")
        self._store(channel, str(name), codes.astype(np.float64))
        return None

    @scpi("[SOURce#]:DATA:ARBitrary")
    def _upload_floats(self, channel: int, name: Argument, *points: Argument) -> Reply:
        values = self._points(points, "f4").astype(np.float64)
        if np.abs(values).max(initial=0) > 1:
            raise ScpiError(-222, "Data out of range; waveform point")
        self._store(channel, str(name), HIGHEST_CODE * values)
        return None

    def _points(self, points: tuple[Argument, ...], packed: str) -> npt.NDArray[Any]:
        if len(points) == 1 and isinstance(points[0], bytes):
            dtype = np.dtype(packed).newbyteorder("<" if self._swapped else ">")
            if len(points[0]) % dtype.itemsize:
                raise ScpiError(-161, "Invalid block data")
            return np.frombuffer(points[0], dtype).astype(packed)
        return np.array([number(point) for point in points], packed)

    def _store(self, channel: int, name: str, codes: npt.NDArray[np.float64]) -> None:
        output = self.output(channel)
        if name.upper() in output.waveforms:
            raise ScpiError(786, "Specified arb waveform already exists")
        if not FEWEST_POINTS <= len(codes) <= MOST_POINTS:
            raise ScpiError(-222, "Data out of range; number of points")
        output.version += 1
        output.waveforms[name.upper()] = codes

    @scpi("[SOURce#]:DATA:VOLatile:CATalog?")
    def _list_memory(self, channel: int) -> Reply:
        return ",".join(f'"{name}"' for name in self.output(channel).waveforms)

    @scpi("[SOURce#]:FUNCtion:ARBitrary")
    def _select_waveform(self, channel: int, name: Argument) -> Reply:
        output = self.output(channel)
        wanted = str(name).upper()
        if wanted not in output.waveforms:
            raise ScpiError(785, "Specified arb waveform does not exist")
        output.waveform = wanted
        output.position = 0
        return None

    @scpi("[SOURce#]:FUNCtion:ARBitrary?")
    def _selected_waveform(self, channel: int) -> Reply:
        return f'"{self.output(channel).waveform}"'

    @scpi("[SOURce#]:FUNCtion:ARBitrary:FILTer")
    def _set_filter(self, channel: int, kind: Argument) -> Reply:
        self.output(channel).filter = short_form(kind, "NORMal", "STEP", "OFF")
        return None

    @scpi("[SOURce#]:FUNCtion:ARBitrary:FILTer?")
    def _get_filter(self, channel: int) -> Reply:
        return self.output(channel).filter

    @scpi("[SOURce#]:FUNCtion:ARBitrary:ADVance")
    def _set_advance(self, channel: int, how: Argument) -> Reply:
        self.output(channel).advance = short_form(how, "TRIGger", "SRATe")
        return None

    @scpi("[SOURce#]:FUNCtion:ARBitrary:ADVance?")
    def _get_advance(self, channel: int) -> Reply:
        return self.output(channel).advance

    @scpi("[SOURce#]:FUNCtion:ARBitrary:SRATe")
    def _set_rate(self, channel: int, rate: Argument) -> Reply:
        self.output(channel).samples_a_second = value_in(rate, 1e-6, MOST_SAMPLES_A_SECOND)
        return None

    @scpi("[SOURce#]:FUNCtion:ARBitrary:SRATe?")
    def _get_rate(self, channel: int, *which: Argument) -> Reply:
        rate = self.output(channel).samples_a_second
        return asked(which, rate, 1e-6, MOST_SAMPLES_A_SECOND)

    # Shape and voltage ------------------------------------------------------------------------

    @scpi("[SOURce#]:FUNCtion")
    def _set_function(self, channel: int, kind: Argument) -> Reply:
        kinds = ("SINusoid", "SQUare", "TRIangle", "RAMP", "PULSe", "PRBS", "NOISe", "ARB", "DC")
        self.output(channel).function = short_form(kind, *kinds)
        return None

    @scpi("[SOURce#]:FUNCtion?")
    def _get_function(self, channel: int) -> Reply:
        return self.output(channel).function

    @scpi("[SOURce#]:FREQuency")
    def _set_frequency(self, channel: int, hertz: Argument) -> Reply:
        self.output(channel).frequency = value_in(hertz, 1e-6, 30e6)
        return None

    @scpi("[SOURce#]:FREQuency?")
    def _get_frequency(self, channel: int, *which: Argument) -> Reply:
        return asked(which, self.output(channel).frequency, 1e-6, 30e6)

    @scpi("[SOURce#]:VOLTage")
    def _set_amplitude(self, channel: int, volts: Argument) -> Reply:
        output = self.output(channel)
        vpp = value_in(volts, 1e-3, 2 * output.highest_volts)
        self._check_limits(output, vpp, output.offset)
        output.vpp = vpp
        return None

    @scpi("[SOURce#]:VOLTage?")
    def _get_amplitude(self, channel: int, *which: Argument) -> Reply:
        output = self.output(channel)
        return asked(which, output.vpp, 1e-3, 2 * output.highest_volts)

    @scpi("[SOURce#]:VOLTage:UNIT")
    def _set_unit(self, channel: int, unit: Argument) -> Reply:
        self.output(channel).unit = short_form(unit, "VPP", "VRMS", "DBM")
        return None

    @scpi("[SOURce#]:VOLTage:UNIT?")
    def _get_unit(self, channel: int) -> Reply:
        return self.output(channel).unit

    @scpi("[SOURce#]:VOLTage:OFFSet")
    def _set_offset(self, channel: int, volts: Argument) -> Reply:
        output = self.output(channel)
        offset = value_in(volts, -output.highest_volts, output.highest_volts)
        self._check_limits(output, output.vpp, offset)
        output.offset = offset
        return None

    @scpi("[SOURce#]:VOLTage:OFFSet?")
    def _get_offset(self, channel: int, *which: Argument) -> Reply:
        output = self.output(channel)
        return asked(which, output.offset, -output.highest_volts, output.highest_volts)

    @scpi("[SOURce#]:VOLTage:LIMit:LOW")
    def _set_low_limit(self, channel: int, volts: Argument) -> Reply:
        self.output(channel).low_limit = value_in(volts, -HIGHEST_VOLTS, HIGHEST_VOLTS)
        return None

    @scpi("[SOURce#]:VOLTage:LIMit:LOW?")
    def _get_low_limit(self, channel: int) -> Reply:
        return exponent(self.output(channel).low_limit)

    @scpi("[SOURce#]:VOLTage:LIMit:HIGH")
    def _set_high_limit(self, channel: int, volts: Argument) -> Reply:
        self.output(channel).high_limit = value_in(volts, -HIGHEST_VOLTS, HIGHEST_VOLTS)
        return None

    @scpi("[SOURce#]:VOLTage:LIMit:HIGH?")
    def _get_high_limit(self, channel: int) -> Reply:
        return exponent(self.output(channel).high_limit)

    @scpi("[SOURce#]:VOLTage:LIMit:STATe")
    def _limit(self, channel: int, state: Argument) -> Reply:
        output = self.output(channel)
        output.limited = switch(state)
        self._check_limits(output, output.vpp, output.offset)
        return None

    @scpi("[SOURce#]:VOLTage:LIMit:STATe?")
    def _is_limited(self, channel: int) -> Reply:
        return str(int(self.output(channel).limited))

    def _check_limits(self, output: Output, vpp: float, offset: float) -> None:
        reach = 0.0 if output.function == "DC" else 0.5 * vpp
        slack = 1e-9
        if output.limited and (
            offset + reach > output.high_limit + slack or offset - reach < output.low_limit - slack
        ):
            raise settings_conflict("voltage limits")

    @scpi("OUTPut#[:STATe]")
    def _switch(self, channel: int, state: Argument) -> Reply:
        self.output(channel).on = switch(state)
        return None

    @scpi("OUTPut#[:STATe]?")
    def _is_on(self, channel: int) -> Reply:
        return str(int(self.output(channel).on))

    @scpi("OUTPut#:LOAD")
    def _set_load(self, channel: int, ohms: Argument) -> Reply:
        word = str(ohms).upper()
        self.output(channel).load = "INF" if word.startswith("INF") else f"{number(ohms):g}"
        return None

    @scpi("OUTPut#:LOAD?")
    def _get_load(self, channel: int) -> Reply:
        load = self.output(channel).load
        return "9.9E+37" if load == "INF" else exponent(float(load))

    # Pulses, bursts and triggers --------------------------------------------------------------

    @scpi("[SOURce#]:FUNCtion:PULSe:PERiod")
    def _set_pulse_period(self, channel: int, seconds: Argument) -> Reply:
        output = self.output(channel)
        output.pulse_period = value_in(seconds, SHORTEST_PERIOD, LONGEST_PERIOD)
        output.pulse_width = min(output.pulse_width, 0.5 * output.pulse_period)
        return None

    @scpi("[SOURce#]:FUNCtion:PULSe:PERiod?")
    def _get_pulse_period(self, channel: int, *which: Argument) -> Reply:
        period = self.output(channel).pulse_period
        return asked(which, period, SHORTEST_PERIOD, LONGEST_PERIOD)

    @scpi("[SOURce#]:FUNCtion:PULSe:WIDTh")
    def _set_pulse_width(self, channel: int, seconds: Argument) -> Reply:
        output = self.output(channel)
        output.pulse_width = value_in(seconds, 16e-9, output.pulse_period)
        return None

    @scpi("[SOURce#]:FUNCtion:PULSe:WIDTh?")
    def _get_pulse_width(self, channel: int) -> Reply:
        return exponent(self.output(channel).pulse_width)

    @scpi("[SOURce#]:BURSt:STATe")
    def _set_burst(self, channel: int, state: Argument) -> Reply:
        self.output(channel).burst = switch(state)
        return None

    @scpi("[SOURce#]:BURSt:STATe?")
    def _get_burst(self, channel: int) -> Reply:
        return str(int(self.output(channel).burst))

    @scpi("[SOURce#]:BURSt:MODE")
    def _set_burst_mode(self, channel: int, mode: Argument) -> Reply:
        self.output(channel).burst_mode = short_form(mode, "TRIGgered", "GATed")
        return None

    @scpi("[SOURce#]:BURSt:MODE?")
    def _get_burst_mode(self, channel: int) -> Reply:
        return self.output(channel).burst_mode

    @scpi("[SOURce#]:BURSt:NCYCles")
    def _set_cycles(self, channel: int, cycles: Argument) -> Reply:
        self.output(channel).burst_cycles = value_in(cycles, 1, 100_000_000)
        return None

    @scpi("[SOURce#]:BURSt:NCYCles?")
    def _get_cycles(self, channel: int) -> Reply:
        return exponent(self.output(channel).burst_cycles)

    @scpi("TRIGger#:SOURce")
    def _set_trigger(self, channel: int, source: Argument) -> Reply:
        output = self.output(channel)
        output.trigger_source = short_form(source, "IMMediate", "EXTernal", "TIMer", "BUS")
        return None

    @scpi("TRIGger#:SOURce?")
    def _get_trigger(self, channel: int) -> Reply:
        return self.output(channel).trigger_source

    @scpi("TRIGger#:SLOPe")
    def _set_slope(self, channel: int, slope: Argument) -> Reply:
        self.output(channel).trigger_slope = short_form(slope, "POSitive", "NEGative")
        return None

    @scpi("TRIGger#:SLOPe?")
    def _get_slope(self, channel: int) -> Reply:
        return self.output(channel).trigger_slope

    @scpi("*TRG", "TRIGger#")
    def _trigger(self, channel: int = 0) -> Reply:
        for place, output in enumerate(self.outputs, start=1):
            if channel in (0, place) and output.trigger_source == "BUS":
                self._fire(place, output)
        return None

    @scpi("ABORt")
    def _abort(self) -> Reply:
        self._busy_until = self.clock.now()
        return None

    def _fire(self, place: int, output: Output) -> None:
        taker = self.pulses.get(place)
        if taker is None or not (output.on and output.burst and output.function == "PULS"):
            return
        if self.is_busy():
            raise ScpiError(-211, "Trigger ignored")
        # All pulses happen in the twin's time, within this call.
        taker(int(output.burst_cycles), output.pulse_period)


class OutputDrive:
    """One output of a box, as what is plugged into it sees it."""

    def __init__(self, box: Keysight33500Model, channel: int) -> None:
        self._box = box
        self._channel = channel

    def step(self, shots: int) -> tuple[Hashable, Floats]:
        """Return what it puts out in the next shots, or holds."""
        output = self._box.outputs[self._channel - 1]
        if not output.on:
            return "off", np.zeros(1, np.float32)
        if output.function == "DC":
            return ("DC", output.offset), np.full(1, output.offset, np.float32)
        if output.function != "ARB":
            return self._periodic(output)
        key, volts = output.volts()
        first = output.position
        if output.advance != "TRIG":
            place = int(self._box.clock.now() * output.samples_a_second) % len(volts)
            return (key, place), volts[place : place + 1]
        if not shots or output.trigger_source != "EXT":
            return (key, first), volts[first : first + 1]
        output.position = (first + shots) % len(volts)
        return (key, first, shots), volts[(first + 1 + np.arange(shots)) % len(volts)]

    def _periodic(self, output: Output) -> tuple[Hashable, Floats]:
        turns = self._box.clock.now() * output.frequency
        part = turns - np.floor(turns)
        shapes = {
            "SIN": np.sin(2 * np.pi * part),
            "SQU": 1.0 if part < 0.5 else -1.0,
            "TRI": 1 - 4 * abs(part - 0.5),
            "RAMP": 2 * part - 1,
            "PULS": 1.0 if part < output.pulse_width / output.pulse_period else -1.0,
        }
        volts = output.offset + 0.5 * output.vpp * float(shapes.get(output.function, 0.0))
        return ("periodic", volts), np.full(1, volts, np.float32)


def _hang_modulators(request: OpeningRequest[Any], boxes: Sequence[Keysight33500Model]) -> None:
    channels = request.settings.channels
    inputs = ModulatorInputs(request, channels)
    for channel in range(channels):
        box = boxes[channel // OUTPUTS]
        inputs.connect(channel, OutputDrive(box, channel % OUTPUTS + 1))


def _hang_trigger(request: OpeningRequest[Any], boxes: Sequence[Keysight33500Model]) -> None:
    (box,) = boxes
    twin, line = shared_twin(request), shared_trigger_line(request)
    section = request.bench.instruments[request.name]

    def fire(shots: int, period: float) -> None:
        twin.shot_period_seconds = period
        line.fire(shots)

    box.pulses[int(section.settings.get("output", 1))] = fire


MODULATORS = WireModel(Keysight33500Model, _hang_modulators)
TRIGGER = WireModel(Keysight33500Model, _hang_trigger)
