"""Signals become a request that is looked at between steps, and handlers come back afterwards."""

import signal
import sys

import pytest

from instruments.errors import BackbeamError
from protocols.interruption import Interrupted, StopRequest

SIGNALS = [name for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]


@pytest.fixture(params=SIGNALS)
def number(request):
    """A signal with a handler of Python's own, whatever shell the tests were started from."""
    number = getattr(signal, request.param)
    earlier = signal.signal(number, signal.default_int_handler)
    yield number
    signal.signal(number, earlier)


def test_the_first_signal_is_noted_and_the_second_stops_at_once(number):
    with StopRequest() as request:
        assert request.signal_number is None
        signal.raise_signal(number)
        assert request.signal_number == number
        with pytest.raises(Interrupted, match="second signal") as stopped:
            signal.raise_signal(number)
    assert stopped.value.exit_code == 128 + number
    assert signal.getsignal(number) is signal.default_int_handler


def test_a_request_can_be_entered_again_while_it_holds(number):
    """From the start of a record on, and once more by the run itself."""
    with StopRequest() as request:
        with request:
            pass
        signal.raise_signal(number)
        assert request.signal_number == number
    assert signal.getsignal(number) is signal.default_int_handler


def test_a_request_can_be_used_for_one_run_after_the_other(number):
    request = StopRequest()
    for _ in range(2):
        with request:
            assert signal.getsignal(number) == request._handle
        assert signal.getsignal(number) is signal.default_int_handler


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this platform has no terminals that end")
def test_under_nohup_the_end_of_the_terminal_is_no_request():
    earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as request:
            signal.raise_signal(signal.SIGHUP)
        assert request.signal_number is None
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, earlier)


def test_in_another_thread_it_holds_nothing(number):
    import threading

    found = []

    def enter():
        with StopRequest():
            found.append(signal.getsignal(number))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join(timeout=10)
    assert found == [signal.default_int_handler]


def test_nothing_that_handles_errors_swallows_an_interruption():
    assert issubclass(Interrupted, KeyboardInterrupt)
    assert not issubclass(Interrupted, (Exception, BackbeamError))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to one process")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_between_the_record_and_the_run_unwinds_the_command(monkeypatch, tmp_path, name):
    """It must not kill outright what may be lit already."""
    from protocols.command import main
    from protocols.training import Training

    number = getattr(signal, name)
    earlier = signal.signal(number, signal.SIG_DFL)
    unwound = []

    def run(training, recorder, progress, stop, control):
        """What a run that has hardly begun does."""
        signal.raise_signal(number)
        unwound.append(True)
        raise Interrupted("stopped before the first step", stop.signal_number)

    monkeypatch.setattr(Training, "run", run)
    try:
        with pytest.raises(SystemExit) as left:
            main(["train", "--ideal", "--layers", "64,8,10", "--out", str(tmp_path / "run")])
    finally:
        signal.signal(number, earlier)
    assert unwound
    assert left.value.code == 128 + number
