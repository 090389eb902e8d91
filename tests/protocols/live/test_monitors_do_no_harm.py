"""A monitor that is killed or frozen costs the trainer no row, no wait and no memory."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from protocols.record import open_run
from tests.protocols.live.conftest import until

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="SIGSTOP is POSIX")

LISTENER = """
import sys, time
from pathlib import Path
from protocols.live.client import LiveClient
client = LiveClient.to_run(Path(sys.argv[1]))
client.ask("hello")
client.subscribe()
while True:
    if client.hear():
        print("heard", flush=True)
    time.sleep(0.01)
"""


@pytest.fixture
def listener(published):
    """A monitor in a process of its own that has begun to hear."""
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENER, str(published.path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "heard\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def resident_megabytes():
    """Memory of this process."""
    told = Path("/proc/self/statm")
    if not told.exists():
        pytest.skip("no /proc here")
    pages = int(told.read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def train(published, seconds):
    """Record as a training would, with large taps as often as they are wanted."""
    longest = 0.0
    taps = np.zeros((500, 500))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.perf_counter()
        published.step()
        if published.recorder.wants_taps:
            published.recorder.show_taps(published.steps, {"a": taps})
        longest = max(longest, time.perf_counter() - begun)
        time.sleep(0.0002)
    return longest


@pytest.mark.parametrize("what", [signal.SIGSTOP, signal.SIGKILL])
def test_the_trainer_goes_on_and_loses_nothing(published, listener, what):
    train(published, 0.3)
    listener.send_signal(what)
    before = resident_megabytes()
    # Enough for some twenty pictures of 2 MB, ten times what may be queued.
    longest = train(published, 4.0)
    assert longest < 0.5
    assert resident_megabytes() - before < 40
    begun = time.monotonic()
    published.close()
    assert time.monotonic() - begun < 2.5
    steps = open_run(published.path).steps["step"]
    assert np.array_equal(steps, np.arange(published.steps))


def test_a_killed_monitor_is_forgotten(published, listener):
    until(lambda: published.publisher._watched[published.publisher._rows] == 1)
    listener.kill()
    until(lambda: published.publisher._watched[published.publisher._rows] == 0)
