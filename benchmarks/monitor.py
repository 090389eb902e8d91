"""What the live monitor costs a training, how old what it shows is, and what it costs itself.

    python benchmarks/monitor.py [--rounds 8] [--part cost|age|size]

- cost: one training loop, in short segments: bare, and published while no monitor is there, one is
  attached, one is frozen (SIGSTOP) and one was killed (SIGKILL). Each segment stands beside one
  with the recorder alone, so that what else the machine does falls on both. POSIX only, for its
  signals.
- age: how long before a frame the newest row in it was recorded, and processor time of the window.
- size: runs of up to a million steps: opening, and frames while scrolling.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from threadpoolctl import threadpool_limits

from instruments.network import NonlinearUnit
from protocols.datasets import Dataset
from protocols.interruption import StopRequest
from protocols.live.publisher import LivePublisher
from protocols.record import Checkpoint, Recorder, open_run
from protocols.run_control import RunControl
from protocols.settings import TrainingSettings
from protocols.training import Training
from protocols.training_record import TrainingRecord, start_record
from sim_backends.ideal_network import IdealNetwork

SEGMENT_SECONDS = 0.25
REPETITIONS = 12
CASES = ("bare", "recorder", "absent", "attached", "frozen", "killed")


def wait_until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"not within {seconds} s: {what}")
        time.sleep(0.01)


# Cost ---------------------------------------------------------------------------------------------


def new_training():
    """The paper's network on images of MNIST's size; what the pixels are does not matter."""
    generator = np.random.default_rng(1)
    inputs = generator.random((6400, 784), dtype=np.float32)
    labels = generator.integers(0, 10, 6400)
    halves = (inputs[:640], labels[:640])
    data = Dataset("noise", inputs, labels, *halves, *halves, 10, (28, 28), 0)
    network = IdealNetwork.dense(
        [784, 128, 10], NonlinearUnit("absorber", 10.0, derivative="probe")
    )
    return Training(network, data, TrainingSettings(epochs=10_000))


def start_window(path):
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "gui", str(path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


class Rig:
    """One training that is switched from case to case."""

    def __init__(self, folder):
        self.training = new_training()
        self.plain = start_record(self.training, folder / "plain")
        self.live = start_record(self.training, folder / "live")
        self.publisher = LivePublisher(self.live, RunControl(StopRequest())).start()
        self.window = None
        self.steps = {"plain": 0, "live": 0}
        self.training.state.minibatches.shuffle()

    def watched(self):
        return max(self.publisher._watched.values())

    def open_window(self):
        self.window = start_window(self.live.path)
        wait_until(self.watched, "the monitor is connected")
        self.segment("absent", 2.0)

    def kill_window(self):
        self.window.kill()
        self.window.wait()
        self.window = None

    def segment(self, case, seconds=SEGMENT_SECONDS):
        """Train for a while; median and mean seconds of a step."""
        if self.window is not None:
            # For everything but a monitor at work it is as good as not there.
            number = signal.SIGCONT if case == "attached" else signal.SIGSTOP
            os.kill(self.window.pid, number)
        training, minibatches = self.training, self.training.state.minibatches
        recorder = {"bare": None, "recorder": self.plain}.get(case, self.live)
        training._record = TrainingRecord(recorder, training.settings)
        times = []
        then = time.perf_counter()
        end = then + seconds
        while then < end:
            minibatches.done %= minibatches.per_epoch
            training._run_step()
            now = time.perf_counter()
            times.append(now - then)
            then = now
        if recorder is not None:
            self.steps["plain" if recorder is self.plain else "live"] += len(times)
        # What the recorder still has to write belongs to no other segment.
        time.sleep(0.02)
        return float(np.median(times)), float(np.mean(times))

    def close(self):
        for recorder in (self.plain, self.live):
            recorder.close()
        return {
            name: self.steps[name] - len(open_run(recorder.path).steps)
            for name, recorder in (("plain", self.plain), ("live", self.live))
        }


def cost(rounds):
    generator = np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1, user_api="blas"):
        rig = Rig(Path(folder))
        found = {case: [] for case in CASES}

        def measure(cases, repetitions):
            for _ in range(repetitions):
                for case in generator.permutation(cases):
                    # Either may come first, and pay for what the other has left to write.
                    if generator.random() < 0.5:
                        reference, own = rig.segment("recorder"), rig.segment(case)
                    else:
                        own, reference = rig.segment(case), rig.segment("recorder")
                    found[case].append((reference, own))

        rig.segment("recorder", 2.0)
        for _ in range(rounds):
            measure(["bare", "recorder", "absent"], REPETITIONS)
            rig.open_window()
            measure(["attached", "frozen"], REPETITIONS)
            rig.segment("attached")
            rig.kill_window()
            measure(["killed"], REPETITIONS)
        lost = rig.close()
    pairs = REPETITIONS * rounds
    print(f"cost: each case {pairs} times beside the recorder alone, {SEGMENT_SECONDS} s each")
    print(f"{'':10} {'median step':>12} {'median step, slower than':>27} {'mean step, slower':>27}")
    print(f"{'':10} {'':>12} {'the recorder alone':>27} {'than the recorder alone':>27}")
    for case in CASES:
        own = np.array(found[case])
        typical = 1e6 * np.median(own[:, 1, 0])
        print(f"{case:10} {typical:9.1f} us {_ratio(own[:, :, 0])} {_ratio(own[:, :, 1])}")
    print("recorder: the same against itself, what the comparison is worth")
    print("in brackets: 95 % interval of the median of the ratios, by resampling")
    print(f"rows lost: {sum(lost.values())} of {sum(rig.steps.values())}")


def _ratio(pairs):
    """The median of the ratios of paired segments, and how sure it is."""
    percent = 100 * (pairs[:, 1] / pairs[:, 0] - 1)
    generator = np.random.default_rng(3)
    drawn = np.median(generator.choice(percent, (2000, len(percent))), axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return f"{np.median(percent):+7.2f} % ({low:+6.2f} .. {high:+6.2f})"


# Age ----------------------------------------------------------------------------------------------

WRITER = """
import sys, time
import numpy as np
from protocols.interruption import StopRequest
from protocols.live.publisher import LivePublisher
from protocols.record import Checkpoint, Recorder
from protocols.run_control import RunControl
columns = ["step", "epoch", "loss", "accuracy", "seconds", "stamp"]
recorder = Recorder.create(
    sys.argv[1],
    configuration={"settings": {"epochs": 100, "batch_size": 64},
                   "dataset": {"train_samples": 64000}},
    step_columns=dict.fromkeys(columns, ""), epoch_columns={"epoch": "", "step": "",
    "train_accuracy": "", "validation_accuracy": ""},
    checkpoint=Checkpoint(0, 0, {"weights/layer_1": np.ones((128, 784), np.float32)}))
publisher = LivePublisher(recorder, RunControl(StopRequest())).start()
begun, step = time.perf_counter(), 0
generator = np.random.default_rng(1)
while time.perf_counter() - begun < float(sys.argv[2]):
    now = time.perf_counter()
    recorder.step((step, step // 1000, np.exp(-step / 5000) + 0.05 * generator.random(), 0.5,
                   now - begun, now))
    if step % 1000 == 999:
        recorder.epoch((step // 1000, step, 0.8, 0.7))
    if recorder.wants_taps:
        recorder.show_taps(step, {
            "activation_1": generator.normal(size=(16, 128)).astype(np.float32),
            "unit_input_1": generator.normal(size=(16, 128)).astype(np.float32),
            "error_1": generator.normal(size=(16, 128)).astype(np.float32),
            "weights_1": generator.normal(size=(128, 784)).astype(np.float32)})
    step += 1
    time.sleep(0.0015)
recorder.close()
"""


def new_window():
    from gui.application import prepare
    from gui.qt import QtWidgets
    from gui.window.layout_memory import LayoutMemory
    from gui.window.main_window import MonitorWindow

    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
    appearance = prepare(application, "light")
    memory = LayoutMemory(Path(tempfile.mkdtemp()) / "memory.ini")
    return application, MonitorWindow(appearance, memory)


def spin(seconds):
    """Let Qt work as it does in the application."""
    from gui.qt import QtCore

    loop = QtCore.QEventLoop()
    QtCore.QTimer.singleShot(int(1000 * seconds), loop.quit)
    loop.exec()


def age(seconds):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(seconds + 40)])
        wait_until((path / "latest").exists, "the run has begun")
        begun = time.perf_counter()
        _, window = new_window()
        window.resize(1680, 1000)
        window.open(str(path))
        window.show()
        ages, first = [], []

        def note():
            steps = window.model.steps
            if len(steps):
                first.append(time.perf_counter())
                # Both clocks are the system's monotonic one.
                ages.append(time.perf_counter() - steps["stamp"][-1])

        window.painted.connect(note)
        spin(3.0)
        settled = len(ages)
        used, then = time.process_time(), time.perf_counter()
        spin(seconds)
        percent = 100 * (time.process_time() - used) / (time.perf_counter() - then)
        frames = len(ages) - settled
        found = 1000 * np.array(ages[settled:])
        print(f"age: {frames} frames in {seconds} s at 600 steps a second, window 1680 x 1000")
        print(f"first curve {first[0] - begun:.2f} s after the window was asked for")
        print(
            f"newest row shown is {np.median(found):.0f} ms old (median), "
            f"95 % younger than {np.percentile(found, 95):.0f} ms"
        )
        print(f"window: {percent:.0f} % of one core at {frames / seconds:.1f} frames a second")
        for index in range(1, window.tabs.count()):
            window.open_tab(index)
            used, then = time.process_time(), time.perf_counter()
            spin(4.0)
            percent = 100 * (time.process_time() - used) / (time.perf_counter() - then)
            print(f"  tab {window.tabs.tabText(index)[1:]:12} {percent:.0f} %")
        window.close()
        writer.wait()


# Size ---------------------------------------------------------------------------------------------


def long_run(path, count):
    columns = ("step", "epoch", "loss", "accuracy", "seconds")
    recorder = Recorder.create(
        path,
        configuration={"settings": {"epochs": 100, "batch_size": 64}},
        step_columns=dict.fromkeys(columns, ""),
        epoch_columns={"epoch": "", "step": "", "train_accuracy": "", "validation_accuracy": ""},
        checkpoint=Checkpoint(0, 0, {}),
    )
    noise = np.random.default_rng(1).random(count)
    steps = np.arange(count)
    rows = np.stack(
        [steps, steps // 10_000, np.exp(-steps / count) + noise, noise, steps * 0.01], axis=1
    )
    for row in rows:
        recorder.step(row)
    recorder.close()
    return path


def size():
    from gui.qt import QtWidgets

    print("size: opening to the first complete frame, and frames while scrolling the loss")
    for count in (10_000, 100_000, 1_000_000):
        with tempfile.TemporaryDirectory() as folder:
            path = long_run(Path(folder) / "run", count)
            application, window = new_window()
            window.resize(1680, 1000)
            window.show()
            application.processEvents()
            begun = time.perf_counter()
            window.open(str(path))
            window.redraw()
            application.processEvents()
            window.grab()
            opened = time.perf_counter() - begun
            window._timer.stop()
            card = window.tabs.card("loss")
            plot = card.panel.widget
            box = plot.getViewBox()
            plot.following = False
            frames = 120
            begun = time.perf_counter()
            for number in range(frames):
                start = count * 0.5 * number / frames
                box.setRange(xRange=(start, start + 0.4 * count), padding=0)
                card.mark({"view"})
                card.refresh()
                QtWidgets.QApplication.processEvents()
                plot.grab()
            rate = frames / (time.perf_counter() - begun)
            print(f"{count:9} steps: open in {opened:.2f} s, {rate:.0f} frames a second")
            window.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--part", choices=("cost", "age", "size"))
    chosen = parser.parse_args()
    if chosen.part in (None, "cost"):
        cost(chosen.rounds)
    if chosen.part in (None, "age"):
        age(chosen.seconds)
    if chosen.part in (None, "size"):
        size()


if __name__ == "__main__":
    main()
