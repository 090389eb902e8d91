"""``backbeam safe``: whatever answers is made safe, in order; what is not is said."""

import threading

import pytest

from instruments.bench_file.reading import built_in_bench, built_in_text
from instruments.errors import InstrumentError
from sim_backends.simulated.laser import SimulatedLaser
from sim_backends.simulated.simulated_instrument import SimulatedInstrument
from sim_backends.simulated.temperature_controller import SimulatedTemperatureController

ORDER = list(built_in_bench("digits").safe_state.order)


@pytest.fixture
def journal(monkeypatch):
    """Names of instruments in the order in which they were made safe."""
    made_safe = []
    original = SimulatedInstrument.make_safe

    def make_safe(self):
        original(self)
        made_safe.append(self.name)

    monkeypatch.setattr(SimulatedInstrument, "make_safe", make_safe)
    return made_safe


def happened(done):
    """What was said of each instrument, in the order of the table."""
    lines = [line.split(maxsplit=2) for line in done.out.splitlines()]
    return {words[1]: words[2].strip() for words in lines if words and words[0].isdigit()}


def test_every_instrument_is_made_safe_in_the_file_s_order(backbeam, journal):
    done = backbeam("safe")
    assert done.code == 0, done.err
    assert journal == ORDER
    said = happened(done)
    assert list(said) == ORDER
    assert all(words.startswith("safe after") for words in said.values())
    assert done.out.splitlines()[-1] == "bench digits is safe"


def test_one_that_cannot_be_opened_does_not_stop_the_others(backbeam, journal, monkeypatch):
    def refuse(cls, request):
        raise InstrumentError(f"{request.name}: no answer at COM3")

    monkeypatch.setattr(SimulatedLaser, "open", classmethod(refuse))
    done = backbeam("safe")
    assert done.code == 1
    assert journal == [name for name in ORDER if name != "laser"]
    assert happened(done)["laser"] == "not opened: no answer at COM3"
    assert done.err == "not made safe: laser; switch off by hand\n"


def test_one_that_cannot_be_made_safe_does_not_stop_the_others(backbeam, journal, monkeypatch):
    def fail(self):
        raise OSError("the cable is out")

    monkeypatch.setattr(SimulatedLaser, "_go_safe", fail)
    done = backbeam("safe")
    assert done.code == 1
    assert journal == [name for name in ORDER if name != "laser"]
    assert "OSError: the cable is out" in happened(done)["laser"]
    assert "not made safe: laser" in done.err


def test_one_whose_description_is_wrong_does_not_stop_the_others(backbeam, journal, here):
    text = built_in_text("digits").replace('driver = "simulated laser"', 'driver = "my laser"')
    (here / "lab.toml").write_text(text, encoding="utf-8")
    done = backbeam("safe", "lab.toml")
    assert done.code == 1
    # The twin of the others wants its laser simulated: nothing of this bench can be opened.
    said = happened(done)
    assert said["laser"].startswith("not opened: instruments.laser.driver: no driver 'my laser'")
    assert set(said) == set(ORDER)
    assert journal == [name for name in ORDER if not said[name].startswith("not opened")]


def test_one_that_hangs_while_it_is_opened_is_given_up(backbeam, journal, monkeypatch):
    released = threading.Event()

    def hang(cls, request):
        released.wait()
        raise InstrumentError(f"{request.name}: the connection was lost")

    monkeypatch.setattr(SimulatedTemperatureController, "open", classmethod(hang))
    threads = threading.enumerate()
    done = backbeam("safe", "--timeout", "2")
    released.set()
    for thread in threading.enumerate():
        if thread not in threads:
            thread.join(timeout=5)
    assert done.code == 1
    assert journal == [name for name in ORDER if name != "oven"]
    assert "no answer within 2 s" in happened(done)["oven"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["digit"], "did you mean 'digits'?"),
        (["lab.toml"], "no such file"),
        (["--timeout", "0"], "timeout: found 0"),
        (["--timeout", "nan"], "timeout: found nan"),
        (["--timeout", "soon"], "'soon'"),
    ],
)
def test_what_cannot_be_is_refused(backbeam, here, arguments, words):
    done = backbeam("safe", *arguments)
    assert done.code == 2
    assert words in done.complaint
