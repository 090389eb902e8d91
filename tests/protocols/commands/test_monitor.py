"""The commands that start a window and that command a run from a terminal."""

import importlib.util
import sys

import pytest

from protocols.live import publishing
from tests.gui.conftest import Trainer


@pytest.fixture
def trainer(tmp_path):
    trainer = Trainer(tmp_path / "run")
    yield trainer
    trainer.close()


@pytest.fixture
def started(monkeypatch):
    """What would have been started as a process."""
    calls = []

    class Done:
        returncode = 0

    def note(arguments, **_):
        calls.append(arguments)
        return Done()

    monkeypatch.setattr("subprocess.run", note)
    monkeypatch.setattr("subprocess.Popen", note)
    monkeypatch.setattr(publishing, "check_window", lambda: None)
    return calls


class TestMonitor:
    def test_a_window_is_a_process_that_takes_no_gui_folder_lying_about(
        self, backbeam, started, finished
    ):
        assert backbeam("monitor", finished, "--theme", "dark").code == 0
        expected = [sys.executable, "-P", "-m", "gui", str(finished), "--theme", "dark"]
        assert started == [expected]

    def test_an_address_is_passed_on(self, backbeam, started):
        backbeam("monitor", "tcp://127.0.0.1:5571")
        assert started[0][4] == "tcp://127.0.0.1:5571"

    @pytest.mark.parametrize("target", ["tcp://nowhere", "tcp://a:0", "missing-folder"])
    def test_what_is_no_target_is_refused(self, backbeam, started, target, here):
        assert target in backbeam("monitor", target).complaint
        assert started == []

    def test_without_qt_it_says_what_to_install(self, backbeam, monkeypatch, finished):
        find = importlib.util.find_spec
        monkeypatch.setattr(
            "importlib.util.find_spec", lambda name: None if name == "qtpy" else find(name)
        )
        assert "backbeam[gui]" in backbeam("monitor", finished).complaint

    def test_training_opens_one_beside_the_run(self, backbeam, started, here):
        fast = ("--ideal", "--epochs", "1", "--layers", "64,8,10", "--out", "run")
        assert backbeam("train", *fast, "--monitor").code == 0
        assert started == [[sys.executable, "-P", "-m", "gui", "run"]]


class TestCtl:
    def test_a_run_is_paused_and_goes_on(self, backbeam, trainer):
        holding = trainer.hold
        asked = backbeam("ctl", trainer.path, "status")
        assert asked.out == "running\n"
        trainer.control.pause("test")
        thread = holding()
        assert backbeam("ctl", trainer.path, "pause").out.endswith("paused\n")
        assert backbeam("ctl", trainer.path, "resume").out == "going on\nrunning\n"
        thread.join(5)

    def test_a_pause_now_is_waited_for_and_only_a_pause_can_be_now(self, backbeam, trainer):
        asked = backbeam("ctl", trainer.path, "pause", "--now", "--wait", "0.2")
        assert asked.out == "pausing before the next exposure\n"
        assert "still pausing now" in asked.err
        assert "no --now" in backbeam("ctl", trainer.path, "stop", "--now").err

    def test_a_stop_and_an_abort_are_passed_on(self, backbeam, trainer):
        assert backbeam("ctl", trainer.path, "stop").out.endswith("stopping\n")
        assert "still aborting" in backbeam("ctl", trainer.path, "abort", "--wait", "0.2").err
        assert trainer.control.state == "aborting"

    def test_a_run_that_does_not_obey_in_time_is_an_error(self, backbeam, trainer):
        asked = backbeam("ctl", trainer.path, "pause", "--wait", "0.2")
        assert asked.code == 2
        assert "still pausing" in asked.err

    def test_a_finished_run_has_nothing_to_command(self, backbeam, finished):
        assert backbeam("ctl", finished, "status").out == "completed\n"
        assert "completed" in backbeam("ctl", finished, "pause").complaint

    def test_a_trainer_without_a_publisher_cannot_be_commanded(self, backbeam, trainer):
        trainer.publisher.close()
        assert "no trainer publishes" in backbeam("ctl", trainer.path, "pause").complaint
