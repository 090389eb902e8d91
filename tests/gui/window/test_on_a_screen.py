"""Not off-screen: a window that an X server shows, with focus, keys and sizes."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("qtpy")

from tests.gui.window.screen import Screen

CARDS = np.s_[130:500, 350:1250]
"""Where the upper row of cards is in a window of the size it has at first."""

CURVES_MOVE_WITHIN_SECONDS = 3.0


@pytest.fixture
def screen(tmp_path):
    with Screen(tmp_path) as found:
        yield found


def test_a_window_takes_focus_keys_and_sizes(screen, bench_run, tmp_path):
    script = Path(__file__).parent / "on_a_screen.py"
    done = subprocess.run(
        [sys.executable, str(script), str(bench_run), str(tmp_path)],
        env=screen.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "focus keys sizes" in done.stdout


def test_training_opens_a_window_on_it_and_the_curves_move(screen, tmp_path):
    def different(one):
        """Whether the cards look different from an earlier picture of them."""
        return np.any(screen.picture()[CARDS] != one, axis=-1).sum() > 50

    def until(condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not within {seconds} s: {what}"
            assert training.poll() is None, told.read_text(encoding="utf-8")
            time.sleep(0.05)

    command = ["-m", "protocols.command", "train", "--monitor", "--epochs", "5000"]
    # A file, because the window inherits it and outlives the training.
    told = tmp_path / "told.txt"
    with told.open("wb") as file:
        training = subprocess.Popen(
            [sys.executable, *command, "--out", "run"],
            cwd=tmp_path,
            env=screen.environment,
            stdout=file,
            stderr=file,
        )
    try:
        empty = screen.picture()[CARDS]
        until(lambda: different(empty), 100, "a window is seen")
        for _ in range(3):
            before = screen.picture()[CARDS]
            until(lambda then=before: different(then), CURVES_MOVE_WITHIN_SECONDS, "curves move")
    finally:
        training.terminate()
        training.wait(30)
