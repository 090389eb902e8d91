"""``backbeam train`` as its user sees it."""

import inspect
import json

import numpy as np
import pytest

from protocols.commands import train as command
from protocols.experiment import DataChoice
from protocols.record.run import open_run
from protocols.settings import TrainingSettings

FAST = ("train", "--epochs", "2", "--layers", "64,16,10", "--learning-rate", "3e-3")


def samples(count=80, features=6):
    generator = np.random.default_rng(5)
    return generator.random((count, features)), np.arange(count) % 2


def test_without_options_digits_are_learned_and_recorded_under_runs(backbeam, here):
    done = backbeam("train", "--epochs", "30")
    assert done.code == 0
    (run,) = (here / "runs").iterdir()
    assert run.name.startswith("digits-")
    assert f"run in runs/{run.name}" in done.err.replace("\\", "/")
    assert "test accuracy" in done.out
    assert "images/s" in done.out
    assert open_run(run).summary["test_accuracy"] > 0.9
    configuration = open_run(run).configuration
    assert configuration["settings"]["learning_rate"] == 3e-3
    assert [layer["inputs"] for layer in configuration["network"]["layers"]] == [64, 48]


def test_the_last_line_is_json_if_asked(backbeam, here):
    done = backbeam(*FAST, "--out", "run", "--json")
    run = open_run(here / "run")
    assert done.json == json.loads(json.dumps(run.summary))
    assert done.json["run"] == "run"
    assert done.json["best_epoch"] in (1, 2)
    assert 0 < done.json["test_accuracy"] < 1
    assert done.json["images_per_second"] > 0
    assert done.json["seconds"] > 0


def test_what_the_paths_say_stays_on_one_line(backbeam, here):
    name = "a-rather-long-name-for-a-folder-" * 4
    done = backbeam(*FAST, "--out", here / "[deep]" / name)
    assert str(here / "[deep]" / name) in done.err
    assert str(here / "[deep]" / name) in done.out


def test_every_option_reaches_the_record(backbeam, here):
    x, y = samples()
    np.savez(here / "mine.npz", x=x, y=y)
    np.savez(here / "start.npz", layer_1=np.full((3, 6), 0.5), layer_2=np.full((2, 3), 0.5))
    settings = {
        "epochs": 1,
        "batch_size": 7,
        "learning_rate": 0.125,
        "optimizer": "sgd",
        "momentum": 0.25,
        "loss": "cross-entropy",
        "errors": "finite-difference",
        "weights_per_layer": 2,
        "start": "double-peaked",
        "initial_std": 0.5,
        "initial_weights": "start.npz",
        "seed": 11,
        "patience": 9,
        "fields_every": 3,
        "checkpoint_seconds": 2.5,
        "check_every": 7,
        "check_takes": 3,
        "on_poor_gradient": "stop",
        "drift_every": 70,
    }
    data = {"name": str(here / "mine.npz"), "subset": 20, "split_seed": 4, "input_scale": 2.0}
    options = [part for name, value in settings.items() for part in (command._flag(name), value)]
    for flag, value in (("--data", "mine.npz"), ("--subset", 20), ("--split-seed", 4)):
        options += [flag, value]
    done = backbeam(
        *("train", "--ideal", *options, "--input-scale", 2, "--layers", "6,3,2", "--note", "all"),
        *("--activation", "gain", "--gain", 1.5, "--model", "propagated", "--derivative", "exact"),
        *("--out", "run"),
    )
    assert done.code == 0, done.err
    configuration = open_run(here / "run").configuration
    assert configuration["settings"] == settings
    assert configuration["data"] == DataChoice(**data).model_dump(mode="json")
    assert configuration["note"] == "all"
    assert configuration["network"]["layers"][0] == {
        "inputs": 6,
        "outputs": 3,
        "kind": "dense",
        "unit": {
            "kind": "gain",
            "strength": 1.5,
            "model": "propagated",
            "derivative": "exact",
        },
    }


def test_no_setting_is_out_of_reach_of_the_command():
    options = set(inspect.signature(command.train).parameters)
    assert set(TrainingSettings.model_fields) <= options


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ([], {"epochs": 100, "learning_rate": 3e-3, "start": "normal", "initial_std": 0.15}),
        (["--ideal"], {"epochs": 100, "learning_rate": 3e-3, "initial_std": 0.1}),
        (["--data", "mnist"], {"epochs": 50, "learning_rate": 5e-4}),
        (["--optical-depth", "31"], {"start": "double-peaked", "initial_std": 0.15}),
        (["--optical-depth", "30"], {"start": "normal", "initial_std": 0.1}),
        (["--optical-depth", "31", "--activation", "relu"], {"start": "normal"}),
        (["--start", "double-peaked"], {"initial_std": 0.15}),
        (["--start", "double-peaked", "--initial-std", "0.3"], {"initial_std": 0.3}),
    ],
)
def test_defaults_that_depend_on_other_options(backbeam, here, monkeypatch, options, changes):
    """The defaults are those of the paper; digits, being few, take more and larger steps."""
    begun = []

    defaults = command._settings

    def settings(*arguments, **more):
        begun.append(defaults(*arguments, **more))
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_settings", settings)
    assert backbeam("train", *options).code == 130
    assert begun[0] | changes == begun[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--layers", "64,ten"], ["layers: found '64,ten'", "such as 784,128,10"]),
        (["--layers", "64"], ["layers: found '64'", "two or more"]),
        (["--layers", ""], ["layers: found ''"]),
        (["--layers", "64,0,10"], ["layers: found '64,0,10'", "from 1 on"]),
        (["--layers", "64,-3,10"], ["layers: found '64,-3,10'"]),
        (["--layers", "784,128,10"], ["64 inputs and 10 classes", "give 64,128,10"]),
        (["--layers", "64,9"], ["give 64,10"]),
        (["--epochs", "-1"], ["epochs: found -1", "greater than or equal to 1"]),
        (["--batch-size", "0"], ["batch-size: found 0"]),
        (["--learning-rate", "-0.1"], ["learning-rate: found -0.1", "greater than 0"]),
        (["--learning-rate", "nan"], ["learning-rate: found nan", "finite"]),
        (["--momentum", "1"], ["momentum: found 1.0", "less than 1"]),
        (["--seed", "-1"], ["seed: found -1"]),
        (["--split-seed", "-1"], ["split-seed: found -1"]),
        (["--patience", "0"], ["patience: found 0"]),
        (["--initial-std", "0"], ["initial-std: found 0.0"]),
        (["--fields-every", "-1"], ["fields-every: found -1"]),
        (["--checkpoint-seconds", "0"], ["checkpoint-seconds: found 0.0"]),
        (["--optical-depth", "-1"], ["optical-depth: found -1", "from 0 on"]),
        (["--optical-depth", "inf"], ["optical-depth: found inf"]),
        (["--activation", "gain", "--gain", "nan"], ["gain: found nan"]),
        (["--activation", "gain", "--gain", "5"], ["wrong sign", "g0 <= 4"]),
        (["--input-scale", "inf"], ["input-scale: found inf", "finite"]),
        (["--image-size", "9"], ["image size 9", "choose 1 to 8"]),
        (["--subset", "5000"], ["subset of 5000", "1348"]),
        (["--weights-per-layer", "3"], ["weights-per-layer: found 3", "finite-difference only"]),
        (["--data", "mnits"], ["no data set 'mnits'", "did you mean mnist?"]),
        (["--data", "none.npz"], ["none.npz: no such file"]),
        (["--data", "mnist", "--data-dir", "none"], ["none: no such folder"]),
        (["--data-dir", "none"], ["'digits' comes with the installation"]),
        (["--initial-weights", "none.npz"], ["none.npz: no such file", "backbeam export"]),
        (["--resume", "none"], ["none does not exist"]),
        (["--resume", "."], [". is not a run"]),
        (["--resume", "none", "--epochs", "3", "--ideal"], ["--epochs, --ideal", "--resume"]),
        (["digits", "--resume", "none"], ["BENCH cannot be given with --resume"]),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_left_behind(backbeam, here, options, words):
    done = backbeam("train", *options)
    assert done.code == 2
    for word in words:
        assert word in done.complaint
    assert not list(here.rglob("*"))


def test_layers_no_memory_can_hold(backbeam, here):
    done = backbeam("train", "--layers", "64,999999999999,10")
    assert done.code == 2
    assert "not enough memory" in done.complaint


@pytest.mark.parametrize("spoil", ["nan", "negative", "unequal", "text", "torn", "picture"])
def test_a_users_file_that_is_not_sound(backbeam, here, spoil):
    x, y = samples()
    if spoil == "nan":
        x[3, 2] = np.nan
    elif spoil == "negative":
        x[3, 2] = -1
    elif spoil == "unequal":
        y = y[:-1]
    np.savez(here / "mine.npz", x=x.astype(str) if spoil == "text" else x, y=y)
    whole = (here / "mine.npz").read_bytes()
    if spoil == "torn":
        (here / "mine.npz").write_bytes(whole[: len(whole) // 2])
    options = ["--image-size", "2"] if spoil == "picture" else []
    done = backbeam("train", "--data", "mine.npz", *options)
    assert done.code == 2
    expected = {
        "nan": "1 values of x are NaN",
        "negative": "x goes down to -1",
        "unequal": "80 samples in x but 79 labels in y",
        "text": "values; store numbers",
        "torn": "not a sound npz file",
        "picture": "has no images",
    }
    assert expected[spoil] in done.complaint
    assert "mine.npz" in done.complaint


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"layer_1": np.ones((16, 64))}, "no array 'layer_2'; found layer_1"),
        ({"layer_1": np.ones((64, 16)), "layer_2": np.ones((10, 16))}, "shape [64, 16]"),
        ({"layer_1": np.full((16, 64), np.inf), "layer_2": np.ones((10, 16))}, "finite"),
    ],
)
def test_initial_weights_that_do_not_fit(backbeam, here, arrays, words):
    np.savez(here / "weights.npz", **arrays)
    done = backbeam(*FAST, "--initial-weights", "weights.npz", "--out", "run")
    assert done.code == 2
    assert words in done.complaint
    assert not (here / "run").exists()


def test_an_existing_folder_is_never_touched(backbeam, here):
    (here / "mine").mkdir()
    (here / "mine" / "thesis.txt").write_text("years of work")
    done = backbeam(*FAST, "--out", "mine")
    assert done.code == 2
    assert "mine exists already: choose another --out" in done.complaint
    assert (here / "mine" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("out", ["file/run", "file"])
def test_a_place_that_cannot_be_written(backbeam, here, out):
    (here / "file").write_text("")
    done = backbeam(*FAST, "--out", out)
    assert done.code == 2
    assert out in done.complaint.replace("\\", "/")


def test_runs_that_cannot_be_written_name_the_way_out(backbeam, here):
    (here / "runs").write_text("")
    assert "choose another folder with --out" in backbeam(*FAST).complaint


def test_runs_started_together_get_folders_of_their_own(here):
    with command._new_folder("digits") as first, command._new_folder("digits") as second:
        assert first != second
        first.mkdir()
    assert [path.name for path in (here / "runs").iterdir()] == [first.name]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--gain", "2"], "--gain has no effect here; it goes with --activation gain"),
        (["--momentum", "0.5"], "--momentum has no effect here; it goes with --optimizer sgd"),
        (["--activation", "relu", "--optical-depth", "3"], "--optical-depth has no effect"),
        (["--activation", "tanh", "--derivative", "probe"], "--derivative has no effect"),
    ],
)
def test_an_option_given_in_vain_is_pointed_out(backbeam, here, options, words):
    done = backbeam(*FAST, *options, "--out", "run")
    assert done.code == 0
    assert f"note: {words}" in done.err


def test_options_in_use_are_not_remarked_upon(backbeam, here):
    done = backbeam(*FAST, "--optical-depth", "5", "--derivative", "exact", "--out", "run")
    assert "note:" not in done.err


def test_a_run_that_ends_before_its_first_step_says_why_in_its_record(backbeam, here):
    options = ("--epochs", "1", "--layers", "64,4,10", "--out", "run")
    done = backbeam("train", *options, "--monitor-host", "203.0.113.7")
    assert done.code == 2
    run = open_run(here / "run")
    assert run.state == "failed"
    assert "203.0.113.7" in run.reason


def test_a_diverging_run_ends_with_advice_and_says_so_in_its_record(backbeam, here):
    done = backbeam(
        *("train", "--activation", "linear", "--optimizer", "sgd", "--learning-rate", "1e9"),
        *("--out", "run"),
    )
    assert done.code == 1
    assert "smaller learning rate" in done.err.splitlines()[-1]
    assert "Traceback" not in done.err
    assert open_run(here / "run").state == "failed"


def test_a_finished_run_is_not_resumed(backbeam, finished):
    done = backbeam("train", "--resume", finished)
    assert done.code == 2
    assert "is completed, there is nothing to resume" in done.complaint
    assert "--initial-weights" in done.complaint


def test_a_damaged_run_is_not_resumed(backbeam, run_copy):
    (run_copy / "latest" / "zarr.json").write_text("{")
    done = backbeam("train", "--resume", run_copy)
    assert done.code == 2
    assert "is damaged" in done.complaint


@pytest.mark.parametrize(
    ("found", "changed", "complaint"),
    [
        ('"learning_rate": 0.003', '"learning_rate": "fast"', "learning-rate: found 'fast'"),
        ('"layers": [', '"layrs": [', "the layers in its record are damaged"),
    ],
)
def test_a_record_changed_by_hand_is_not_resumed(backbeam, run_copy, found, changed, complaint):
    document = run_copy / "zarr.json"
    text = json.dumps(json.loads(document.read_text(encoding="utf-8")))
    assert found in text
    document.write_text(text.replace(found, changed), encoding="utf-8")
    latest = run_copy / "latest" / "zarr.json"
    latest.write_text(latest.read_text(encoding="utf-8").replace("completed", "interrupted"))
    done = backbeam("train", "--resume", run_copy)
    assert done.code == 2
    assert done.complaint.startswith(f"{run_copy}: ")
    assert complaint in done.complaint


def interrupt_at_step(monkeypatch, step):
    """End the next training as Ctrl-C does, after so many steps."""
    from protocols.training import Training

    run_step = Training._run_step

    def counted(self):
        if self.step == step:
            self._interrupt(2)
        return run_step(self)

    monkeypatch.setattr(Training, "_run_step", counted)


def test_an_interrupted_run_goes_on_from_anywhere_even_if_its_data_was_moved(
    backbeam, here, monkeypatch
):
    x, y = samples()
    np.savez(here / "mine.npz", x=x, y=y)
    options = ("train", "--data", "mine.npz", "--epochs", "4", "--batch-size", "16")
    assert backbeam(*options, "--out", "whole").code == 0
    with monkeypatch.context() as patch:
        interrupt_at_step(patch, 7)
        assert backbeam(*options, "--out", "broken").code == 130
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    (here / "mine.npz").rename(here / "elsewhere" / "mine.npz")
    lost = backbeam("train", "--resume", here / "broken")
    assert lost.code == 2
    assert "no such file" in lost.complaint
    assert "--data-dir" in lost.complaint
    found = backbeam("train", "--resume", here / "broken", "--data-dir", ".", "--json")
    assert found.code == 0
    assert found.json["test_accuracy"] == open_run(here / "whole").summary["test_accuracy"]
    whole, broken = open_run(here / "whole").steps, open_run(here / "broken").steps
    np.testing.assert_array_equal(whole["loss"], broken["loss"])


def test_other_data_under_the_same_name_is_noticed(backbeam, here, monkeypatch):
    x, y = samples()
    np.savez(here / "mine.npz", x=x, y=y)
    with monkeypatch.context() as patch:
        interrupt_at_step(patch, 1)
        assert backbeam("train", "--data", "mine.npz", "--out", "run").code == 130
    np.savez(here / "mine.npz", x=1 - x, y=y)
    done = backbeam("train", "--resume", "run")
    assert done.code == 2
    assert "not what this run was trained on (different: content hash)" in done.complaint
