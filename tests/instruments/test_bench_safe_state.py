"""Every way out of a bench ends in its safe state: in order, in time, whatever goes wrong."""

import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import closing

import immediate_instruments
import numpy as np
import pytest
from simulated_bench import HIDDEN, INPUTS, OUTPUTS, SAFE_ORDER, bench_file

from instruments import bench as bench_module
from instruments import parallel_opening
from instruments.bench_file.reading import built_in_bench
from instruments.bench_opening import open_bench
from instruments.errors import InstrumentError
from instruments.safe_state import Terminated

SIZES = {"rows": 45, "columns": 54}
LIMIT_SECONDS = 0.2
LIGHT = ("laser", "pump_shutter", "probe_shutter", "reference_shutter", "inputs", "errors")
SUPPLIES = ("amplifier_1", "amplifier_2", "oven")


class PreparedImmediate:
    """Opens an instrument that answers at once, in place of a simulated one."""

    def __init__(self, prepared, listeners):
        self.request = prepared.request
        self._listeners = listeners

    def open(self):
        request, settings = self.request, self.request.settings
        kind = "".join(word.capitalize() for word in request.kind.split("_"))
        made = getattr(immediate_instruments, f"Immediate{kind}")
        if request.kind in ("spatial_light_modulator", "mirror_device"):
            return made(request.name, settings.rows, settings.columns)
        if hasattr(settings, "channels"):
            return self._triggered(made(request.name, settings.channels))
        instrument = made(request.name)
        if request.kind == "trigger_source":
            instrument.listeners = self._listeners
        return instrument

    def _triggered(self, instrument):
        if hasattr(instrument, "triggered"):
            self._listeners.append(instrument.triggered)
        return instrument


class Journal:
    """What was made safe, in its order; instruments can be made to misbehave."""

    def __init__(self, bench):
        self.bench = bench
        self.calls = []
        self.released = threading.Event()
        for name in bench.instruments:
            self.behave(name, lambda: None)

    def behave(self, name, first):
        """Let an instrument do something before it goes to its safe state."""
        instrument = self.bench.instruments[name]
        go_safe = type(instrument).make_safe

        def make_safe():
            self.calls.append(name)
            first()
            go_safe(instrument)

        instrument.make_safe = make_safe

    def hang(self, name):
        self.behave(name, self.released.wait)

    def fail(self, name, error):
        def fail():
            raise error

        self.behave(name, fail)


@pytest.fixture
def bench(monkeypatch):
    """The small bench with every kind of instrument, all of which answer at once."""
    listeners = []
    original = parallel_opening.prepare_each

    def prepare_each(file, shared):
        prepared, failures = original(file, shared)
        assert not failures
        return {name: PreparedImmediate(one, listeners) for name, one in prepared.items()}, {}

    monkeypatch.setattr("instruments.bench_opening.prepare_each", prepare_each)
    panels = {name: {**SIZES, "bit_depth": 8} for name in ("slm_1", "slm_2")}
    file = bench_file(settings=panels)
    safe_state = file.safe_state.model_copy(update={"timeout": LIMIT_SECONDS})
    return open_bench(file.model_copy(update={"safe_state": safe_state}))


@pytest.fixture
def journal(bench):
    threads = threading.enumerate()
    journal = Journal(bench)
    yield journal
    journal.released.set()
    for thread in threading.enumerate():
        if thread not in threads:
            thread.join(timeout=5.0)
            assert not thread.is_alive()


def take_a_batch(bench):
    generator = np.random.default_rng(0)
    bench.write(
        [
            generator.normal(0, 0.1, shape).astype(np.float32)
            for shape in ((HIDDEN, INPUTS), (OUTPUTS, HIDDEN))
        ]
    )
    passed = bench.forward(generator.uniform(0, 1, (3, INPUTS)).astype(np.float32))
    return bench.backward(passed, passed.output + 0.1)


def lit(bench):
    """Names of what still shines, drives or heats; closed instruments are looked into."""
    states = ("_enabled", "_is_open", "_amperes", "volts", "frame")
    return [
        name
        for name, one in bench.instruments.items()
        if any(np.any(vars(one)[state]) for state in states if state in vars(one))
    ]


def test_a_batch_lights_the_bench_and_the_end_darkens_it_in_order(bench, journal):
    with bench:
        take_a_batch(bench)
        assert {"laser", "pump_shutter", "amplifier_1", "slm_1", "inputs", "oven"} <= set(
            lit(bench)
        )
    assert journal.calls == SAFE_ORDER
    assert lit(bench) == []


def test_light_goes_off_before_supplies(bench, journal):
    with bench:
        take_a_batch(bench)
    first_supply = min(journal.calls.index(name) for name in ("amplifier_1", "amplifier_2", "oven"))
    for light in (
        "laser",
        "pump_shutter",
        "probe_shutter",
        "reference_shutter",
        "inputs",
        "errors",
    ):
        assert journal.calls.index(light) < first_supply


@pytest.mark.parametrize(
    ("instrument", "method"),
    [
        ("slm_2", "wait_until_settled"),
        ("inputs", "load"),
        ("errors", "arm"),
        ("trigger", "fire"),
        ("outputs", "read"),
        ("delta", "read"),
        ("laser", "lock"),
        ("amplifier_2", "set_currents_amperes"),
    ],
)
@pytest.mark.parametrize("error", [InstrumentError("lost"), MemoryError(), KeyboardInterrupt()])
def test_an_exception_in_the_middle_of_a_batch(bench, journal, instrument, method, error):
    def fail(*_):
        raise error

    setattr(bench.instruments[instrument], method, fail)
    with pytest.raises(type(error)), bench:
        take_a_batch(bench)
    assert journal.calls == SAFE_ORDER
    assert lit(bench) == []


def test_one_that_raises_does_not_keep_the_others_lit(bench, journal):
    journal.fail("laser", OSError("the cable is out"))
    with bench:
        take_a_batch(bench)
        report = bench.make_safe()
    assert report.order == tuple(SAFE_ORDER)
    assert [failure.instrument for failure in report.failures()] == ["laser"]
    assert "laser: not made safe, OSError: the cable is out" in str(report)
    assert lit(bench) == ["laser"]


def test_one_that_hangs_is_left_behind_in_time_and_the_rest_go_on_in_order(bench, journal):
    journal.hang("pump_shutter")
    take_a_batch(bench)
    begun = time.monotonic()
    report = bench.make_safe()
    elapsed = time.monotonic() - begun
    assert LIMIT_SECONDS <= elapsed < LIMIT_SECONDS + 2.0
    assert report.order == tuple(SAFE_ORDER)
    assert journal.calls == SAFE_ORDER
    (failure,) = report.failures()
    assert (failure.instrument, failure.outcome) == ("pump_shutter", "hung")
    assert LIMIT_SECONDS <= failure.seconds < LIMIT_SECONDS + 1.0
    assert lit(bench) == ["pump_shutter"]


def test_an_instrument_that_hangs_when_it_is_closed_does_not_keep_the_program(bench, journal):
    bench.instruments["camera"].close = journal.released.wait
    begun = time.monotonic()
    with bench:
        take_a_batch(bench)
    assert time.monotonic() - begun < 5.0
    assert journal.calls == SAFE_ORDER
    with pytest.raises(InstrumentError, match="closed"):
        bench.instruments["laser"].set_enabled(True)


def test_an_exposure_that_cannot_be_abandoned_does_not_hold_the_light_on(bench, journal):
    """The bank that failed hangs again when it is told to stop."""
    bank = bench.instruments["outputs"]

    def fail(timeout_seconds):
        raise InstrumentError("outputs: no answer")

    bank.read = fail
    bank.stop = journal.released.wait
    begun = time.monotonic()
    with pytest.raises(InstrumentError, match="outputs: no answer"), bench:
        take_a_batch(bench)
    assert time.monotonic() - begun < 5.0
    assert journal.calls == SAFE_ORDER
    assert lit(bench) == []


@pytest.mark.parametrize("leave", [lambda bench: bench, closing], ids=["with", "closing"])
def test_a_second_ctrl_c_on_the_way_out_does_not_leave_the_light_on(
    bench, journal, monkeypatch, leave
):
    """It may come before signals are held back: then the way is begun again."""
    original, interrupted = bench_module.reach_safe_state, []

    def reach_safe_state(steps):
        if not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        return original(steps)

    monkeypatch.setattr(bench_module, "reach_safe_state", reach_safe_state)
    with pytest.raises(KeyboardInterrupt), leave(bench):
        take_a_batch(bench)
    assert interrupted
    with pytest.raises(InstrumentError, match="closed"):
        bench.instruments["laser"].set_enabled(True)
    assert journal.calls == SAFE_ORDER
    assert lit(bench) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to one process")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_between_two_batches_unwinds_the_bench(bench, journal, name):
    number = getattr(signal, name)
    earlier = signal.signal(number, signal.SIG_DFL)

    def run():
        with bench:
            take_a_batch(bench)
            signal.raise_signal(number)

    try:
        with pytest.raises(Terminated) as ended:
            run()
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, earlier)
    assert ended.value.code == 128 + number
    assert journal.calls == SAFE_ORDER
    assert lit(bench) == []


def test_after_the_safe_state_the_next_batch_lights_the_bench_again(bench, journal):
    with bench:
        before = take_a_batch(bench)
        bench.make_safe()
        assert lit(bench) == []
        after = take_a_batch(bench)
        assert "laser" in lit(bench)
    assert journal.calls == SAFE_ORDER * 2
    for first, second in zip(before, after, strict=True):
        np.testing.assert_array_equal(first, second)


def test_an_instrument_lost_in_mid_run_is_named_and_the_others_are_made_safe():
    """A simulated one, in the middle of a training: everything it is asked from then on fails."""
    from protocols.datasets import load_dataset
    from protocols.settings import TrainingSettings
    from protocols.training import Training

    file = built_in_bench("digits")
    with open_bench(file) as bench:
        journal = Journal(bench)
        twin = bench.instruments["taps_a"].twin

        class LosesIt:
            def step(self, training, loss):
                if training.step == 3:
                    twin.faults.fail("taps_a", "the cable is out")

            def epoch(self, training, row):
                pytest.fail("an epoch ended")

        training = Training(bench, load_dataset("digits"), TrainingSettings(epochs=1))
        with pytest.raises(InstrumentError, match="taps_a: the cable is out"):
            training.run(progress=LosesIt())
        assert journal.calls == list(file.safe_state.order)
        report = bench.make_safe()
    (failure,) = report.failures()
    assert failure.instrument == "taps_a"
    assert training.step == 3


TRAINING = """
    import signal, sys, threading
    from instruments.bench_file.reading import built_in_bench
    from instruments.bench_opening import open_bench
    from protocols.datasets import load_dataset
    from protocols.interruption import Interrupted, StopRequest
    from protocols.settings import TrainingSettings
    from protocols.training import Training

    # A shell may have started the tests with Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def say(*words):
        print(*words, flush=True)

    def noting(name, instrument):
        make_safe = instrument.make_safe
        def noted():
            say("safe", name)
            make_safe()
        instrument.make_safe = noted

    class Steps:
        def step(self, training, loss):
            say("step", training.step)
        def epoch(self, training, row):
            pass

    try:
        with open_bench(built_in_bench("digits")) as bench:
            for name, instrument in bench.instruments.items():
                noting(name, instrument)
            training = Training(bench, load_dataset("digits"), TrainingSettings(epochs=100000))
            {run}
    except Interrupted as interrupted:
        sys.exit(interrupted.exit_code)
"""


def interrupted(run, number, *lines):
    """Start a program of its own and send it a signal after each line; return how it ended."""
    body = textwrap.indent(textwrap.dedent(run), " " * 8).strip()
    program = textwrap.dedent(TRAINING).format(run=body)
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    said = []
    for line in lines:
        for said_now in process.stdout:
            said.append(said_now.strip())
            if said[-1] == line:
                process.send_signal(number)
                break
    rest, errors = process.communicate(timeout=60)
    said += [words.strip() for words in rest.splitlines()]
    made_safe = [words.removeprefix("safe ") for words in said if words.startswith("safe ")]
    return process.returncode, made_safe, errors


needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows sends no signals to one process"
)


@needs_signals
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_a_training_between_two_steps_in_the_safe_state(name, code):
    order = list(built_in_bench("digits").safe_state.order)
    run = "training.run(progress=Steps())"
    returned, made_safe, errors = interrupted(run, getattr(signal, name), "step 3")
    # At the end of the run, and once more when the bench is closed.
    assert made_safe == order * 2
    assert returned == code
    assert errors == ""


@needs_signals
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_before_a_training_begins_finds_a_lit_bench_and_darkens_it(name, code):
    order = list(built_in_bench("digits").safe_state.order)
    run = "say('lit'); threading.Event().wait()"
    returned, made_safe, errors = interrupted(run, getattr(signal, name), "lit")
    assert made_safe == order
    assert returned == code
    assert errors == ""


@needs_signals
def test_ctrl_c_before_a_training_begins_darkens_the_bench_too():
    order = list(built_in_bench("digits").safe_state.order)
    run = "say('lit'); threading.Event().wait()"
    returned, made_safe, errors = interrupted(run, signal.SIGINT, "lit")
    assert made_safe == order
    assert returned in (-signal.SIGINT, 130)
    assert "KeyboardInterrupt" in errors


HANGING = """
    stop = StopRequest()
    bank = bench.instruments["taps_a"]

    def hang(*_):
        say("hangs")
        while stop.signal_number is None:
            threading.Event().wait(0.01)
        say("asked to stop")
        threading.Event().wait()

    bank.read = bank.stop = hang
    training.run(stop=stop)
"""


@needs_signals
def test_a_second_ctrl_c_stops_a_training_that_hangs_and_all_is_made_safe():
    """A bank never answers: the first Ctrl-C waits for the step in hand, the second does not."""
    order = list(built_in_bench("digits").safe_state.order)
    code, made_safe, _ = interrupted(HANGING, signal.SIGINT, "hangs", "asked to stop")
    assert made_safe == order * 2
    assert code == 130


def test_a_bench_in_another_thread_than_the_main_one_is_made_safe_too(bench, journal):
    def work():
        with bench:
            take_a_batch(bench)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert journal.calls == SAFE_ORDER
    assert lit(bench) == []
