"""The safe state: every step is begun, in order, whatever the others and the user do."""

import ctypes
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from instruments.safe_state import SafeStep, Terminated, ending_signals_raised, reach_safe_state


class Laboratory:
    """Notes what was made safe, and can hang until it is released."""

    def __init__(self):
        self.calls = []
        self.released = threading.Event()

    def step(self, instrument, timeout_seconds=5.0):
        return SafeStep(instrument, lambda: self.calls.append(instrument), timeout_seconds)

    def hanging(self, instrument, timeout_seconds):
        def hang():
            self.calls.append(instrument)
            self.released.wait()

        return SafeStep(instrument, hang, timeout_seconds)

    def raising(self, instrument, error):
        def fail():
            self.calls.append(instrument)
            raise error

        return SafeStep(instrument, fail)


@pytest.fixture
def laboratory():
    laboratory = Laboratory()
    threads = threading.enumerate()
    yield laboratory
    laboratory.released.set()
    for thread in threading.enumerate():
        if thread not in threads:
            thread.join(timeout=5.0)
            assert not thread.is_alive()


def test_steps_run_in_the_declared_order(laboratory):
    order = ["shutter", "laser", "amplifiers", "oven"]
    report = reach_safe_state([laboratory.step(name) for name in order])
    assert laboratory.calls == order
    assert report.order == tuple(order)
    assert report.reached
    assert [outcome.outcome for outcome in report.outcomes] == ["reached"] * 4
    assert "safe state reached: 4 instruments" in str(report)


def test_each_step_begins_after_the_one_before_has_ended():
    ended = threading.Event()
    begun_after = []
    report = reach_safe_state(
        [
            SafeStep("laser", ended.set),
            SafeStep("supply", lambda: begun_after.append(ended.is_set())),
        ]
    )
    assert report.reached
    assert begun_after == [True]


@pytest.mark.parametrize(
    "error", [RuntimeError("no such command"), SystemExit(1), KeyboardInterrupt()]
)
def test_one_that_raises_does_not_stop_the_others(laboratory, error):
    report = reach_safe_state(
        [
            laboratory.step("laser"),
            laboratory.raising("amplifiers", error),
            laboratory.step("oven"),
        ]
    )
    assert laboratory.calls == ["laser", "amplifiers", "oven"]
    assert [outcome.outcome for outcome in report.outcomes] == ["reached", "raised", "reached"]
    assert report.outcomes[1].error is error
    assert not report.reached
    assert "amplifiers: not made safe" in str(report)


def test_one_that_hangs_is_left_behind_after_its_own_time_limit(laboratory):
    begun = time.monotonic()
    report = reach_safe_state(
        [
            laboratory.step("shutter"),
            laboratory.hanging("laser", timeout_seconds=0.1),
            laboratory.step("amplifiers"),
        ]
    )
    elapsed = time.monotonic() - begun
    assert laboratory.calls == ["shutter", "laser", "amplifiers"]
    assert [outcome.outcome for outcome in report.outcomes] == ["reached", "hung", "reached"]
    assert 0.1 <= report.outcomes[1].seconds < 1.0
    assert 0.1 <= elapsed < 1.5
    assert "laser: no answer within 0.1" in str(report)
    assert not laboratory.released.is_set()


def test_a_hanging_and_a_raising_one_together(laboratory):
    report = reach_safe_state(
        [
            laboratory.hanging("laser", timeout_seconds=0.05),
            laboratory.raising("amplifiers", OSError("no space left on device")),
            laboratory.step("oven"),
        ]
    )
    assert [outcome.outcome for outcome in report.outcomes] == ["hung", "raised", "reached"]
    assert {failure.instrument for failure in report.failures()} == {"laser", "amplifiers"}


def test_without_a_thread_to_be_had_the_steps_run_all_the_same(laboratory, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    report = reach_safe_state([laboratory.step("laser"), laboratory.step("oven")])
    assert report.reached
    assert laboratory.calls == ["laser", "oven"]


def test_it_is_reached_after_an_exception_on_the_way_out(laboratory):
    def run():
        try:
            raise ZeroDivisionError
        finally:
            reach_safe_state([laboratory.step("laser")])

    with pytest.raises(ZeroDivisionError):
        run()
    assert laboratory.calls == ["laser"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_meanwhile_is_counted_and_held_back(laboratory, number):
    earlier = signal.getsignal(number)
    report = reach_safe_state(
        [
            SafeStep("laser", lambda: signal.raise_signal(number)),
            laboratory.step("amplifiers"),
        ]
    )
    assert report.reached
    assert report.interruptions == 1
    assert laboratory.calls == ["amplifiers"]
    assert signal.getsignal(number) is earlier


@pytest.mark.skipif(os.name == "nt", reason="os.kill ends the process on Windows")
def test_a_second_ctrl_c_does_not_cut_a_waiting_step_short(laboratory):
    # The step interrupts the main thread while that waits for it, and ends only afterwards.
    def interrupt_and_go_on():
        os.kill(os.getpid(), signal.SIGINT)
        laboratory.released.wait(0.05)
        laboratory.calls.append("laser")

    report = reach_safe_state([SafeStep("laser", interrupt_and_go_on), laboratory.step("oven")])
    assert laboratory.calls == ["laser", "oven"]
    assert report.reached
    assert report.interruptions == 1


def test_it_can_be_reached_from_another_thread(laboratory):
    reports = []
    thread = threading.Thread(
        target=lambda: reports.append(reach_safe_state([laboratory.step("laser")]))
    )
    thread.start()
    thread.join()
    assert reports[0].reached


def test_sigterm_unwinds_the_stack_like_ctrl_c_and_the_handler_comes_back(laboratory):
    def run():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            reach_safe_state([laboratory.step("laser")])

    earlier = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated) as ended, ending_signals_raised():
        run()
    assert ended.value.exit_code == 128 + signal.SIGTERM
    assert not isinstance(ended.value, Exception)
    assert laboratory.calls == ["laser"]
    assert signal.getsignal(signal.SIGTERM) is earlier


def test_ctrl_c_stays_a_keyboard_interrupt():
    with pytest.raises(KeyboardInterrupt), ending_signals_raised():
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_that_comes_while_c_code_calls_back_is_not_lost(number, raised):
    """As from a compiler: what is raised there is dropped by Python."""
    called_from_c = ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(number))
    earlier = sys.unraisablehook
    until = time.monotonic() + 20

    def work_on():
        called_from_c()
        while time.monotonic() < until:
            pass

    with pytest.raises(raised), ending_signals_raised():
        work_on()
    assert sys.unraisablehook is earlier


def test_other_errors_that_cannot_be_raised_are_told_as_before(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: told.append(lost.exc_value))
    with ending_signals_raised():
        ctypes.CFUNCTYPE(None)(lambda: [].pop())()
    assert [type(error) for error in told] == [IndexError]


def test_a_signal_that_is_ignored_stays_ignored():
    earlier = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with ending_signals_raised():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, earlier)


def test_a_process_with_a_hung_instrument_still_ends():
    program = textwrap.dedent(
        """
        import signal, sys, threading
        from instruments.safe_state import *
        try:
            with ending_signals_raised():
                try:
                    signal.raise_signal(signal.SIGTERM)
                finally:
                    report = reach_safe_state([
                        SafeStep("laser", threading.Event().wait, 0.05),
                        SafeStep("oven", lambda: None),
                    ])
        except Terminated as ended:
            print(*(outcome.outcome for outcome in report.outcomes))
            sys.exit(ended.exit_code)
        """
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.stdout.split() == ["hung", "reached"]
    assert ended.returncode == 128 + signal.SIGTERM
