"""A run killed at any instant and resumed ends bit for bit where it would have ended.

Real processes of the real command, killed with SIGKILL at instants drawn at random, while a
reader polls the record as a monitor does.
"""

import random
import subprocess
import sys
import threading

import numpy as np
import pytest

from protocols.record.run import open_run

OPTIONS = [
    *("train", "--ideal", "--layers", "64,24,10", "--learning-rate", "3e-3", "--seed", "4"),
    *("--checkpoint-seconds", "0.1", "--fields-every", "100"),
]
EPOCHS_PER_KILL = 400
POLLS_PER_SECOND = 10


def start(*arguments):
    code = "from protocols.command import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(process):
    _, complaint = process.communicate(timeout=120)
    assert process.returncode == 0, complaint.decode()


class Poller(threading.Thread):
    """Reads the committed rows ten times a second and keeps what is wrong with them."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.over, self.polls, self.torn = path, threading.Event(), 0, []

    def run(self):
        while not self.over.wait(1 / POLLS_PER_SECOND):
            if not self.path.exists():
                continue
            rows = open_run(self.path).steps
            self.polls += 1
            if not np.array_equal(rows["step"], np.arange(len(rows))):
                self.torn.append(f"poll {self.polls}: steps are not 0, 1, 2 ..")
            if np.isnan(rows.array).any():
                self.torn.append(f"poll {self.polls}: fill values among {len(rows)} rows")


def same_but_for_the_clock(one, other):
    for table in ("steps", "epochs"):
        first, second = getattr(one, table), getattr(other, table)
        assert len(first) == len(second)
        for column in set(first.columns) - {"seconds"}:
            np.testing.assert_array_equal(first[column], second[column], err_msg=column)
    for name in one.field_names:
        np.testing.assert_array_equal(one.fields(name).steps, other.fields(name).steps)
        np.testing.assert_array_equal(one.fields(name).values, other.fields(name).values)
    first, second = one.checkpoint(), other.checkpoint()
    assert (first.step, first.epoch) == (second.step, second.epoch)
    assert first.arrays.keys() == second.arrays.keys()
    for name in first.arrays:
        np.testing.assert_array_equal(first.arrays[name], second.arrays[name], err_msg=name)
    del first.values["seconds"], second.values["seconds"]
    assert first.values == second.values


@pytest.mark.parametrize(
    "kills", [2, pytest.param(30, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_a_killed_run_resumes_bit_for_bit(tmp_path, kills):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    options = [*OPTIONS, "--epochs", kills * EPOCHS_PER_KILL]
    finish(start(*options, "--out", whole))
    instants = random.Random(kills)
    poller = Poller(broken)
    poller.start()
    process = start(*options, "--out", broken)
    killed = 0
    while killed < kills:
        while not broken.exists() and process.poll() is None:
            pass
        try:
            process.wait(instants.uniform(0.5, 1.2))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
        else:
            # It reached the end before its turn to die: begin again beside the first.
            assert process.returncode == 0, process.stderr.read().decode()
            break
        process.stderr.close()
        process = start("train", "--resume", broken)
    if process.poll() is None:
        finish(process)
    poller.over.set()
    poller.join()
    process.stderr.close()
    assert killed == kills, f"the run ended after {killed} kills: make it longer"
    assert poller.polls > kills
    assert not poller.torn, poller.torn
    assert open_run(broken).state == "completed"
    same_but_for_the_clock(open_run(whole), open_run(broken))
