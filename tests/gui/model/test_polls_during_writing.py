"""Thousands of looks at a run that is being written never see what was not written."""

import threading

import numpy as np
import pytest

from gui.model.run_model import RunModel
from protocols.live.stored_parts import read_part
from protocols.record import Checkpoint, Recorder


@pytest.mark.parametrize("polls", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_poll_shows_a_fill_value_or_a_hole(tmp_path, monkeypatch, polls):
    # Commits as fast as the disk takes them, many more than twice a second.
    monkeypatch.setattr("protocols.record.recorder_thread._COMMIT_SECONDS", 0.001)
    recorder = Recorder.create(
        tmp_path / "run",
        configuration={},
        step_columns={"step": "", "value": ""},
        epoch_columns={"epoch": ""},
        checkpoint=Checkpoint(0, 0, {}),
    )
    done = threading.Event()

    def write():
        step = 0
        while not done.is_set():
            recorder.step((step, step + 0.5))
            step += 1
            if step % 64 == 0:
                done.wait(0.0005)

    writer = threading.Thread(target=write)
    writer.start()
    model = RunModel(tmp_path / "run", lambda request: read_part(tmp_path / "run", request))
    lengths = set()
    checked = 0
    try:
        for _ in range(polls):
            model.poll()
            steps = model.steps["step"][checked:]
            np.testing.assert_array_equal(steps, np.arange(checked, checked + len(steps)))
            np.testing.assert_array_equal(model.steps["value"][checked:], steps + 0.5)
            checked += len(steps)
            lengths.add(checked)
            assert not model.trouble
    finally:
        done.set()
        writer.join()
        recorder.close()
    assert len(lengths) > polls // 100, "the run did not grow while it was looked at"
