"""Instruments are opened together; one that fails, hangs or comes late does not spoil the rest."""

import os
import signal
import threading
import time

import pytest

from instruments import parallel_opening
from instruments.bench_file.reading import built_in_bench, built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.errors import BenchFileError, InstrumentError
from instruments.interfaces.instrument import Identity
from instruments.opening import SharedResources
from instruments.parallel_opening import BenchOpeningError, open_each, prepare_each

COUNT = len(built_in_bench("digits").instruments)


class Laboratory:
    """Opens instruments that keep a journal in place of those of a bench."""

    def __init__(self, file):
        self.file = file
        self.journal = []
        self.failing = {}
        self.nameless = set()
        self.slow = {}

    def prepared(self):
        return {name: Prepared(self, name) for name in self.file.instruments}

    def noted(self, what):
        return [name for happened, name in self.journal if happened == what]


class Prepared:
    def __init__(self, laboratory, name):
        self.laboratory = laboratory
        self.name = name

    def open(self):
        if self.name in self.laboratory.slow:
            self.laboratory.slow[self.name].wait()
        if self.name in self.laboratory.failing:
            raise self.laboratory.failing[self.name]
        return Noted(self.laboratory, self.name)


class Noted:
    simulated = True

    def __init__(self, laboratory, name):
        self.laboratory = laboratory
        self.name = name

    def identity(self):
        if self.name in self.laboratory.nameless:
            raise InstrumentError(f"{self.name}: does not say who it is")
        return Identity("backbeam", "noted")

    def make_safe(self):
        self.laboratory.journal.append(("safe", self.name))

    def close(self):
        self.laboratory.journal.append(("closed", self.name))


@pytest.fixture
def laboratory():
    laboratory = Laboratory(built_in_bench("digits"))
    threads = threading.enumerate()
    yield laboratory
    for event in laboratory.slow.values():
        event.set()
    for thread in threading.enumerate():
        if thread not in threads:
            thread.join(timeout=5.0)
            assert not thread.is_alive()


@pytest.fixture
def ctrl_c():
    """Python's own handler, which is not there where tests run in the background of a shell."""
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, earlier)


def test_all_that_answer_are_open_and_nothing_else_has_happened(laboratory):
    opened = open_each(laboratory.file, laboratory.prepared())
    assert set(opened.instruments) == set(laboratory.file.instruments)
    assert opened.failures == {}
    assert laboratory.journal == []


def test_failures_are_named_with_their_reasons_and_the_others_are_open(laboratory):
    laboratory.failing = {
        "laser": InstrumentError("laser: no answer at TCPIP0::10.0.0.3::INSTR"),
        "oven": OSError(13, "permission denied"),
    }
    laboratory.nameless = {"slm_1"}
    opened = open_each(laboratory.file, laboratory.prepared())
    assert set(opened.failures) == {"laser", "oven", "slm_1"}
    assert len(opened.instruments) == COUNT - 3
    line = str(opened.failed())
    assert line.startswith(
        f"built-in bench 'digits': 3 of {COUNT} instruments could not be opened: "
    )
    assert "laser: no answer at TCPIP0::10.0.0.3::INSTR" in line
    assert "oven: PermissionError: [Errno 13] permission denied" in line
    assert "slm_1: does not say who it is" in line
    assert "laser: laser" not in line


def test_one_that_does_not_say_who_it_is_is_left_as_it_should_be(laboratory):
    laboratory.nameless = {"slm_1"}
    opened = open_each(laboratory.file, laboratory.prepared())
    assert list(opened.failures) == ["slm_1"]
    for thread in threading.enumerate():
        if thread.name == "opening slm_1":
            thread.join(timeout=5)
    assert laboratory.journal == [("safe", "slm_1"), ("closed", "slm_1")]


def test_instruments_are_opened_at_the_same_time(laboratory):
    """Each waits until all others have begun."""
    count = len(laboratory.file.instruments)
    meeting = threading.Barrier(count)

    class Meeting:
        def wait(self):
            meeting.wait(timeout=10)

        def set(self):
            pass

    laboratory.slow = dict.fromkeys(laboratory.file.instruments, Meeting())
    assert len(open_each(laboratory.file, laboratory.prepared()).instruments) == count


def test_one_that_hangs_is_given_up_after_the_time_limit_and_closed_if_it_comes_late(laboratory):
    laboratory.slow = {"laser": threading.Event()}
    begun = time.monotonic()
    opened = open_each(laboratory.file, laboratory.prepared(), timeout_seconds=0.2)
    assert 0.2 <= time.monotonic() - begun < 2.0
    assert len(opened.instruments) == COUNT - 1
    assert "laser: no answer within 0.2 s" in str(opened.failures["laser"])
    late = next(one for one in threading.enumerate() if one.name == "opening laser")
    laboratory.slow["laser"].set()
    late.join(timeout=5)
    assert laboratory.journal == [("safe", "laser"), ("closed", "laser")]
    assert "laser" not in opened.instruments


def test_they_are_made_safe_in_the_file_s_order_whatever_the_order_of_answers(laboratory):
    laboratory.failing = {"laser": InstrumentError("laser: gone")}
    opened = open_each(laboratory.file, laboratory.prepared())
    report = opened.make_safe()
    expected = [name for name in laboratory.file.safe_state.order if name != "laser"]
    assert report.reached
    assert laboratory.noted("safe") == expected


@pytest.mark.skipif(os.name == "nt", reason="os.kill ends the process on Windows")
@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_while_one_hangs_leaves_the_others_safe_and_closed(laboratory, monkeypatch):
    laboratory.slow = {"oven": threading.Event()}
    waiting = threading.Event()
    original = parallel_opening._Opening.wait

    def wait(self, count, timeout_seconds):
        waiting.set()
        original(self, count, timeout_seconds)

    def interrupt():
        waiting.wait(timeout=10)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(parallel_opening._Opening, "wait", wait)
    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        open_each(laboratory.file, laboratory.prepared(), timeout_seconds=20)
    interrupter.join()
    opened = [name for name in laboratory.file.safe_state.order if name in laboratory.noted("safe")]
    assert laboratory.noted("safe") == opened
    assert set(laboratory.noted("closed")) == set(opened)


def with_driver(*names):
    """The digits bench with drivers that are not installed."""
    text = built_in_text("digits")
    for name in names:
        place = text.index(f"[instruments.{name}]")
        text = text[:place] + text[place:].replace('driver = "simulated', 'driver = "imagined', 1)
    return parse_bench_file(text, "lab.toml")


def test_every_wrong_description_is_named_before_anything_is_opened(monkeypatch):
    monkeypatch.setattr(parallel_opening._Opening, "open_one", lambda *_: pytest.fail("opened"))
    with pytest.raises(BenchFileError) as caught:
        open_bench(with_driver("laser", "oven"))
    line = str(caught.value)
    assert line.count("lab.toml") == 1
    assert "instruments.laser.driver: no driver 'imagined laser' is installed" in line
    assert "instruments.oven.driver: no driver 'imagined temperature controller'" in line


def test_what_can_be_prepared_is_prepared_in_spite_of_the_others():
    file = with_driver("laser")
    prepared, failures = prepare_each(file, SharedResources())
    assert list(failures) == ["laser"]
    assert set(prepared) == set(file.instruments) - {"laser"}


def test_a_bench_that_cannot_be_opened_says_so_and_leaves_the_rest_safe_and_closed(monkeypatch):
    from sim_backends.simulated.laser import SimulatedLaser
    from sim_backends.simulated.shutter import SimulatedShutter

    journal = []
    monkeypatch.setattr(SimulatedShutter, "_go_safe", lambda self: journal.append(self.name))

    def refuse(cls, request):
        raise InstrumentError(f"{request.name}: is in use by another program")

    monkeypatch.setattr(SimulatedLaser, "open", classmethod(refuse))
    with pytest.raises(BenchOpeningError, match=rf"1 of {COUNT} .* laser: is in use by another"):
        open_bench(built_in_bench("digits"))
    assert journal == ["pump_shutter", "probe_shutter", "reference_shutter"]
