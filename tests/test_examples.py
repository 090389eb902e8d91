"""Every example runs as it stands, from any folder, and shows what it promises."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

SHOWN = {
    "train_in_ten_lines.py": ["Dataset(digits", "TrainingResult(test_accuracy=0.9", "activations"],
    "compare_error_paths.py": ["test accuracy", "network", "digital", "finite-difference"],
    "make_three_clouds.py": ["three_clouds.npz: 6000 samples, 4 features, 3 classes"],
    "read_a_record.py": [
        "<Run ",
        "epoch   8",
        "plain zarr: 8 epochs",
        "xarray: {'sample'",
        "mean loss",
    ],
}


@pytest.fixture
def run_example(tmp_path, monkeypatch, capsys):
    """Run an example in an empty folder, and return what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("name", SHOWN)
def test_an_example_shows_what_it_promises(run_example, name):
    shown = run_example(name)
    for words in SHOWN[name]:
        assert words in shown


def test_every_example_is_run_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SHOWN)


def test_without_matplotlib_the_field_is_drawn_in_letters(run_example, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "####" in run_example("train_in_ten_lines.py")
    assert not list(tmp_path.glob("*.png"))


def test_error_paths_agree_where_there_is_no_noise(run_example):
    rows = [line.split() for line in run_example("compare_error_paths.py").splitlines()[1:]]
    scores = {name: float(score.rstrip("%")) for name, score, *_ in rows}
    assert scores["network"] > 60
    assert scores["digital"] == pytest.approx(scores["network"], abs=2)
    assert scores["finite-difference"] == pytest.approx(scores["network"], abs=5)


def test_a_run_is_read_from_the_folder_given(run_example, tmp_path):
    run_example("read_a_record.py")
    (folder,) = tmp_path.glob("*/short")
    assert f"<Run {folder}: completed" in run_example("read_a_record.py", folder)
