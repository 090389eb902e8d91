"""What goes wrong on wires: the run goes on, or ends with an error that says what to do."""

import threading

import numpy as np
import pytest
from simulated_bench import TIMEOUT
from wire_bench import DRIVERS, wire_bench, wire_bench_file

from instruments.errors import InstrumentError
from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.opening import SharedResources, prepare_instruments
from instruments.parallel_opening import open_each
from instruments.transport.session import Session
from instruments.transport.wire import VisaWire
from instruments.transport.wire_errors import ConnectionLost, GarbledReply, InstrumentComplaint
from sim_backends.wire.bench_wire import bench_wire, canonical
from sim_backends.wire.tcp_server import ServedBoxes


@pytest.fixture
def bench():
    return wire_bench()


def spoil(bench, name, kind, after=0):
    bench.twin.faults.wire.spoil(name, kind, after)


class TestReplies:
    def test_a_late_reply_is_told_and_never_passes_for_the_next_answer(self, bench):
        oven = bench["oven"]
        oven.set_temperature_celsius(40.0)
        spoil(bench, "oven", "late reply")
        with pytest.raises(InstrumentTimeoutError, match=r"oven.*'MEAS:TEMP\?'.*timeout"):
            oven.temperature_celsius()
        # The late one is 22 degC, the measured temperature; the target was asked for.
        assert oven.target_celsius() == 40.0
        assert oven.temperature_celsius() == pytest.approx(22.0)

    def test_a_dropped_reply_is_told_and_the_next_question_is_answered(self, bench):
        spoil(bench, "amplifier_1", "dropped reply")
        with pytest.raises(InstrumentTimeoutError, match=r"amplifier_1.*no answer within 2 s"):
            bench["amplifier_1"].currents_amperes()
        np.testing.assert_array_equal(bench["amplifier_1"].currents_amperes(), [0.0])

    def test_half_a_block_is_told_with_how_much_of_it_came(self, bench):
        scope = bench["z"]
        scope.arm(2)
        bench["trigger"].fire(2)
        # The status of two boxes, of one of them twice, and a preamble are answered first.
        spoil(bench, "z", "half reply", after=4)
        with pytest.raises(InstrumentTimeoutError, match=r"z .*':WAV:DATA\?'.*bytes of one"):
            scope.read(TIMEOUT)
        scope.stop()
        scope.arm(2)
        bench["trigger"].fire(2)
        assert scope.read(TIMEOUT).shape == (2, 5)

    def test_a_garbled_byte_is_told_and_not_taken_for_a_number(self, bench):
        spoil(bench, "oven", "garbled reply")
        with pytest.raises(GarbledReply, match=r"oven.*'MEAS:TEMP\?'.*cable"):
            bench["oven"].temperature_celsius()
        assert bench["oven"].temperature_celsius() == pytest.approx(22.0)


class TestBoxes:
    def test_an_entry_in_the_error_queue_is_told_with_the_command_before_it(self, bench):
        spoil(bench, "inputs", "error in queue")
        with pytest.raises(InstrumentComplaint, match=r"inputs.*-310,.System error"):
            bench["inputs"].load(np.zeros((2, 6), np.float32))
        bench["inputs"].load(np.zeros((2, 6), np.float32))

    def test_a_box_that_loses_power_is_lost_unless_it_may_be_looked_for(self, bench):
        spoil(bench, "inputs", "power cycle")
        with pytest.raises(ConnectionLost, match=r"inputs.*lost at 'SOUR.*power"):
            bench["inputs"].load(np.ones((2, 6), np.float32))

    def test_a_generator_that_lost_power_is_found_again_and_goes_on(self):
        bench = wire_bench(settings={"inputs": {"reconnect": 3}})
        volts = np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6)
        inputs = bench["inputs"]
        inputs.load(volts)
        inputs.arm()
        bench["trigger"].fire(4)
        inputs.wait_until_done(TIMEOUT)
        spoil(bench, "inputs", "power cycle")
        # The same sequence again: not uploaded by anybody but the driver's memory.
        inputs.arm()
        bench["trigger"].fire(4)
        inputs.wait_until_done(TIMEOUT)
        np.testing.assert_allclose(bench.twin._drives["inputs"], volts, atol=1e-4)

    def test_an_amplifier_that_lost_power_is_not_switched_on_behind_anybodys_back(self):
        bench = wire_bench(settings={"amplifier_1": {"reconnect": 3}})
        amplifier = bench["amplifier_1"]
        amplifier.set_currents_amperes(np.array([0.05]))
        amplifier.set_enabled(True)
        spoil(bench, "amplifier_1", "power cycle")
        with pytest.raises(InstrumentError, match=r"amplifier_1.*lost and answers again.*start"):
            amplifier.currents_amperes()
        amplifier.make_safe()
        assert not amplifier.enabled()

    def test_an_amplifier_whose_wire_alone_was_cut_goes_on(self):
        bench = wire_bench(settings={"amplifier_1": {"reconnect": 3}})
        amplifier = bench["amplifier_1"]
        amplifier.set_currents_amperes(np.array([0.05]))
        amplifier.set_enabled(True)
        spoil(bench, "amplifier_1", "closed")
        assert amplifier.currents_amperes()[0] == pytest.approx(0.05)

    def test_a_meter_that_lost_power_weighs_light_of_the_same_wavelength_again(self):
        bench = wire_bench(settings={"meter": {"reconnect": 3}})
        meter = bench["meter"]
        meter.set_wavelength_metres(795e-9)
        spoil(bench, "meter", "power cycle")
        assert meter.wavelength_metres() == pytest.approx(795e-9)

    def test_one_deaf_amplifier_does_not_let_the_others_drop(self, bench):
        amplifiers = bench["amplifier_2"]
        amplifiers.set_currents_amperes(np.full(5, 0.1))
        amplifiers.set_enabled(True)
        sessions = amplifiers._sessions
        told = {session.address: [] for session in sessions}
        for session in sessions:
            session.write = self.listening(session.write, told[session.address])
        sessions[2].write = self.deaf
        with pytest.raises(InstrumentTimeoutError, match="deaf"):
            amplifiers.make_safe()
        for number, session in enumerate(sessions):
            currents = [float(one.split()[1]) for one in told[session.address] if "CURR " in one]
            if number != 2:
                # 1 A/s in steps of 5 ms: never more than 5 mA at a time.
                steps = -np.diff([0.1, *currents])
                assert steps.max() <= 5.1e-3
                assert currents[-1] == 0
                assert session.query("OUTP1?") == "0"

    @staticmethod
    def listening(write, told):
        def noted(command):
            told.append(command)
            write(command)

        return noted

    @staticmethod
    def deaf(command):
        raise InstrumentTimeoutError("deaf")

    def test_a_box_that_hangs_keeps_no_other_box_waiting(self, bench):
        bench.twin.faults.hang("laser")
        hanging = threading.Thread(target=bench["laser"].enabled, daemon=True)
        hanging.start()
        others = threading.Thread(target=bench["amplifier_1"].make_safe, daemon=True)
        others.start()
        others.join(20)
        assert not others.is_alive()
        assert hanging.is_alive()
        bench.twin.faults.clear()
        hanging.join(20)
        assert not hanging.is_alive()

    def test_an_answer_that_is_no_switch_is_told(self, bench):
        box = bench["oven"]._sessions[0]
        box.query = lambda command: "7"
        with pytest.raises(GarbledReply, match=r"oven.*'7' was answered; 0 or 1 was expected"):
            bench["oven"].enabled()

    def test_a_refused_connection_names_every_instrument_that_refuses(self):
        file = wire_bench_file()
        shared = SharedResources()
        prepared = prepare_instruments(file, shared)
        shared.get("simulated boxes", lambda: bench_wire(file, shared))
        twin = shared.built()["twin"]
        twin.faults.wire.spoil("laser", "refused")
        twin.faults.wire.spoil("meter", "refused")
        opened = open_each(file, prepared)
        opened.make_safe()
        opened.close()
        assert set(opened.failures) == {"laser", "meter"}
        message = str(opened.failed())
        assert "laser (USB0::" in message
        assert "cannot be reached" in message

    def test_a_deaf_box_times_out_and_the_others_are_made_safe(self, bench):
        bench.switch_on()
        bench.twin.faults.fail("laser")
        with pytest.raises(InstrumentTimeoutError, match="laser"):
            bench["laser"].make_safe()
        bench["amplifier_1"].make_safe()
        bench.twin.faults.clear()
        assert not bench["amplifier_1"].enabled()


def test_two_threads_on_one_instrument_get_their_own_answers(bench):
    oven = bench["oven"]
    oven.set_temperature_celsius(60.0)
    wrong = []

    def ask(question, expected):
        wrong.extend(n for n in range(100) if abs(question() - expected) > 1)

    threads = [
        threading.Thread(target=ask, args=(oven.target_celsius, 60.0)),
        threading.Thread(target=ask, args=(oven.temperature_celsius, 22.0)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


class TestRealSockets:
    """The same boxes behind TCP, spoken to as real ones are: sockets, not PyVISA's."""

    @pytest.fixture
    def served(self):
        file = wire_bench_file()
        shared = SharedResources()
        boxes = bench_wire(file, shared)
        with ServedBoxes(boxes.links) as served:
            yield shared.built()["twin"], served

    @staticmethod
    def session(served, name, wire=None, **options):
        import pyvisa

        place = served.addresses[canonical(DRIVERS[name][1][0])]
        wire = wire or VisaWire(pyvisa.ResourceManager("@py"))
        return Session(name, place, wire, **options)

    def test_blocks_come_intact(self, served):
        session = self.session(served[1], "z").open()
        for command in (":WAV:FORM WORD", ":WAV:BYT LSBF", ":WAV:UNS 0", ":WAV:POIN 20000", ":DIG"):
            session.write(command)
        assert len(session.query_block(":WAV:DATA?", "<i2")) == 20000
        session.close()

    @pytest.mark.parametrize("kind", ["late reply", "dropped reply", "half reply"])
    def test_a_reply_that_stays_out_is_told_and_the_next_ones_are_right(self, served, kind):
        twin, boxes = served
        session = self.session(boxes, "oven", timeout_seconds=0.2).open()
        twin.faults.wire.spoil("oven", kind)
        with pytest.raises(InstrumentTimeoutError, match=r"oven.*'MEAS:TEMP\?'.*timeout"):
            session.query("MEAS:TEMP?")
        assert float(session.query("SOUR2:TEMP?")) == pytest.approx(25.0)
        assert float(session.query("MEAS:TEMP?")) == pytest.approx(22.0)
        session.close()

    def test_two_threads_get_their_own_answers(self, served):
        session = self.session(served[1], "oven").open()
        session.write("SOUR2:TEMP 60")
        wrong = []

        def ask(question, expected):
            wrong.extend(
                n for n in range(100) if abs(float(session.query(question)) - expected) > 1
            )

        threads = [
            threading.Thread(target=ask, args=asked)
            for asked in (("SOUR2:TEMP?", 60.0), ("MEAS:TEMP?", 22.0))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        session.close()

    def test_a_box_that_closes_its_socket_is_told_at_once(self, served):
        twin, boxes = served
        session = self.session(boxes, "oven", timeout_seconds=30.0).open()
        twin.faults.wire.spoil("oven", "closed")
        with pytest.raises(ConnectionLost, match=r"oven.*closed the connection"):
            session.query("MEAS:TEMP?")

    def test_a_box_that_closed_its_socket_is_found_again_where_that_is_allowed(self, served):
        twin, boxes = served
        session = self.session(boxes, "oven", FastVisaWire(), reconnect=2, timeout_seconds=30.0)
        session.open()
        twin.faults.wire.spoil("oven", "closed")
        assert float(session.query("MEAS:TEMP?")) == pytest.approx(22.0)
        session.close()

    def test_nobody_listening_is_told_at_opening(self, served):
        session = self.session(served[1], "oven")
        served[1].close()
        with pytest.raises(ConnectionLost, match=r"oven.*cannot be reached.*switched on"):
            session.open()


class FastVisaWire(VisaWire):
    """Real sockets, but nobody waits for a back-off."""

    def __init__(self):
        import pyvisa

        super().__init__(pyvisa.ResourceManager("@py"))

    @property
    def clock(self):
        class NoWaiting:
            def now(self):
                return 0.0

            def wait(self, seconds):
                pass

        return NoWaiting()
