"""What is handed to a recorder is on the disk, in order, bit for bit, or an error says why not."""

from __future__ import annotations

import errno
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
import zarr

from instruments.errors import RecordError
from protocols.record import Checkpoint, Recorder, list_runs, open_run, recorder, recorder_thread
from protocols.record.documents import read_document, write_document
from protocols.record.store import RunStore
from protocols.record.versions import present_versions

STEP_COLUMNS = {"loss": "", "power": "W", "wall_clock": "s"}
EPOCH_COLUMNS = {"accuracy": "", "duration": "s"}


def checkpoint_at(step: int, *, seed: int = 3) -> Checkpoint:
    generator = np.random.default_rng(seed + step)
    arrays: dict[str, Any] = {
        "weights/0": generator.normal(size=(4, 3)).astype(np.float32),
        "weights/1": generator.normal(size=(2, 4)).astype(np.float32),
        "order": generator.permutation(10),
    }
    return Checkpoint(step, step // 10, arrays, {"generator": generator.bit_generator.state})


def new_recorder(path: Path, **options: Any) -> Recorder:
    return Recorder.create(
        path,
        configuration={"note": "first light", "layers": (784, 10), "learning_rate": 1e-3},
        step_columns=STEP_COLUMNS,
        epoch_columns=EPOCH_COLUMNS,
        checkpoint=checkpoint_at(0),
        **options,
    )


def interrupted_run(path: Path, *, steps: int = 30, checkpoint: int = 20) -> Path:
    with new_recorder(path) as record:
        for step in range(steps):
            if step == checkpoint:
                record.checkpoint(checkpoint_at(step), wait=True)
            record.step([step, step / 7, 0.0])
            if step % 10 == 9:
                record.epoch([step / 100, 1.0])
            if step % 5 == 4:
                record.fields(step, {"a1": np.full((2, 3), step, np.float32)})
        record.event("halt", "the user pressed a key")
        record.close("interrupted", "Ctrl-C")
    return path


class TestRoundTrip:
    def test_rows_come_back_bit_for_bit(self, tmp_path: Path) -> None:
        rows = np.random.default_rng(1).normal(size=(10_000, 3))
        rows[5] = [np.nan, -0.0, np.inf]
        rows[6, 0] = np.nextafter(1, 2)
        with new_recorder(tmp_path / "run") as record:
            for row in rows:
                record.step(row)
            record.epoch([0.5, 2.0])
            record.epoch(np.array([0.75, 3.0]))
        run = open_run(tmp_path / "run")
        assert run.steps.array.tobytes() == rows.tobytes()
        assert run.epochs.array.tolist() == [[0.5, 2.0], [0.75, 3.0]]
        assert run.steps.columns == ("loss", "power", "wall_clock")
        assert run.steps.units["power"] == "W"
        assert np.array_equal(run.epochs["duration"], [2.0, 3.0])
        assert run.state == "completed"

    def test_a_row_handed_over_may_be_changed_afterwards(self, tmp_path: Path) -> None:
        row = np.zeros(3)
        with new_recorder(tmp_path / "run") as record:
            for step in range(100):
                row[:] = step
                record.step(row)
        assert np.array_equal(open_run(tmp_path / "run").steps["power"], np.arange(100))

    def test_a_small_ring_blocks_and_drops_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(recorder_thread, "_RING_ROWS", 16)
        monkeypatch.setattr(recorder_thread, "_RING_BYTES", 0)
        monkeypatch.setattr(recorder_thread, "_QUEUE_LENGTH", 4)
        with new_recorder(tmp_path / "run") as record:
            for step in range(500):
                record.step([step, 0, 0])
                if step % 10 == 0:
                    record.epoch([step, 0])
        run = open_run(tmp_path / "run")
        assert np.array_equal(run.steps["loss"], np.arange(500))
        assert np.array_equal(run.epochs["accuracy"], np.arange(0, 500, 10))

    @pytest.mark.parametrize(
        "dtype", ["?", "i1", "u8", "i8", "f2", "f4", "f8", "c8", "c16", ">f4", ">i8"]
    )
    @pytest.mark.parametrize("shape", [(), (0, 3), (5,), (2, 3, 4)])
    def test_checkpoint_arrays_keep_dtype_and_bits(
        self, tmp_path: Path, dtype: str, shape: tuple[int, ...]
    ) -> None:
        bits = np.random.default_rng(2).integers(0, 2, size=shape)
        values = np.asarray(-1 * bits if np.dtype(dtype).kind in "ifc" else bits).astype(dtype)
        strided = values.copy(order="F")
        Recorder.create(
            tmp_path / "run",
            configuration={},
            step_columns={"loss": ""},
            epoch_columns={"loss": ""},
            checkpoint=Checkpoint(0, 0, {"x/y": strided}),
        ).close()
        back = open_run(tmp_path / "run").checkpoint().arrays["x/y"]
        assert back.dtype == np.dtype(dtype).newbyteorder("=")
        assert back.shape == shape
        assert back.tobytes() == values.astype(back.dtype).tobytes()
        back[...] = 0  # belongs to the reader

    def test_negative_zeros_and_nan_payloads_survive(self, tmp_path: Path) -> None:
        bits = np.array([0x7FF8_0000_0000_0123, 1 << 63, 0], np.uint64)
        values = {"nan": np.array(bits[:1]).view("f8"), "zero": np.array(bits[1:2]).view("f8")}
        Recorder.create(
            tmp_path / "run",
            configuration={},
            step_columns={"loss": ""},
            epoch_columns={"loss": ""},
            checkpoint=Checkpoint(0, 0, values),
        ).close()
        back = open_run(tmp_path / "run").checkpoint().arrays
        assert back["nan"].view("u8")[0] == bits[0]
        assert back["zero"].view("u8")[0] == bits[1]

    def test_a_generator_goes_on_from_its_checkpoint(self, tmp_path: Path) -> None:
        generator = np.random.default_rng(11)
        generator.normal(size=17)
        with new_recorder(tmp_path / "run") as record:
            state = generator.bit_generator.state
            record.checkpoint(Checkpoint(1, 0, {}, {"state": state, "best": np.float64("inf")}))
        values = open_run(tmp_path / "run").checkpoint().values
        other = np.random.default_rng(0)
        other.bit_generator.state = values["state"]
        assert np.array_equal(other.normal(size=5), generator.normal(size=5))
        assert values["best"] == float("inf")

    def test_sampled_fields_lie_along_sample_batch_neuron(self, tmp_path: Path) -> None:
        buffer = np.zeros((5, 4), np.float32)
        with new_recorder(tmp_path / "run") as record:
            for step in (3, 8):
                buffer[:] = step
                record.fields(step, {"a(1)": buffer, "delta(1)": -buffer})
        run = open_run(tmp_path / "run")
        steps, values = run.fields("delta(1)")
        assert run.field_names == ("a(1)", "delta(1)")
        assert steps.tolist() == [3, 8]
        assert values.shape == (2, 5, 4)
        assert values.dtype == np.float32
        assert values[:, 0, 0].tolist() == [-3, -8]

    def test_events_keep_words_details_and_the_injected_time(self, tmp_path: Path) -> None:
        with new_recorder(tmp_path / "run", clock=lambda: 1234.5) as record:
            record.step([1, 2, 3])
            record.event("warning", "Sättigung\nof 3 %", channel=4, level=float("nan"))
        (event,) = open_run(tmp_path / "run").events()
        assert (event.kind, event.text, event.step) == ("warning", "Sättigung\nof 3 %", 1)
        assert event.time == 1234.5
        assert event.details["channel"] == 4
        assert np.isnan(event.details["level"])

    def test_the_root_says_what_was_run_with_what(self, tmp_path: Path) -> None:
        new_recorder(tmp_path / "run", identities={"slm": "X1 serial 7"}).close(
            "stopped early", "no better for 5 epochs", {"test_accuracy": np.float32(0.5)}
        )
        run = open_run(tmp_path / "run")
        assert run.configuration["layers"] == [784, 10]
        assert run.identities == {"slm": "X1 serial 7"}
        assert {"python", "numpy", "zarr", "numba", "backbeam", "processor", "threads"} <= set(
            run.versions
        )
        assert run.state == "stopped early"
        assert run.reason == "no better for 5 epochs"
        assert run.summary == {"test_accuracy": 0.5}
        assert run.note == "first light"
        assert "no better for 5 epochs" in repr(run)

    def test_only_the_last_two_checkpoints_are_kept(self, tmp_path: Path) -> None:
        with new_recorder(tmp_path / "run") as record:
            for step in (10, 20, 30):
                record.checkpoint(checkpoint_at(step), wait=True)
            record.checkpoint(checkpoint_at(30, seed=9), wait=True)
        run = open_run(tmp_path / "run")
        assert run.checkpoint_steps() == [30]
        assert len(list((tmp_path / "run" / "checkpoints").glob("30*"))) == 2
        expected = checkpoint_at(30, seed=9).arrays["weights/0"]
        assert np.array_equal(run.checkpoint(30).arrays["weights/0"], expected)


class TestOtherReaders:
    @pytest.fixture(params=["running", "closed"])
    def run(self, request: pytest.FixtureRequest, tmp_path: Path) -> Any:
        record = new_recorder(tmp_path / "run")
        for step in range(5000):
            record.step([step, 2 * step, 0])
        record.epoch([0.5, 1])
        record.fields(7, {"a1": np.ones((2, 3), np.float32), "a2": np.ones((2, 5), np.float32)})
        record.checkpoint(checkpoint_at(5000), wait=True)
        if request.param == "closed":
            record.close()
        yield tmp_path / "run"
        record.close()

    def test_plain_zarr_reads_everything(self, run: Path) -> None:
        group = zarr.open_group(run, mode="r")
        count = int(group["n_committed"][()])  # type: ignore[index,arg-type]
        rows = group["rows"]
        assert isinstance(rows, zarr.Array)
        assert count == 5000
        assert rows.shape == (5000, 3)
        assert rows.metadata.dimension_names == ("step", "metric")  # type: ignore[union-attr]
        assert rows.attrs["columns"] == list(STEP_COLUMNS)
        assert rows.attrs["units"] == ["", "W", "s"]
        assert np.array_equal(np.asarray(rows[:count])[:, 1], 2 * np.arange(5000))
        weights = group["checkpoints/5000/weights/0"]
        assert isinstance(weights, zarr.Array)
        assert np.array_equal(np.asarray(weights[...]), checkpoint_at(5000).arrays["weights/0"])
        state = group["checkpoints/5000"].attrs["values"]["generator"]["state"]["state"]  # type: ignore[call-overload,index]
        assert state == checkpoint_at(5000).values["generator"]["state"]["state"]
        members = {name for name, _ in group.members(max_depth=None)}
        assert {"rows", "epochs", "fields/a1", "checkpoints/5000/weights/1"} <= members

    def test_xarray_opens_every_group(self, run: Path) -> None:
        with xarray.open_zarr(run, consolidated=False) as dataset:
            assert dataset["rows"].sizes == {"step": 5000, "metric": 3}
            assert float(dataset["rows"][4999, 1]) == 9998
        with xarray.open_zarr(run, group="fields", consolidated=False) as fields:
            assert fields["a2"].dims == ("sample", "batch_2", "neuron_5")
            assert fields["a2"].attrs["units"] == "saturation field"

    def test_a_closed_run_needs_no_options(self, tmp_path: Path) -> None:
        path = interrupted_run(tmp_path / "run")
        with xarray.open_zarr(path) as dataset:
            assert dataset["rows"].sizes["step"] == 30
        with xarray.open_datatree(path, engine="zarr") as tree:
            assert tree["fields/a1"].sizes["sample"] == 6

    def test_to_xarray_names_columns_and_units(self, tmp_path: Path) -> None:
        dataset = open_run(interrupted_run(tmp_path / "run")).to_xarray()
        assert dataset["power"].attrs["units"] == "W"
        assert float(dataset["power"][14]) == 2
        assert dataset["epoch_accuracy"].dims == ("epoch",)
        assert dataset["a1"].sizes == {"sample": 6, "batch_2": 2, "neuron_3": 3}
        assert dataset["sample_step"].values.tolist() == [4, 9, 14, 19, 24, 29]


class TestResume:
    def test_everything_after_the_checkpoint_is_dropped_but_events(self, tmp_path: Path) -> None:
        path = interrupted_run(tmp_path / "run")
        record, checkpoint = Recorder.resume(path)
        with record:
            assert checkpoint.step == 20
            run = open_run(path)
            assert run.state == "running"
            assert np.array_equal(run.steps["loss"], np.arange(20))
            assert len(run.epochs) == 2
            assert run.fields("a1").steps.tolist() == [4, 9, 14, 19]
            for step in range(20, 25):
                record.step([step, 0, 0])
        run = open_run(path)
        assert np.array_equal(run.steps["loss"], np.arange(25))
        assert [event.kind for event in run.events()] == ["halt", "resumed"]
        assert run.resumes == 1
        with xarray.open_zarr(path) as dataset:
            assert dataset["rows"].sizes["step"] == 25

    def test_the_generator_state_is_the_recorded_one(self, tmp_path: Path) -> None:
        record, checkpoint = Recorder.resume(interrupted_run(tmp_path / "run"))
        record.close("interrupted")
        expected = checkpoint_at(20)
        assert checkpoint.values == expected.values
        assert checkpoint.epoch == 2
        for name, array in expected.arrays.items():
            assert np.array_equal(checkpoint.arrays[name], array)

    def test_unfinished_files_are_swept(self, tmp_path: Path) -> None:
        path = interrupted_run(tmp_path / "run")
        (path / "checkpoints" / "25.partial" / "weights").mkdir(parents=True)
        (path / "rows" / "c.9.0").write_bytes(b"written but never told of")
        (path / "rows" / "c.9.0.partial").write_bytes(b"half")
        record, checkpoint = Recorder.resume(path)
        record.close("interrupted")
        assert checkpoint.step == 20
        assert not list(path.rglob("*.partial"))
        assert sorted(file.name for file in (path / "rows").iterdir()) == ["c.0.0", "zarr.json"]

    @pytest.mark.parametrize("damage", ["shorter", "flipped", "missing", "description", "ahead"])
    def test_a_damaged_checkpoint_gives_way_to_the_one_before(
        self, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = interrupted_run(tmp_path / "run")
        folder = path / "checkpoints" / "20"
        chunk = folder / "weights" / "0" / "c.0.0"
        data = chunk.read_bytes()
        if damage == "shorter":
            chunk.write_bytes(data[:-1])
        elif damage == "flipped":
            chunk.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        elif damage == "missing":
            chunk.unlink()
        elif damage == "description":
            (folder / "zarr.json").write_text("{", encoding="utf-8")
        else:
            document = read_document(folder)
            document["attributes"]["counts"]["rows"] = 31
            write_document(folder, document)
        record, checkpoint = Recorder.resume(path)
        record.close("interrupted")
        assert checkpoint.step == 0
        assert "damaged" in caplog.text
        assert open_run(path).checkpoint_steps() == [0]
        assert len(open_run(path).steps) == 0

    def test_no_whole_checkpoint_is_an_error(self, tmp_path: Path) -> None:
        path = interrupted_run(tmp_path / "run")
        for chunk in path.glob("checkpoints/*/weights/0/c.0.0"):
            chunk.write_bytes(b"")
        with pytest.raises(RecordError, match="no whole checkpoint"):
            Recorder.resume(path)
        with pytest.raises(RecordError, match="damaged"):
            open_run(path).checkpoint()

    def test_other_versions_are_told_of(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        path = interrupted_run(tmp_path / "run")
        monkeypatch.setattr(
            recorder, "present_versions", lambda: {**present_versions(), "numpy": "9.9"}
        )
        with caplog.at_level(logging.WARNING):
            record, _ = Recorder.resume(path)
        record.close("interrupted")
        assert any("numpy" in line for line in record.differences)
        assert "resumed at step 20 with different numpy" in caplog.text
        assert "bit-for-bit equality is not promised" in open_run(path).events()[-1].text

    def test_the_same_versions_are_not_worth_a_word(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        record, _ = Recorder.resume(interrupted_run(tmp_path / "run"))
        record.close("interrupted")
        assert record.differences == ()
        assert not caplog.records

    @pytest.mark.parametrize("state", ["completed", "stopped early"])
    def test_a_finished_run_is_not_resumed(self, tmp_path: Path, state: Any) -> None:
        new_recorder(tmp_path / "run").close(state)
        with pytest.raises(RecordError, match="cannot be resumed"):
            Recorder.resume(tmp_path / "run")

    def test_a_failed_run_is(self, tmp_path: Path) -> None:
        with pytest.raises(ZeroDivisionError), new_recorder(tmp_path / "run") as record:
            record.step([1 / 0, 2, 3])
        run = open_run(tmp_path / "run")
        assert (run.state, run.reason) == ("failed", "ZeroDivisionError: division by zero")
        Recorder.resume(tmp_path / "run")[0].close("interrupted")

    def test_control_c_is_an_interruption(self, tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt), new_recorder(tmp_path / "run"):
            raise KeyboardInterrupt
        assert open_run(tmp_path / "run").state == "interrupted"


class TestErrors:
    def test_an_existing_path_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()
        with pytest.raises(RecordError, match="exists already"):
            new_recorder(tmp_path / "run")
        assert list((tmp_path / "run").iterdir()) == []

    def test_a_parent_that_is_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("", encoding="utf-8")
        with pytest.raises(RecordError, match="cannot be created"):
            new_recorder(tmp_path / "file" / "run")

    def test_a_parent_that_cannot_be_written_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "mkdir", refuse)
        with pytest.raises(RecordError, match="Permission denied"):
            new_recorder(tmp_path / "run")

    def test_missing_parents_are_made(self, tmp_path: Path) -> None:
        new_recorder(tmp_path / "a" / "b" / "run").close()
        assert open_run(tmp_path / "a" / "b" / "run").state == "completed"

    def test_leftovers_of_a_killed_creation_are_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "run.partial" / "rows").mkdir(parents=True)
        new_recorder(tmp_path / "run").close()
        assert [path.name for path in tmp_path.iterdir()] == ["run"]

    def test_a_creation_that_fails_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("protocols.record.store.write_checkpoint", full)
        with pytest.raises(RecordError, match="No space left"):
            new_recorder(tmp_path / "run")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("checkpoint", "words"),
        [
            (Checkpoint(0, 0, {"x": np.array(["text"])}), "cannot be recorded"),
            (Checkpoint(0, 0, {"x": np.array([object()])}), "cannot be recorded"),
            (Checkpoint(0, 0, {"../x": np.zeros(1)}), "allowed are letters"),
            (Checkpoint(0, 0, {"/x": np.zeros(1)}), "allowed are letters"),
            (Checkpoint(0, 0, {"x": np.zeros(1), "X": np.zeros(1)}), "upper and lower case"),
            (Checkpoint(0, 0, {"x": np.zeros(1), "x/y": np.zeros(1)}), "is an array too"),
            (Checkpoint(0, 0, {}, {"x": {1: 2}}), "is no string"),
            (Checkpoint(0, 0, {}, {"x": [{"y": np.zeros(2)}]}), r"values\.x\[0\]\.y"),
        ],
    )
    def test_what_cannot_be_recorded_is_refused_at_once(
        self, tmp_path: Path, checkpoint: Checkpoint, words: str
    ) -> None:
        with new_recorder(tmp_path / "run") as record:
            with pytest.raises(RecordError, match=words):
                record.checkpoint(checkpoint)
            record.step([1, 2, 3])
        assert len(open_run(tmp_path / "run").steps) == 1

    def test_tables_without_columns_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(RecordError, match="at least one column"):
            Recorder.create(
                tmp_path / "run",
                configuration={},
                step_columns={},
                epoch_columns={"x": ""},
                checkpoint=Checkpoint(0, 0),
            )

    @pytest.mark.parametrize("row", [[1.0, 2.0], [1.0], ["a", "b", "c"], np.zeros((3, 2)), 5.0])
    def test_a_row_of_another_kind_is_refused(self, tmp_path: Path, row: Any) -> None:
        with new_recorder(tmp_path / "run") as record:
            with pytest.raises(RecordError, match="3 numbers"):
                record.step(row)
            with pytest.raises(RecordError, match="2 numbers"):
                record.epoch(np.zeros(3))
        assert len(open_run(tmp_path / "run").steps) == 0

    @pytest.mark.parametrize(
        "fields",
        [
            {"a1": np.zeros((3, 2))},
            {"a1": np.zeros((2, 3), np.float32)},
            {"a2": np.zeros((2, 3))},
            {"n_samples": np.zeros((2, 3))},
            {"a/1": np.zeros((2, 3))},
            {"a1": np.zeros((0, 3))},
        ],
    )
    def test_fields_other_than_the_first_are_refused(
        self, tmp_path: Path, fields: dict[str, Any]
    ) -> None:
        with new_recorder(tmp_path / "run") as record:
            record.fields(1, {"a1": np.zeros((2, 3))})
            with pytest.raises(RecordError, match="field"):
                record.fields(2, fields)
        assert open_run(tmp_path / "run").fields("a1").steps.tolist() == [1]

    def test_one_writer_at_a_time(self, tmp_path: Path) -> None:
        with (
            new_recorder(tmp_path / "run"),
            pytest.raises(RecordError, match="being written by another"),
        ):
            Recorder.resume(tmp_path / "run")

    def test_a_closed_run_takes_no_more(self, tmp_path: Path) -> None:
        record = new_recorder(tmp_path / "run")
        record.close()
        record.close()
        with pytest.raises(RecordError, match="is closed"):
            record.step([1, 2, 3])
        with pytest.raises(RecordError, match="is closed"):
            record.epoch([1, 2])
        with pytest.raises(RecordError, match="is closed"):
            record.event("note", "too late")
        with pytest.raises(RecordError, match="is closed"):
            record.checkpoint(checkpoint_at(1))

    def test_a_removed_folder_is_noticed_and_not_made_anew(self, tmp_path: Path) -> None:
        record = new_recorder(tmp_path / "run")
        record.step([1, 2, 3])
        shutil.rmtree(tmp_path / "run")
        with pytest.raises(RecordError, match="can no longer be written"):
            record.checkpoint(checkpoint_at(1), wait=True)
        with pytest.raises(RecordError, match="can no longer be written"):
            record.step([1, 2, 3])
        with pytest.raises(RecordError, match="can no longer be written"):
            record.close()
        assert not (tmp_path / "run").exists()

    def test_a_full_disk_frees_a_waiting_loop_and_can_be_resumed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_: RunStore) -> bool:
            raise OSError(errno.ENOSPC, "No space left on device")

        def train_until_it_fails() -> None:
            with new_recorder(tmp_path / "run") as record:
                for step in range(100_000):
                    record.step([step, 0, 0])

        with monkeypatch.context() as patch:
            patch.setattr(recorder_thread, "_RING_ROWS", 16)
            patch.setattr(recorder_thread, "_RING_BYTES", 0)
            patch.setattr(RunStore, "commit", full)
            with pytest.raises(RecordError, match="No space left"):
                train_until_it_fails()
        (summary,) = list_runs(tmp_path)
        assert summary.state == "failed"
        assert "No space left" in summary.reason
        Recorder.resume(tmp_path / "run")[0].close("interrupted")

    def test_an_error_of_the_loop_is_not_hidden_by_one_of_the_record(self, tmp_path: Path) -> None:
        def fail_twice() -> None:
            with new_recorder(tmp_path / "run"):
                shutil.rmtree(tmp_path / "run")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_twice()
