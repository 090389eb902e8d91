"""A training is paused, stopped and aborted between two steps, or at once, and always safe."""

import threading
import time

import numpy as np
import pytest

from instruments.network import NonlinearUnit
from protocols.datasets import load_dataset
from protocols.experiment import resume
from protocols.interruption import Interrupted, StopRequest
from protocols.record.run import open_run
from protocols.run_control import RunControl
from protocols.settings import TrainingSettings
from protocols.training import Silent, Training, start_record
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
    import signal

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
