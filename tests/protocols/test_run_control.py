"""A training is paused, stopped and aborted between two steps, or at once, and always safe."""

import math
import signal
import threading
import time

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.network import NonlinearUnit
from protocols.datasets import load_dataset
from protocols.experiment import resume
from protocols.interruption import Interrupted, StopRequest
from protocols.progress import Silent
from protocols.record.run import open_run
from protocols.run_control import GivenUp, RunControl
from protocols.settings import TrainingSettings
from protocols.training import Training
from protocols.training_record import start_record
from sim_backends.ideal_network import IdealNetwork

SETTINGS = TrainingSettings(epochs=3, learning_rate=3e-3, seed=5)


class WatchedNetwork(IdealNetwork):
    """Counts how often it was made safe."""

    made_safe = 0

    def make_safe(self):
        self.made_safe += 1


class At(Silent):
    """Does something at one step, in the middle of the loop."""

    def __init__(self, step, do):
        self._step, self._do = step, do

    def step(self, training, loss):
        if training.step == self._step:
            self._do()


def new_training():
    unit = NonlinearUnit("absorber", 3.0, derivative="probe")
    network = WatchedNetwork.dense([64, 12, 10], unit)
    return Training(network, load_dataset("digits"), SETTINGS)


def run(folder, step, do):
    """Train with something done at a step; the training and its control."""
    training, stop = new_training(), StopRequest()
    control = RunControl(stop)
    recorder = start_record(training, folder)
    result = training.run(recorder, At(step, lambda: do(control)), stop, control)
    return training, control, result


def test_a_pause_holds_in_the_safe_state_and_changes_nothing(tmp_path):
    held = {}

    def pause(control):
        control.pause("me@here")

        def look():
            while control.state != "paused":
                time.sleep(0.001)
            held["state"] = control.state
            control.resume("me@here")

        threading.Thread(target=look).start()

    paused, _, result = run(tmp_path / "paused", 7, pause)
    whole, _, other = run(tmp_path / "whole", 7, lambda control: None)
    assert held["state"] == "paused"
    assert paused.network.made_safe == whole.network.made_safe + 1
    for one, two in zip(result.weights, other.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    kinds = [event.kind for event in open_run(tmp_path / "paused").events()]
    assert kinds == ["pause", "paused", "resume"]


def test_a_pause_is_no_training_time(tmp_path):
    def pause(control):
        control.pause("me@here")
        threading.Timer(0.5, control.resume, ("me@here",)).start()

    begun = time.perf_counter()
    _, _, result = run(tmp_path / "run", 7, pause)
    assert time.perf_counter() - begun > 0.5
    assert result.seconds < time.perf_counter() - begun - 0.45


def test_a_stop_finishes_the_epoch_and_ends_for_good(tmp_path):
    training, _, result = run(tmp_path / "run", 3, lambda control: control.stop("me@here"))
    assert result.epochs == 1
    assert training.step == training.steps_per_epoch
    recorded = open_run(tmp_path / "run")
    assert recorded.state == "stopped early"
    assert "me@here" in recorded.reason
    assert recorded.summary["test_accuracy"] == result.test_accuracy


def test_an_abort_cuts_the_step_off_and_the_run_can_be_resumed(tmp_path):
    def abort(control):
        control.abort("me@here")
        # An abort does not wait for the loop to look.
        time.sleep(5)
        pytest.fail("the step went on")

    with pytest.raises(Interrupted, match="aborted by me@here"):
        run(tmp_path / "run", 9, abort)
    recorded = open_run(tmp_path / "run")
    assert recorded.state == "interrupted"
    assert recorded.reason == "aborted by me@here"
    assert [event.kind for event in recorded.events()] == ["abort"]
    training, recorder = resume(tmp_path / "run")
    assert training.run(recorder).epochs == 3


def test_an_abort_makes_safe(tmp_path):
    training, stop = new_training(), StopRequest()
    control = RunControl(stop)
    recorder = start_record(training, tmp_path / "run")
    with pytest.raises(Interrupted):
        training.run(recorder, At(9, lambda: control.abort("x")), stop, control)
    assert training.network.made_safe == 1


def test_ctrl_c_ends_a_pause(tmp_path):
    def pause(control):
        control.pause("me@here")

        def look():
            while control.state != "paused":
                time.sleep(0.001)
            signal.raise_signal(signal.SIGINT)

        threading.Thread(target=look).start()

    with pytest.raises(Interrupted):
        run(tmp_path / "run", 7, pause)
    assert open_run(tmp_path / "run").state == "interrupted"


def test_an_abort_ends_a_pause(tmp_path):
    def pause(control):
        control.pause("me@here")

        def look():
            while control.state != "paused":
                time.sleep(0.001)
            control.abort("you@there")

        threading.Thread(target=look).start()

    with pytest.raises(Interrupted, match="you@there"):
        run(tmp_path / "run", 7, pause)


def test_outside_the_main_thread_an_abort_comes_after_the_step(tmp_path):
    raised = []

    def train():
        try:
            run(tmp_path / "run", 9, lambda control: control.abort("me@here"))
        except Interrupted as interrupted:
            raised.append(interrupted)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join(60)
    assert len(raised) == 1


def test_what_is_asked_of_a_run_that_ended_is_not_promised():
    control = RunControl(StopRequest())
    control.end()
    assert control.state == "ended"
    assert {control.pause("x"), control.resume("x"), control.stop("x"), control.abort("x")} == {
        "the run has ended"
    }


class AtExposure:
    """Lets a network do something in front of one of its exposures, then look as it always does."""

    def __init__(self, network, number, do):
        self.count, self.number, self.do = 0, number, do
        self._install, network.call_before_exposures = network.call_before_exposures, self._wrapped

    def _wrapped(self, hook):
        def before():
            self.count += 1
            if self.count == self.number:
                self.do()
            hook()

        self._install(before)


class HeldControl(RunControl):
    """Does something as soon as the run holds."""

    def __init__(self, stop, when_held):
        super().__init__(stop)
        self._when_held = when_held
        self.states = []

    def hold(self):
        self.states.append(self.state)
        self._when_held(self)
        super().hold()


def go_on(control):
    control.resume("me@here")


def paused_now(training, folder, at, when_held=go_on):
    """Train, paused in front of an exposure; what it was, its control and the result."""
    stop = StopRequest()
    control = HeldControl(stop, when_held)
    place = AtExposure(training.network, at, lambda: control.pause_now("me@here"))
    result = training.run(start_record(training, folder), None, stop, control)
    assert control.states == ["pausing now"]
    return place, result


STEP_7_BACKWARD = 2 * 7
VALIDATION = 2 * math.ceil(1348 / 64) + 1


@pytest.mark.parametrize("at", [STEP_7_BACKWARD, VALIDATION], ids=["step", "validation"])
def test_a_pause_now_gives_up_what_is_in_hand_and_does_it_again(tmp_path, at):
    training = new_training()
    held = {}

    def look(control):
        held["step"], held["safe"] = training.step, training.network.made_safe
        go_on(control)

    place, result = paused_now(training, tmp_path / "paused", at, look)
    whole = new_training()
    other = AtExposure(whole.network, 0, None)
    expected = whole.run(start_record(whole, tmp_path / "whole"), control=RunControl(StopRequest()))
    assert held == {"step": (at - 1) // 2, "safe": 1}
    # Only what had begun is done twice.
    assert place.count == other.count + 1 + (at == STEP_7_BACKWARD)
    for one, two in zip(result.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    recorded = open_run(tmp_path / "paused")
    assert [event.kind for event in recorded.events()] == ["pause", "paused", "resume"]
    unbroken = open_run(tmp_path / "whole")
    for column in ("step", "loss", "accuracy"):
        np.testing.assert_array_equal(recorded.steps[column], unbroken.steps[column])


def test_finite_differences_that_were_given_up_are_drawn_again_alike(tmp_path):
    settings = TrainingSettings(
        epochs=1, errors="finite-difference", weights_per_layer=2, optimizer="sgd", seed=5
    )

    def fresh():
        network = WatchedNetwork.dense([64, 4, 10], NonlinearUnit("tanh"))
        return Training(network, load_dataset("digits"), settings)

    whole = fresh()
    expected = whole.run()
    # The fourth pass of a step meets weights that were moved.
    _, result = paused_now(fresh(), tmp_path / "run", 9 * 2 + 4)
    for one, two in zip(result.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(one, two)


def ctrl_c(control):
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("end", [ctrl_c, lambda control: control.abort("you@there")])
def test_a_pause_now_is_ended_by_ctrl_c_and_by_an_abort(tmp_path, end):
    with pytest.raises(Interrupted):
        paused_now(new_training(), tmp_path / "run", STEP_7_BACKWARD, end)
    recorded = open_run(tmp_path / "run")
    assert recorded.state == "interrupted"
    assert recorded.checkpoint().step == 6
    training, recorder = resume(tmp_path / "run")
    whole = new_training()
    for one, two in zip(training.run(recorder).weights, whole.run().weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_stop_during_a_pause_now_finishes_the_epoch(tmp_path):
    training = new_training()
    _, result = paused_now(
        training, tmp_path / "run", STEP_7_BACKWARD, lambda control: control.stop("me@here")
    )
    assert result.epochs == 1
    assert training.step == training.steps_per_epoch


def test_who_waits_for_a_minibatch_may_pause_now_and_need_not_ask_twice():
    control = RunControl(StopRequest())
    control.pause("me@here")
    assert control.state == "pausing"
    control.give_up_if_asked()
    control.pause_now("me@here")
    assert control.state == "pausing now"
    assert control.pause_now("me@here") == "pausing now already"
    with pytest.raises(GivenUp):
        control.give_up_if_asked()
    control.resume("me@here")
    control.give_up_if_asked()
    assert control.state == "running"


def perfect_bench():
    """Without noise, and with one pilot: light that is measured twice is the same twice."""
    text = built_in_text("digits").replace("[twin]\nseed = 1", "[twin]\nseed = 1\nperfect = true")
    text = text.replace("track_every = 20", "track_every = 1000")
    return open_bench(parse_bench_file(text, "digits"))


BENCH_SETTINGS = SETTINGS.model_copy(update={"epochs": 1})
PILOTS, TAKES = 3, BENCH_SETTINGS.check_takes
LAST_TAKE = PILOTS + 2 * TAKES
"""The backward pass of the look that step 0 would go on with."""
FORWARD, BACKWARD = LAST_TAKE + 1, LAST_TAKE + 2
"""Those of step 1, which is not looked at."""


@pytest.mark.parametrize(
    ("at", "step"),
    [
        pytest.param(2, 0, id="pilot"),
        pytest.param(LAST_TAKE, 0, id="last take"),
        pytest.param(FORWARD, 1, id="forward"),
        pytest.param(BACKWARD, 1, id="backward"),
    ],
)
def test_a_bench_is_dark_before_its_next_exposure_and_trains_on(tmp_path, at, step):
    held = {}
    digits = load_dataset("digits")
    with perfect_bench() as bench:
        training = Training(bench, digits, BENCH_SETTINGS)

        def look(control):
            held["laser"], held["step"] = bench.instruments["laser"].enabled(), training.step
            go_on(control)

        _, result = paused_now(training, tmp_path / "run", at, look)
    assert held == {"laser": False, "step": step}
    with perfect_bench() as bench:
        expected = Training(bench, digits, BENCH_SETTINGS).run()
    for one, two in zip(result.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    assert result.test_accuracy == expected.test_accuracy
