"""``backbeam runs``: a line for each run."""

import json
import shutil

import pytest

from protocols.record.run import open_run


def line_of(done, name):
    (line,) = [line for line in done.out.splitlines() if line.split()[:1] == [name]]
    return line


def change_latest(run, **changes):
    document = run / "latest" / "zarr.json"
    stored = json.loads(document.read_text())
    stored["attributes"].update(changes)
    document.write_text(json.dumps(stored))


def test_accuracy_state_reason_and_note(backbeam, finished):
    done = backbeam("runs", finished.parent)
    assert done.code == 0
    line = line_of(done, "short")
    summary = open_run(finished).summary
    for words in (
        "completed",
        f"{summary['test_accuracy']:.2%}",
        f"{summary['best_validation_accuracy']:.2%}",
        open_run(finished).reason,
        "the short one",
    ):
        assert words in line


def test_a_note_is_shown_as_it_was_written(backbeam, here):
    note = "[bold]loud[/bold] and [/] broken, " + "long " * 60 + "end"
    options = ("--epochs", "1", "--layers", "64,4,10")
    backbeam("train", *options, "--out", here / "all" / "noted", "--note", f"{note}\n")
    assert note in line_of(backbeam("runs", here / "all"), "noted")


def test_runs_that_were_killed_or_failed_say_so(backbeam, run_copy):
    killed = shutil.copytree(run_copy, run_copy.with_name("killed"))
    change_latest(killed, state="running", reason="", summary={})
    change_latest(run_copy, state="failed", reason="RuntimeError: the laser is gone", summary={})
    done = backbeam("runs", run_copy.parent)
    assert "killed" in line_of(done, "killed").split()[1]
    assert "failed" in line_of(done, "copy")
    assert "the laser is gone" in line_of(done, "copy")


def test_a_damaged_run_does_not_hide_the_others(backbeam, run_copy):
    damaged = shutil.copytree(run_copy, run_copy.with_name("damaged-one"))
    (damaged / "latest" / "zarr.json").write_text("{")
    done = backbeam("runs", run_copy.parent)
    assert done.code == 0
    assert "damaged" in line_of(done, "damaged-one")
    assert "completed" in line_of(done, "copy")


def test_other_folders_are_not_runs(backbeam, here):
    (here / "notes").mkdir()
    done = backbeam("runs", ".")
    assert done.code == 0
    assert "no runs in ." in done.out
    assert "backbeam train" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "runs: no such folder"),
        (("none",), "none: no such folder"),
        (("file",), "file is a file, not a folder"),
    ],
)
def test_a_folder_that_is_not_there(backbeam, here, arguments, said):
    (here / "file").write_text("")
    done = backbeam("runs", *arguments)
    assert done.code == 2
    assert said in done.complaint
    assert "backbeam train" in done.complaint


def test_a_run_in_place_of_a_folder_of_runs(backbeam, finished):
    done = backbeam("runs", finished)
    assert done.code == 2
    assert f"give the folder that holds it: {finished.parent}" in done.complaint
