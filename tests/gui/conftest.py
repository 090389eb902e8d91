"""What tests of the monitor share: an off-screen Qt, runs, windows that leave nothing behind."""

import os

# Before anything imports Qt. A screen is used where one is asked for.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import importlib.util
import threading
from functools import partial

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_bench
from instruments.bench_opening import open_bench
from instruments.network import NonlinearUnit
from protocols.datasets import load_dataset
from protocols.interruption import StopRequest
from protocols.live.publisher import LivePublisher
from protocols.record import Checkpoint, Recorder
from protocols.run_control import RunControl
from protocols.settings import TrainingSettings
from protocols.training import train
from sim_backends.ideal_network import IdealNetwork

SETTINGS = TrainingSettings(epochs=4, learning_rate=3e-3, fields_every=20)


@pytest.fixture(scope="session")
def bench_run(tmp_path_factory):
    """A short run of the built-in bench."""
    folder = tmp_path_factory.mktemp("runs") / "bench"
    with open_bench(built_in_bench("digits")) as bench:
        train(bench, load_dataset("digits"), SETTINGS, out=folder, show_progress=False)
    return folder


@pytest.fixture(scope="session")
def ideal_run(bench_run):
    """A short run of a computed network, beside that of the bench."""
    network = IdealNetwork.dense([64, 12, 10], NonlinearUnit("absorber", 10.0, derivative="probe"))
    folder = bench_run.parent / "ideal"
    train(network, load_dataset("digits"), SETTINGS, out=folder, show_progress=False)
    return folder


STEP_COLUMNS = ("step", "epoch", "loss", "accuracy", "seconds")


class Trainer:
    """A run that is recorded and published, one step at a time, without a network."""

    def __init__(self, path, *, columns=(), **configuration):
        values = {"settings": {"epochs": 4, "batch_size": 10}, "dataset": {"train_samples": 1000}}
        self.recorder = Recorder.create(
            path,
            configuration=values | configuration,
            step_columns=dict.fromkeys([*STEP_COLUMNS, *columns], "") | {"seconds": "s"},
            epoch_columns={
                "epoch": "",
                "step": "",
                "train_accuracy": "",
                "validation_accuracy": "",
            },
            checkpoint=Checkpoint(0, 0, {"weights/layer_1": np.ones((4, 3), np.float32)}),
        )
        self.path = path
        self.columns = columns
        self.stop = StopRequest()
        self.control = RunControl(self.stop)
        self.publisher = LivePublisher(self.recorder, self.control).start()
        self.steps = 0

    def step(self, count=1, **measured):
        """Record steps; what is not measured at a step is NaN there."""
        more = [measured.get(name, np.nan) for name in self.columns]
        for _ in range(count):
            n = self.steps
            self.recorder.step((n, n // 100, 2.0 / (n + 1), n / 1000, n * 0.01, *more))
            self.steps += 1

    def hold(self):
        """Do what the training loop does when it is asked to pause, in a thread of its own."""
        thread = threading.Thread(target=self.control.hold, daemon=True)
        thread.start()
        return thread

    def close(self, state="completed"):
        """Close the run."""
        self.recorder.close(state, "done")


@pytest.fixture
def trainer(tmp_path):
    """A trainer at work."""
    trainer = Trainer(tmp_path / "run-0042")
    yield trainer
    trainer.close()


if importlib.util.find_spec("pytestqt") is None:

    @pytest.fixture
    def qtbot():
        pytest.fail("pytest-qt is not installed: pip install -e '.[dev]'")

else:

    @pytest.fixture(scope="session")
    def application(qapp):
        """The application with its theme."""
        from gui.application import prepare

        qapp.appearance = prepare(qapp, "light")
        return qapp

    @pytest.fixture
    def appearance(application):
        """The light theme, put back afterwards."""
        found = application.appearance
        yield found
        if found.theme.name != "light" or found.scale != 1.0:
            found.set_scale(1.0)
            found.set_theme("light")

    @pytest.fixture
    def new_window(qtbot, appearance, tmp_path):
        """Open windows; afterwards nothing of them may be left."""
        from gui.qt import QtCore, QtWidgets
        from gui.window.layout_memory import LayoutMemory
        from gui.window.main_window import MonitorWindow

        opened = []

        def open_window(target=None, *, size=(1400, 860)):
            window = MonitorWindow(appearance, LayoutMemory(tmp_path / "memory.ini"))
            window.resize(*size)
            opened.append(window)
            if target is not None:
                window.open(str(target))
            with qtbot.waitExposed(window):
                window.show()
            return window

        yield open_window
        destroyed = []
        for number, window in enumerate(opened):
            window.destroyed.connect(partial(destroyed.append, number))
            window.close()
            assert not window._timer.isActive()
            window.deleteLater()
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)
        assert destroyed == list(range(len(opened))), "a window outlived its end"
        left = [one for one in QtWidgets.QApplication.topLevelWidgets() if one.isVisible()]
        assert left == [], f"windows left open: {left}"
