"""``backbeam export``: weights and curves as plain files."""

import csv

import numpy as np
import pytest

from protocols.record.run import open_run


def test_weights_go_back_in_and_score_the_same(backbeam, finished, here):
    """A step too small to change a weight, and the score is that of the weights loaded."""
    assert backbeam("export", finished, "--out", "plain").code == 0
    done = backbeam(
        *("train", "--layers", "64,16,10", "--initial-weights", "plain/weights.npz"),
        *("--epochs", "1", "--optimizer", "sgd", "--learning-rate", "1e-30"),
        *("--out", "again", "--json"),
    )
    assert done.code == 0, done.err
    summary = open_run(finished).summary
    assert done.json["test_accuracy"] == summary["test_accuracy"]
    assert done.json["best_validation_accuracy"] == summary["best_validation_accuracy"]


def test_weights_are_one_matrix_a_layer(backbeam, finished, here):
    backbeam("export", finished, "--out", "plain")
    with np.load(here / "plain" / "weights.npz", allow_pickle=False) as weights:
        assert {name: weights[name].shape for name in weights.files} == {
            "layer_1": (16, 64),
            "layer_2": (10, 16),
        }


def test_curves_are_tables_with_units_and_whole_counts(backbeam, finished, here):
    backbeam("export", finished, "--out", "plain")
    with (here / "plain" / "epochs.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header[:2] == ["epoch", "step"]
    assert "seconds [s]" in header
    assert [row[0] for row in rows] == ["1", "2"]
    accuracy = [float(row[header.index("validation_accuracy")]) for row in rows]
    np.testing.assert_array_equal(accuracy, open_run(finished).epochs["validation_accuracy"])
    steps = (here / "plain" / "steps.csv").read_text(encoding="utf-8").splitlines()
    assert len(steps) == 1 + len(open_run(finished).steps)


def test_the_folder_stands_beside_the_run_unless_named(backbeam, run_copy, monkeypatch):
    assert backbeam("export", run_copy).code == 0
    beside = run_copy.with_name(f"{run_copy.name}-export")
    assert sorted(path.name for path in beside.iterdir()) == [
        "epochs.csv",
        "steps.csv",
        "weights.npz",
    ]
    monkeypatch.chdir(run_copy)
    again = backbeam("export", ".")
    assert again.code == 2
    assert beside.name in again.complaint


@pytest.mark.parametrize("out", ["file", "folder", "file/below"])
def test_nothing_is_written_over(backbeam, finished, here, out):
    (here / "file").write_text("kept")
    (here / "folder").mkdir()
    done = backbeam("export", finished, "--out", out)
    assert done.code == 2
    assert "choose another with --out" in done.complaint
    assert (here / "file").read_text() == "kept"
    assert not list((here / "folder").iterdir())


def test_a_damaged_run_leaves_no_empty_folder(backbeam, run_copy, here):
    for chunk in run_copy.glob("checkpoints/*/best_weights/layer_1/c*"):
        chunk.write_bytes(b"\0" * chunk.stat().st_size)
    done = backbeam("export", run_copy, "--out", here / "plain")
    assert done.code == 2
    assert "is damaged" in done.complaint
    assert not (here / "plain").exists()


def test_what_is_no_run(backbeam, here):
    assert "does not exist" in backbeam("export", "none").complaint
    assert "is not a run" in backbeam("export", ".").complaint


def test_a_disk_that_fills_up_is_said_where_and_leaves_no_half_export(
    backbeam, finished, here, monkeypatch
):
    def fill_up(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fill_up)
    done = backbeam("export", finished, "--out", "plain")
    assert done.code == 2
    assert done.complaint.startswith("plain cannot be written (No space left on device)")
    assert not (here / "plain").exists()
