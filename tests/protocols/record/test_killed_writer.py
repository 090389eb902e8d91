"""A run killed at any instant and resumed ends bit for bit where it would have ended."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from protocols.record import Run, open_run

# A training in miniature: the next step depends on the weights, the moments and the generator.
TRAINING = """
import sys, time
from pathlib import Path
import numpy as np
from protocols.record import Checkpoint, Recorder

path, total = Path(sys.argv[1]), int(sys.argv[2])
generator = np.random.default_rng(5)
weights, moments, step = np.zeros((8, 6), np.float32), np.zeros((8, 6)), 0


def checkpoint():
    arrays = {"weights/0": weights.copy(), "moments/0": moments.copy()}
    return Checkpoint(step, step // 100, arrays, {"generator": generator.bit_generator.state})


print("starting", flush=True)
if path.exists():
    recorder, start = Recorder.resume(path)
    step = start.step
    weights, moments = start.arrays["weights/0"], start.arrays["moments/0"]
    generator.bit_generator.state = start.values["generator"]
else:
    recorder = Recorder.create(
        path,
        configuration={"total": total},
        step_columns={"step": "", "loss": "", "weight": "", "wall_clock": "s"},
        epoch_columns={"epoch": "", "mean": ""},
        checkpoint=checkpoint(),
    )
print("recording", flush=True)
while step < total:
    gradient = generator.normal(size=weights.shape)
    moments = 0.9 * moments + 0.1 * gradient
    weights = weights - (0.01 * moments).astype(np.float32)
    recorder.step([step, float((weights**2).sum()), weights[0, 0], time.time()])
    step += 1
    if step % 40 == 0:
        recorder.fields(step, {"a1": weights[:2]})
    if step % 100 == 0:
        recorder.epoch([step // 100, weights.mean()])
        recorder.checkpoint(checkpoint(), wait=step % 500 == 0)
recorder.checkpoint(checkpoint(), wait=True)
recorder.close("completed", "all steps done", {"steps": step})
"""


def start(path: Path, total: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", TRAINING, str(path), str(total)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(path: Path, total: int) -> Run:
    with start(path, total) as process:
        assert process.wait(120) == 0
    return open_run(path)


def kill_at_random(path: Path, total: int, chance: random.Random) -> bool:
    """Start or resume the run and kill it; return whether it was still alive then."""
    # Half of the kills fall into start or resume, half into recording.
    word, longest_seconds = chance.choice([("starting", 0.04), ("recording", 0.25)])
    with start(path, total) as process:
        assert process.stdout is not None
        while process.stdout.readline().strip() not in (word, ""):
            pass
        try:
            process.wait(chance.uniform(0, longest_seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)
            return True
    return False


@pytest.mark.parametrize("kills", [5, pytest.param(30, marks=pytest.mark.slow)])
def test_killed_and_resumed_ends_where_the_uninterrupted_run_ends(
    tmp_path: Path, kills: int
) -> None:
    total = 3000 * kills + 57
    expected = finish(tmp_path / "uninterrupted", total)
    chance = random.Random(kills)
    survived = 0
    for _ in range(kills):
        survived += kill_at_random(tmp_path / "killed", total, chance)
        if (tmp_path / "killed").exists():
            run = open_run(tmp_path / "killed")
            assert np.array_equal(run.steps["step"], np.arange(len(run.steps)))
    # A process may also be killed when its run is over, on its way out.
    killed = tmp_path / "killed"
    over = killed.exists() and open_run(killed).state == "completed"
    actual = open_run(killed) if over else finish(killed, total)
    assert survived >= kills / 2, "the run was over before it could be killed"

    assert actual.state == expected.state == "completed"
    assert actual.summary == expected.summary
    last, wanted = actual.checkpoint(), expected.checkpoint()
    assert last.step == wanted.step == total
    assert last.values == wanted.values
    assert last.arrays.keys() == wanted.arrays.keys()
    for name, array in wanted.arrays.items():
        assert last.arrays[name].tobytes() == array.tobytes()
    for column in ("step", "loss", "weight"):
        assert actual.steps[column].tobytes() == expected.steps[column].tobytes()
    assert len(actual.steps) == total
    assert actual.epochs.array.tobytes() == expected.epochs.array.tobytes()
    assert actual.fields("a1").steps.tobytes() == expected.fields("a1").steps.tobytes()
    assert actual.fields("a1").values.tobytes() == expected.fields("a1").values.tobytes()
