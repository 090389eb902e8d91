"""A reader sees what is committed, whole, while a trainer writes, resumes and is killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from instruments.errors import RecordError
from protocols.record import Checkpoint, Recorder, list_runs, open_run
from protocols.record.documents import read_document, write_document
from protocols.record.growing_array import Counter


def new_recorder(path: Path, **configuration: Any) -> Recorder:
    return Recorder.create(
        path,
        configuration=configuration,
        step_columns={"loss": "", "square": ""},
        epoch_columns={"accuracy": ""},
        checkpoint=Checkpoint(0, 0, {"weights": np.zeros(3)}),
    )


COMMITTING_AND_RESUMING = """
import sys
import numpy as np
from protocols.record import Checkpoint, Recorder

path = sys.argv[1]
recorder, checkpoint = Recorder.resume(path)
for life in range(12):
    first = checkpoint.step
    for step in range(first, first + 3000):
        recorder.step([step, step * step])
        if step % 500 == 499:
            recorder.fields(step, {"a": np.full((2, 3), step, np.float32)})
            recorder.event("mark", "x" * 50)
        if step % 250 == 249:
            taken = Checkpoint(step + 1, 0, {"weights": np.full(3, step + 1.0)})
            if step < first + 1500:
                recorder.checkpoint(taken, wait=True)
            else:
                recorder.epoch([step])
    recorder.close("interrupted")
    recorder, checkpoint = Recorder.resume(path)
recorder.close("completed")
"""


def test_a_poll_never_shows_a_torn_state(tmp_path: Path) -> None:
    path = tmp_path / "run"
    new_recorder(path).close("interrupted")
    run = open_run(path)
    writer = subprocess.Popen([sys.executable, "-c", COMMITTING_AND_RESUMING, str(path)])
    lengths = []
    try:
        for poll in range(100_000):
            over = writer.poll() is not None
            table = run.steps
            steps = np.arange(len(table))
            assert np.array_equal(table["loss"], steps), poll
            assert np.array_equal(table["square"], steps * steps), poll
            assert not np.isnan(run.epochs.array).any()
            if run.field_names:
                sampled, values = run.fields("a")
                assert np.array_equal(values[:, 1, 2], sampled)
            assert all(event.kind in ("mark", "resumed") for event in run.events())
            checkpoint = run.checkpoint()
            assert (checkpoint.arrays["weights"] == checkpoint.step).all()
            lengths.append(len(table))
            if over:
                break
    finally:
        writer.kill()
        assert writer.wait(60) == 0
    assert run.resumes == 13
    assert len(set(lengths)) > 20, "the reader was there while it was written"
    assert run.state == "completed"


@pytest.mark.parametrize("moment", ["before the count is read", "after the count is read"])
def test_a_resume_in_the_middle_of_a_read_starts_it_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    with new_recorder(tmp_path / "run") as record:
        for step in range(9000):
            if step == 10:
                record.checkpoint(Checkpoint(10, 0), wait=True)
            record.step([step, 0])
        record.close("interrupted")
    run = open_run(tmp_path / "run")
    read_count = Counter.read
    resumed: list[int] = []

    def resume() -> None:
        recorder, checkpoint = Recorder.resume(tmp_path / "run")
        recorder.step([checkpoint.step, 0])
        recorder.close("interrupted")

    def read_and_resume(counter: Counter) -> int:
        if resumed:
            return read_count(counter)
        resumed.append(read_count(counter))
        resume()
        return read_count(counter) if moment.startswith("before") else resumed[0]

    monkeypatch.setattr(Counter, "read", read_and_resume)
    assert run.steps["loss"].tolist() == list(range(11))
    assert resumed == [9000]


def test_plain_zarr_sees_no_fill_values_below_the_count(tmp_path: Path) -> None:
    with new_recorder(tmp_path / "run") as record:
        for poll in range(150):
            for step in range(poll * 100, poll * 100 + 100):
                record.step([step, 0])
            # Early commits go on while zarr reads.
            record._thread._hurry(full=False)
            group = zarr.open_group(tmp_path / "run", mode="r")
            count = int(group["n_committed"][()])  # type: ignore[index,arg-type]
            rows = np.asarray(group["rows"][:count])  # type: ignore[index]
            assert np.array_equal(rows[:, 0], np.arange(count))


class TestState:
    def test_running_while_the_writer_lives(self, tmp_path: Path) -> None:
        with new_recorder(tmp_path / "run"):
            assert open_run(tmp_path / "run").state == "running"
            assert [run.state for run in list_runs(tmp_path)] == ["running"]
        assert open_run(tmp_path / "run").state == "completed"

    def test_killed_when_nobody_holds_the_lock(self, tmp_path: Path) -> None:
        new_recorder(tmp_path / "run").close()
        document = read_document(tmp_path / "run" / "latest")
        document["attributes"]["state"] = "running"
        write_document(tmp_path / "run" / "latest", document)
        assert open_run(tmp_path / "run").state == "killed"
        (tmp_path / "run" / "n_committed" / ".lock").unlink()
        assert [run.state for run in list_runs(tmp_path)] == ["killed"]

    def test_the_representation_says_what_it_is(self, tmp_path: Path) -> None:
        with new_recorder(tmp_path / "run", note="second light") as record:
            record.step([1, 2])
            record.close("interrupted", "Ctrl-C", {"test_accuracy": 0.5})
        run = open_run(tmp_path / "run")
        for words in ("run", "interrupted, Ctrl-C", "1 steps", "second light", "test_accuracy 0.5"):
            assert words in repr(run)
        assert repr(run.steps) == "<Table of 1 rows: loss, square>"
        assert "at step 0" in repr(run.checkpoint())


class TestTable:
    def test_it_is_addressed_by_columns_and_is_an_array(self, tmp_path: Path) -> None:
        with new_recorder(tmp_path / "run") as record:
            record.step([1, 2])
            record.step([3, 4])
        table = open_run(tmp_path / "run").steps
        assert len(table) == 2
        assert "loss" in table
        assert list(table) == ["loss", "square"]
        assert dict(table)["square"].tolist() == [2, 4]
        assert np.asarray(table).tolist() == [[1, 2], [3, 4]]
        with pytest.raises(KeyError, match="there are loss, square"):
            table["accuracy"]


class TestListOfRuns:
    def test_it_is_in_order_of_creation_and_says_what_came_of_each(self, tmp_path: Path) -> None:
        times = iter(range(100))
        for name in ("b", "a"):
            record = Recorder.create(
                tmp_path / name,
                configuration={"note": f"note {name}"},
                step_columns={"x": ""},
                epoch_columns={"x": ""},
                checkpoint=Checkpoint(0, 0),
                clock=lambda: float(next(times)),
            )
            record.step([1])
            record.close("completed", "all epochs done", {"test_accuracy": 0.9})
        (tmp_path / "no run").mkdir()
        (tmp_path / "c.partial" / "latest").mkdir(parents=True)
        first, second = list_runs(tmp_path)
        assert (first.path.name, second.path.name) == ("b", "a")
        assert first.note == "note b"
        assert first.reason == "all epochs done"
        assert first.summary == {"test_accuracy": 0.9}
        assert first.steps == 1

    def test_a_damaged_run_is_listed_with_the_others(self, tmp_path: Path) -> None:
        new_recorder(tmp_path / "good").close()
        new_recorder(tmp_path / "bad").close()
        (tmp_path / "bad" / "latest" / "zarr.json").write_text("{", encoding="utf-8")
        states = {run.path.name: run.state for run in list_runs(tmp_path)}
        assert states == {"good": "completed", "bad": "damaged"}

    def test_a_run_that_may_not_be_looked_into_is_listed_with_the_others(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        new_recorder(tmp_path / "good").close()
        new_recorder(tmp_path / "locked").close()
        stat = Path.stat

        def refuse(path: Path, **options: Any) -> Any:
            if path.parent.name == "locked":
                raise PermissionError(13, "Permission denied", str(path))
            return stat(path, **options)

        # What the system does with a folder of mode 000, which does not stop an administrator.
        monkeypatch.setattr(Path, "stat", refuse)
        (tmp_path / "locked" / "latest" / "zarr.json").unlink()
        states = {run.path.name: run.state for run in list_runs(tmp_path)}
        assert states == {"good": "completed", "locked": "damaged"}

    def test_only_small_files_are_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("a", "b", "c"):
            new_recorder(tmp_path / name).close()
        opened = []
        read_bytes = Path.read_bytes

        def spy(path: Path) -> bytes:
            opened.append(path)
            return read_bytes(path)

        monkeypatch.setattr(Path, "read_bytes", spy)
        list_runs(tmp_path)
        assert sorted(path.parent.name for path in opened) == ["latest"] * 3

    def test_a_folder_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(RecordError, match="folder of runs"):
            list_runs(tmp_path / "none")


class TestErrors:
    def test_what_is_not_a_run(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("", encoding="utf-8")
        for path in (tmp_path, tmp_path / "file"):
            with pytest.raises(RecordError, match="is not a run"):
                open_run(path)
        for refuse in (open_run, Recorder.resume):
            with pytest.raises(RecordError, match="does not exist"):
                refuse(tmp_path / "none")

    def test_a_state_that_no_run_has(self, tmp_path: Path) -> None:
        new_recorder(tmp_path / "run").close()
        document = read_document(tmp_path / "run" / "latest")
        document["attributes"]["state"] = "finished"
        write_document(tmp_path / "run" / "latest", document)
        for refuse in (open_run, Recorder.resume):
            with pytest.raises(RecordError, match=r"latest.*'finished'.*completed, stopped early"):
                refuse(tmp_path / "run")

    def test_a_run_without_a_checkpoint(self, tmp_path: Path) -> None:
        new_recorder(tmp_path / "run").close("interrupted")
        for kept in (tmp_path / "run" / "checkpoints").iterdir():
            shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
        with pytest.raises(RecordError, match="has no whole checkpoint; it has: none"):
            open_run(tmp_path / "run").checkpoint()

    def test_a_record_from_the_future(self, tmp_path: Path) -> None:
        new_recorder(tmp_path / "run").close("interrupted")
        document = read_document(tmp_path / "run" / "latest")
        document["attributes"]["schema_version"] = 99
        write_document(tmp_path / "run" / "latest", document)
        for refuse in (open_run, Recorder.resume):
            with pytest.raises(RecordError, match="newer backbeam"):
                refuse(tmp_path / "run")

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"attributes": {"schema_version": 1}}'])
    def test_a_damaged_latest(self, tmp_path: Path, text: str) -> None:
        new_recorder(tmp_path / "run").close("interrupted")
        (tmp_path / "run" / "latest" / "zarr.json").write_text(text, encoding="utf-8")
        for refuse in (open_run, Recorder.resume):
            with pytest.raises(RecordError, match=r"latest.*damaged"):
                refuse(tmp_path / "run")

    @pytest.mark.parametrize("damage", ["shorter", "missing"])
    def test_damaged_rows(self, tmp_path: Path, damage: str) -> None:
        with new_recorder(tmp_path / "run") as record:
            record.step([1, 2])
        chunk = tmp_path / "run" / "rows" / "c.0.0"
        if damage == "shorter":
            chunk.write_bytes(chunk.read_bytes()[:100])
        else:
            chunk.unlink()
        with pytest.raises(RecordError, match="damaged"):
            _ = open_run(tmp_path / "run").steps

    def test_an_unknown_field_or_checkpoint_names_those_there_are(self, tmp_path: Path) -> None:
        with new_recorder(tmp_path / "run") as record:
            record.fields(0, {"a1": np.ones((1, 1))})
        run = open_run(tmp_path / "run")
        with pytest.raises(RecordError, match="there are: a1"):
            run.fields("a2")
        with pytest.raises(RecordError, match="it has: 0"):
            run.checkpoint(7)


@pytest.mark.slow
def test_five_hundred_runs_are_listed_in_a_tenth_of_a_second(tmp_path: Path) -> None:
    for number in range(500):
        new_recorder(tmp_path / f"run-{number}").close()
    durations = []
    for _ in range(5):
        begun = time.perf_counter()
        list_runs(tmp_path)
        durations.append(time.perf_counter() - begun)
    assert min(durations) < 0.2
