"""From the window and from a terminal: whatever is asked, the bench gets dark as its file says."""

import contextlib
import threading

import numpy as np
import pytest

pytest.importorskip("qtpy")

from gui.qt import QtWidgets
from instruments.bench_file.reading import built_in_bench
from instruments.bench_opening import open_bench
from protocols.command import main
from protocols.datasets import load_dataset
from protocols.interruption import Interrupted, StopRequest
from protocols.live.publisher import LivePublisher
from protocols.record import open_run
from protocols.run_control import RunControl
from protocols.settings import TrainingSettings
from protocols.training import Training
from protocols.training_record import start_record
from tests.protocols.live.conftest import until

FILE = built_in_bench("digits")
TYPED = {"pause now": ["pause", "--now"]}
DARK = {"laser": "enabled", "shutter": "is_open", "optical amplifier": "enabled"}


class BenchAtWork:
    """The built-in bench, training in a thread of its own until it is told to end."""

    def __init__(self, folder, monkeypatch):
        self.path = folder
        self.bench = open_bench(FILE)
        self.made_safe = []
        for name, instrument in self.bench.instruments.items():
            monkeypatch.setattr(instrument, "make_safe", self._noted(name, instrument.make_safe))
        training = Training(self.bench, load_dataset("digits"), TrainingSettings(epochs=100_000))
        stop = StopRequest()
        recorder = start_record(training, folder)
        self.control = RunControl(stop)
        self.publisher = LivePublisher(recorder, self.control).start()

        def train():
            with contextlib.suppress(Interrupted):
                training.run(recorder, None, stop, self.control)

        self.thread = threading.Thread(target=train)
        self.thread.start()

    def _noted(self, name, make_safe):
        def noted():
            self.made_safe.append(name)
            make_safe()

        return noted

    def lights(self):
        """What is on or open of everything light comes from or passes."""
        return {
            name: bool(np.any(getattr(self.bench.instruments[name], DARK[section.kind])()))
            for name, section in FILE.instruments.items()
            if section.kind in DARK
        }

    def is_safe(self):
        """Whether everything is dark, reached in the order the bench file declares."""
        taken, self.made_safe = self.made_safe, []
        return not any(self.lights().values()) and taken == list(FILE.safe_state.order)

    def close(self):
        self.control.abort("the end of the test")
        self.thread.join(20)
        self.bench.close()


@pytest.fixture
def at_work(tmp_path, monkeypatch):
    found = BenchAtWork(tmp_path / "run", monkeypatch)
    yield found
    found.close()


@pytest.fixture
def from_window(at_work, new_window, qtbot):
    """Ask from the window, agreeing where it asks back, and wait for what the trainer says."""
    window = new_window(at_work.path)
    qtbot.waitUntil(window.commands.action("pause").isEnabled, timeout=20_000)

    def ask(command, state):
        with qtbot.waitSignal(
            window.state_changed, timeout=20_000, check_params_cb=lambda shown: shown == state
        ):
            window.commands.action(command).trigger()
            for box in window.findChildren(QtWidgets.QMessageBox, "confirmation"):
                box.findChild(QtWidgets.QPushButton, "agree").click()

    return ask


@pytest.fixture
def from_terminal(at_work):
    """Ask with ``backbeam ctl``, which waits until the trainer has obeyed."""

    def ask(command, state):
        with pytest.raises(SystemExit) as left:
            main(["ctl", str(at_work.path), *TYPED.get(command, [command])])
        assert left.value.code == 0

    return ask


@pytest.mark.parametrize("where", ["from_window", "from_terminal"])
def test_paused_now_the_bench_is_made_safe_and_trains_on(request, at_work, where):
    ask = request.getfixturevalue(where)
    until(lambda: any(at_work.lights().values()))
    ask("pause now", "paused")
    assert at_work.is_safe()
    ask("resume", "running")
    until(lambda: any(at_work.lights().values()))


@pytest.mark.parametrize("where", ["from_window", "from_terminal"])
@pytest.mark.parametrize(
    ("command", "ended"), [("stop", "stopped early"), ("abort", "interrupted")]
)
def test_the_bench_is_made_safe_as_its_file_declares(request, at_work, where, command, ended):
    ask = request.getfixturevalue(where)
    until(lambda: any(at_work.lights().values()))
    ask("pause", "paused")
    assert at_work.is_safe()
    ask("resume", "running")
    assert not at_work.made_safe
    ask(command, ended)
    at_work.thread.join(20)
    assert at_work.is_safe()
    assert open_run(at_work.path).state == ended
