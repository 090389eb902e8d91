"""What drivers say to their boxes, word for word, against transcripts.

Every transcript is made of commands as the makers' manuals and their published examples write
them, named above it. Replies are in the form the boxes give; identities are those of real boxes.
"""

import numpy as np
import pytest
from scripted_box import Clock
from wire_bench import wire_bench_file

from instruments.errors import InstrumentError
from instruments.opening import SharedResources, prepare_instrument
from instruments.shots_fired import ShotsFired
from instruments.transport.wire_recording import ReplayWire

GENERATOR = "TCPIP0::192.168.1.11::inst0::INSTR"
FINE = ("SYST:ERR?", '+0,"No error"')


class Transcript:
    """Opens an instrument whose box answers from a transcript.

    Instruments take the places of those of the small bench; ``driver`` puts another one there.
    """

    def __init__(self, name, lines, *, address, end="\n", driver=None, settings=None, asks=2):
        bench = wire_bench_file(name, addresses={name: [address]})
        section = bench.instruments[name]
        changed = section.model_copy(
            update={
                "driver": driver or section.driver,
                "settings": section.settings if settings is None else settings,
            }
        )
        self._bench = bench.model_copy(update={"instruments": {**bench.instruments, name: changed}})
        self._name, self._address = name, address
        identity, *rest = lines
        traffic = []
        # Opening a session asks who is there, and so does the check of the family.
        for sent, received in [*[identity] * asks, *rest]:
            for direction, message in (("sent", sent), ("received", received)):
                if message is not None:
                    data = message if isinstance(message, bytes) else message.encode()
                    traffic.append((direction, data + end.encode()))
        self.clock = Clock()
        self.wire = ReplayWire({address: traffic}, self.clock)
        self.shared = SharedResources()
        self.shared.get("wire", lambda: self.wire)
        self.fired = self.shared.get("shots fired", ShotsFired)

    def __enter__(self):
        self.instrument = prepare_instrument(self._bench, self._name, self.shared).open()
        return self

    def __exit__(self, kind, error, traceback):
        if kind is None:
            left = self.wire.connections[self._address].left
            assert not left, f"{left} messages of the transcript did not come to pass"


class TestThorlabsItc4000:
    """Series 4000 SCPI Programmers Reference V3.2: SOURce, OUTPut, MEASure, UNIT subsystems."""

    IDENTITY = ("*IDN?", "Thorlabs,ITC4001,M00404162,1.8.0/1.5.0/2.3.0")
    ADDRESS = "USB0::0x1313::0x804A::M00404162::INSTR"
    OPENING = (
        IDENTITY,
        ("SOUR1:CURR:LIM?", "1.600000E-01"),
        ("OUTP1?", "0"),
        ("OUTP1 0", None),
        ("SOUR1:CURR 0", None),
        ("UNIT:TEMP C", None),
        ("SOUR2:TEMP 25C", None),
        ("SYST:ERR?", '+0,"No error"'),
    )

    def test_an_amplifier_waits_for_its_temperature_and_ramps(self):
        lines = [
            *self.OPENING,
            ("OUTP1?", "0"),
            ("OUTP1?", "0"),
            ("OUTP2 1", None),
            ("OUTP2?", "1"),
            ("SOUR2:TEMP?", "2.500000E+01"),
            ("MEAS:TEMP?", "2.210000E+01"),
            ("MEAS:TEMP?", "2.498000E+01"),
            ("MEAS:TEMP?", "2.500000E+01"),
            ("SOUR1:CURR 0", None),
            ("OUTP1 1", None),
            ("OUTP1?", "1"),
            ("SOUR1:CURR 0.005", None),
            ("SOUR1:CURR 0.01", None),
            FINE,
            ("MEAS:CURR1?", "9.999000E-03"),
            ("OUTP1?", "1"),
            ("SOUR1:CURR?", "1.000000E-02"),
            ("SOUR1:CURR 0.005", None),
            ("SOUR1:CURR 0", None),
            ("OUTP1 0", None),
            ("SOUR1:CURR 0", None),
        ]
        with Transcript("amplifier_1", lines, address=self.ADDRESS) as box:
            amplifier = box.instrument
            # 160 mA is set on the box; the bench file would allow 200.
            assert amplifier.limits()["current_amperes"].high == pytest.approx(0.16)
            amplifier.set_currents_amperes(np.array([0.01]))
            amplifier.set_enabled(True)
            np.testing.assert_allclose(amplifier.currents_amperes(), 9.999e-3)
            amplifier.make_safe()
        # 1 A/s up and down: 10 mA take 10 ms each way.
        assert sum(wait for wait in box.clock.waits if wait < 0.1) == pytest.approx(0.02)

    def test_an_open_interlock_is_told_as_what_it_is(self):
        lines = [
            *self.OPENING,
            ("OUTP1?", "0"),
            ("OUTP2 1", None),
            ("OUTP2?", "1"),
            ("SOUR2:TEMP?", "2.500000E+01"),
            ("MEAS:TEMP?", "2.500000E+01"),
            ("MEAS:TEMP?", "2.500000E+01"),
            ("SOUR1:CURR 0", None),
            ("OUTP1 1", None),
            ("OUTP1?", "0"),
            ("OUTP1:PROT:INTL:TRIP?", "1"),
            FINE,
        ]
        with (
            Transcript("amplifier_1", lines, address=self.ADDRESS) as box,
            pytest.raises(InstrumentError, match=r"amplifier_1.*interlock is open.*key"),
        ):
            box.instrument.set_enabled(True)

    def test_an_oven_leaves_the_diode_channel_alone(self):
        lines = [
            self.IDENTITY,
            ("UNIT:TEMP C", None),
            ("SOUR2:TEMP? MIN", "-5.500000E+01"),
            ("SOUR2:TEMP? MAX", "1.500000E+02"),
            ("OUTP2 0", None),
            FINE,
            ("SOUR2:TEMP 75C", None),
            FINE,
            ("OUTP2 1", None),
            FINE,
            ("MEAS:TEMP?", "2.231000E+01"),
            ("OUTP2 0", None),
        ]
        with Transcript("oven", lines, address=self.ADDRESS) as box:
            box.instrument.set_temperature_celsius(75.0)
            box.instrument.set_enabled(True)
            assert box.instrument.temperature_celsius() == pytest.approx(22.31)
            box.instrument.make_safe()

    def test_a_laser_is_tuned_by_its_temperature(self):
        lines = [
            self.IDENTITY,
            ("SOUR1:CURR:LIM?", "1.600000E-01"),
            ("OUTP1?", "0"),
            ("OUTP1 0", None),
            ("SOUR1:CURR 0", None),
            ("UNIT:TEMP C", None),
            ("SOUR2:TEMP 25C", None),
            FINE,
            ("SOUR2:TEMP 24.8C", None),
            ("OUTP1?", "0"),
            FINE,
            ("SOUR2:TEMP?", "2.480000E+01"),
        ]
        with Transcript("laser", lines, address=self.ADDRESS) as box:
            # Cooling by 0.4 K raises the frequency by 10 GHz.
            box.instrument.set_detuning_hertz(5e9)
            assert box.instrument.detuning_hertz() == pytest.approx(5e9)


class TestKeysight33500:
    """33500 Series Operating and Service Guide, 33500-90901: DATA:ARB:DAC, FUNC:ARB, VOLT:LIM..

    The order of an upload is that of the maker's published MATLAB and Python examples.
    """

    IDENTITY = ("*IDN?", "Agilent Technologies,33522B,MY52802702,2.09-1.19-2.00-52-00")
    CHANNEL = (
        ("OUTP{n} 0", None),
        ("OUTP{n}:LOAD 50", None),
        ("TRIG{n}:SOUR BUS", None),
        ("TRIG{n}:SLOP POS", None),
        ("SOUR{n}:FUNC ARB", None),
        ("SOUR{n}:FUNC:ARB:FILT OFF", None),
        ("SOUR{n}:FUNC:ARB:ADV TRIG", None),
        ("SOUR{n}:VOLT:LIM:STAT 0", None),
        ("SOUR{n}:VOLT 9.99969482421875", None),
        ("SOUR{n}:VOLT:OFFS 0", None),
        ("SOUR{n}:VOLT:LIM:LOW -5", None),
        ("SOUR{n}:VOLT:LIM:HIGH 5", None),
        ("SOUR{n}:VOLT:LIM:STAT 1", None),
    )

    def test_a_waveform_goes_up_as_little_endian_codes(self):
        # 1 V of 5 V are 6554 of 32768 steps (0x199A), -5 V are -32767 (0x8001: the last code);
        # the last shot comes first, and 2 shots are repeated to the least of 8 points.
        one = b"\x9a\x19"
        lowest = b"\x01\x80"
        zero = b"\x00\x00"
        half = b"\x00\x40"
        lines = [
            self.IDENTITY,
            ("FORM:BORD SWAP", None),
            *((sent.format(n=1), None) for sent, _ in self.CHANNEL),
            *((sent.format(n=2), None) for sent, _ in self.CHANNEL),
            FINE,
            ("SOUR1:DATA:VOL:CLE", None),
            (b"SOUR1:DATA:ARB:DAC SHOTS,#216" + (lowest + one) * 4, None),
            ("SOUR1:FUNC:ARB SHOTS", None),
            ("SOUR2:DATA:VOL:CLE", None),
            (b"SOUR2:DATA:ARB:DAC SHOTS,#216" + (half + zero) * 4, None),
            ("SOUR2:FUNC:ARB SHOTS", None),
            FINE,
            (
                "SOUR1:FUNC:ARB SHOTS;:TRIG1:SOUR EXT;:SOUR2:FUNC:ARB SHOTS;:TRIG2:SOUR EXT",
                None,
            ),
            ("OUTP1 1", None),
            ("OUTP2 1", None),
            FINE,
            ("TRIG1:SOUR BUS;:TRIG2:SOUR BUS", None),
            ("OUTP1 0", None),
            ("OUTP2 0", None),
        ]
        with Transcript("inputs", lines, address=GENERATOR, settings={"channels": 2}) as box:
            modulators = box.instrument
            modulators.load(np.array([[1.0, 0.0], [-5.0, 2.5]], np.float32))
            modulators.arm()
            box.fired.announce(2)
            modulators.wait_until_done(1.0)
            modulators.make_safe()

    def test_a_trigger_source_gives_a_burst_of_pulses(self):
        lines = [
            self.IDENTITY,
            ("OUTP1 0", None),
            ("OUTP1:LOAD 50", None),
            ("SOUR1:FUNC PULS", None),
            ("SOUR1:FUNC:PULS:PER 0.0001", None),
            ("SOUR1:FUNC:PULS:WIDT 1e-06", None),
            ("SOUR1:VOLT 2.5", None),
            ("SOUR1:VOLT:OFFS 1.25", None),
            ("SOUR1:BURS:MODE TRIG", None),
            ("SOUR1:BURS:NCYC 1", None),
            ("TRIG1:SOUR BUS", None),
            ("SOUR1:BURS:STAT 1", None),
            ("*CLS", None),
            FINE,
            ("OUTP1 1", None),
            ("SOUR1:BURS:NCYC 64;*TRG;*OPC", None),
            ("*ESR?", "+0"),
            ("*ESR?", "+1"),
            FINE,
            ("ABOR", None),
            ("OUTP1 0", None),
        ]
        with Transcript("trigger", lines, address=GENERATOR) as box:
            box.instrument.fire(64)
            assert box.fired.shots == 64
            box.instrument.wait_until_done(1.0)
            box.instrument.make_safe()


class TestKeysightInfiniiVision:
    """InfiniiVision 3000T X-Series Programmer's Guide: :SINGle, :OPERegister, :WAVeform."""

    ADDRESS = "TCPIP0::192.168.1.31::inst0::INSTR"
    IDENTITY = ("*IDN?", "KEYSIGHT TECHNOLOGIES,DSO-X 3034T,MY57452230,07.30.2019051434")

    def opening(self):
        return [
            self.IDENTITY,
            (":STOP", None),
            (":CHAN1:DISP 1", None),
            (":CHAN1:COUP DC", None),
            (":CHAN1:RANG 2", None),
            (":CHAN1:OFFS 0", None),
            *((f":CHAN{n}:DISP 0", None) for n in (2, 3, 4)),
            (":ACQ:TYPE HRES", None),
            (":TRIG:MODE EDGE", None),
            (":TRIG:EDGE:SOUR EXT", None),
            (":TRIG:EDGE:LEV 1,EXT", None),
            (":TRIG:EDGE:SLOP POS", None),
            (":TRIG:SWE NORM", None),
            (":TIM:REF LEFT", None),
            (":WAV:FORM WORD", None),
            (":WAV:BYT LSBF", None),
            (":WAV:UNS 0", None),
            (":WAV:POIN:MODE RAW", None),
            FINE,
        ]

    def test_a_record_is_cut_into_shots_and_scaled_by_its_preamble(self):
        # Two shots of 100 us in 100 samples of 2.02 us; the window is the second half of each, and
        # whatever pokes out of it does not count. Codes hold line feeds: 2570 is 0x0A0A.
        codes = np.full(100, 7, "<i2")
        codes[26:50], codes[75:99] = 2570, -400
        lines = [
            *self.opening(),
            (":TIM:RANG 0.000202", None),
            (":TIM:POS 2.02e-05", None),
            (":WAV:POIN 100", None),
            (":SING", None),
            FINE,
            (":OPER:COND?", "+40"),
            (":OPER:COND?", "+32"),
            (":WAV:SOUR CHAN1", None),
            (
                ":WAV:PRE?",
                "+1,+0,+100,+1,+2.02000000E-06,+0.00000000E+00,+0,+3.05175800E-05,+0.00000000E+00,+0",
            ),
            (":WAV:DATA?", b"#800000200" + codes.tobytes()),
            FINE,
            (":STOP", None),
        ]
        with Transcript("z", lines, address=self.ADDRESS, settings={"channels": 1}) as box:
            box.instrument.arm(2)
            box.fired.announce(2)
            volts = box.instrument.read(1.0)
            np.testing.assert_allclose(volts[:, 0], np.array([2570, -400]) * 3.051758e-5, rtol=1e-6)
            box.instrument.make_safe()


class TestRedPitaya:
    """SCPI commands of the vendor's documentation (2.00) and its redpitaya_scpi.py."""

    ADDRESS = "TCPIP0::192.168.1.41::5000::SOCKET"
    IDENTITY = ("*IDN?", "REDPITAYA,INSTR2024,0,01-16")
    FINE = ("SYST:ERR?", '0,"No error"')

    def test_volts_come_down_big_endian(self):
        samples = np.full(391, 9.0, ">f4")
        # Shot 1 from sample 0, shot 2 from 195.3 on; in the second half of each stands its value.
        samples[98:195] = 0.25
        samples[294:391] = -0.5
        lines = [
            self.IDENTITY,
            ("ACQ:RST", None),
            ("ACQ:DEC 64", None),
            ("ACQ:AVG ON", None),
            ("ACQ:DATA:FORMAT BIN", None),
            ("ACQ:DATA:UNITS VOLTS", None),
            ("ACQ:SOUR1:GAIN LV", None),
            ("ACQ:TRIG:DLY 8192", None),
            self.FINE,
            ("ACQ:START", None),
            ("ACQ:TRIG EXT_PE", None),
            self.FINE,
            ("ACQ:TRIG:STAT?", "WAIT"),
            ("ACQ:TRIG:STAT?", "TD"),
            ("ACQ:TRIG:FILL?", "0"),
            ("ACQ:TRIG:STAT?", "TD"),
            ("ACQ:TRIG:FILL?", "1"),
            ("ACQ:SOUR1:DATA:OLD:N? 391", b"#41564" + samples.tobytes()),
            self.FINE,
            ("ACQ:STOP", None),
        ]
        with Transcript(
            "outputs", lines, end="\r\n", address=self.ADDRESS, settings={"channels": 1}
        ) as box:
            box.instrument.arm(2)
            box.fired.announce(2)
            np.testing.assert_array_equal(box.instrument.read(1.0), [[0.25], [-0.5]])
            box.instrument.make_safe()

    def test_a_generator_plays_its_buffer_from_the_trigger_on_and_holds_its_end(self):
        lines = [
            self.IDENTITY,
            ("GEN:RST", None),
            ("OUTPUT1:STATE OFF", None),
            ("SOUR1:FUNC ARBITRARY", None),
            ("SOUR1:VOLT 1", None),
            ("SOUR1:VOLT:OFFS 0", None),
            ("SOUR1:BURS:STAT BURST", None),
            ("SOUR1:BURS:NCYC 1", None),
            ("SOUR1:BURS:NOR 1", None),
            ("SOUR1:TRIG:SOUR INT", None),
            self.FINE,
            ("SOUR1:TRAC:DATA:DATA 0.5,-0.25", None),
            ("SOUR1:FREQ:FIX 5000", None),
            ("SOUR1:BURS:LASTV -0.25", None),
            self.FINE,
            ("SOUR1:TRIG:SOUR EXT_PE", None),
            ("OUTPUT1:STATE ON", None),
            self.FINE,
            ("SOUR1:TRIG:SOUR INT", None),
            ("OUTPUT1:STATE OFF", None),
        ]
        with Transcript(
            "errors", lines, end="\r\n", address=self.ADDRESS, settings={"channels": 1}
        ) as box:
            box.instrument.load(np.array([[0.5], [-0.25]], np.float32))
            box.instrument.arm()
            box.fired.announce(2)
            box.instrument.wait_until_done(1.0)
            box.instrument.make_safe()


class TestThorlabsPm100:
    """PM100D manual, 17654-D02; the reply of the sensor is that in PyMeasure's own tests."""

    def test_pymeasures_class_reads_watts(self):
        lines = [
            ("*IDN?", "Thorlabs,PM100D,P0012345,2.4.0"),
            ("SYST:SENSOR:IDN?", "S130C,210921324,21-SEP-2021,1,3,33"),
            ("SENS:CORR:WAV? MIN", "4.000000E+02"),
            ("SENS:CORR:WAV? MAX", "1.100000E+03"),
            ("SENS:POW:RANG:AUTO ON", None),
            ("SENS:POW:UNIT W", None),
            ("SENS:CORR:WAV? MIN", "4.000000E+02"),
            ("SENS:CORR:WAV? MAX", "1.100000E+03"),
            ("SENSE:CORR:WAV 780.241", None),
            FINE,
            ("MEAS:POW?", "1.000000E-03"),
            ("MEAS:POW?", "3.000000E-03"),
            ("MEAS:POW?", "9.900000E+37"),
        ]
        with Transcript("meter", lines, address="USB0::0x1313::0x8078::P0012345::INSTR") as box:
            assert box.instrument.read_watts(2) == pytest.approx(2e-3)
            with pytest.raises(InstrumentError, match="overloaded"):
                box.instrument.read_watts()


class TestThorlabsMbx:
    """Commands as PyMeasure's ThorlabsMBXSeries writes them."""

    def test_peak_is_open_and_null_is_shut(self):
        lines = [
            ("MZM:MODE: 2", None),
            ("MZM:MODE: 1", None),
            ("MZM:MODE?", "1"),
            ("MZM:SETPOINT?", "0"),
            ("MZM:SETPOINT?", "1"),
            ("MZM:MODE?", "1"),
            ("MZM:MODE: 2", None),
        ]
        identity = ("*IDN?", "THORLABS,MX10B,M00000001,1.0")
        with Transcript(
            "pump_shutter", [identity, *lines], end="\r", address="ASRL3::INSTR", asks=1
        ) as box:
            box.instrument.set_open(True)
            assert box.instrument.is_open()
            box.instrument.make_safe()


def test_a_box_of_another_family_is_not_spoken_to():
    lines = [("*IDN?", "Rigol Technologies,DS1054Z,DS1ZA1,00.04")]
    with (
        pytest.raises(InstrumentError, match=r"amplifier_1.*Rigol.*this driver is for ITC40"),
        Transcript("amplifier_1", lines, address="USB0::1::2::3::INSTR"),
    ):
        pass
