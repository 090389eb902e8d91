"""``backbeam evaluate``: a run's best weights, scored again."""

import json

import numpy as np
import pytest

from instruments.network import NonlinearUnit
from protocols.datasets import load_dataset
from protocols.record.run import open_run
from protocols.settings import TrainingSettings
from protocols.training import train
from sim_backends.ideal_network import IdealNetwork


def test_it_finds_what_training_found(backbeam, finished):
    done = backbeam("evaluate", finished, "--json")
    assert done.code == 0
    summary = open_run(finished).summary
    assert done.json["test_accuracy"] == summary["test_accuracy"]
    assert done.json["validation_accuracy"] == summary["best_validation_accuracy"]
    assert f"{summary['test_accuracy']:.2%}" in done.out


def test_the_classes_together_give_the_accuracy(backbeam, finished):
    found = backbeam("evaluate", finished, "--json").json
    counts = np.bincount(load_dataset("digits").test_labels)
    average = np.average(found["class_accuracies"], weights=counts)
    assert average == pytest.approx(found["test_accuracy"])


@pytest.mark.parametrize("what", ["missing", "file", "folder"])
def test_what_is_no_run(backbeam, here, what):
    (here / "file").write_text("")
    (here / "folder").mkdir()
    done = backbeam("evaluate", what)
    assert done.code == 2
    assert ("does not exist" if what == "missing" else "is not a run") in done.complaint


def test_data_that_was_moved(backbeam, here):
    generator = np.random.default_rng(1)
    np.savez(here / "mine.npz", x=generator.random((40, 5)), y=np.arange(40) % 2)
    assert backbeam("train", "--data", "mine.npz", "--epochs", "1", "--out", "run").code == 0
    (here / "moved").mkdir()
    (here / "mine.npz").rename(here / "moved" / "mine.npz")
    complaint = backbeam("evaluate", "run").complaint
    assert "no such file" in complaint
    assert "say where with --data-dir" in complaint
    assert backbeam("evaluate", "run", "--data-dir", "moved").code == 0
    assert "no such file" in backbeam("evaluate", "run", "--data-dir", "wrong").complaint


def train_in_python(dataset, out):
    network = IdealNetwork.dense([dataset.features, 10], NonlinearUnit("linear"))
    return train(network, dataset, TrainingSettings(epochs=1), out=out, show_progress=False)


def test_a_run_started_from_python(backbeam, here):
    """It was given data, not the name of data; the description is enough to find it again."""
    dataset = load_dataset("digits", image_size=4, subset=300, split_seed=7)
    result = train_in_python(dataset, here / "run")
    done = backbeam("evaluate", "run", "--json")
    assert done.code == 0, done.err
    assert done.json["test_accuracy"] == result.test_accuracy


def test_a_run_started_from_python_on_data_no_file_holds(backbeam, here):
    train_in_python(load_dataset("digits", input_scale=2.0), here / "run")
    complaint = backbeam("evaluate", "run").complaint
    assert "started from Python" in complaint
    assert "protocols.experiment.resume(path, dataset=..)" in complaint


@pytest.mark.parametrize("part", ["network", "settings", "dataset"])
def test_a_record_of_something_else_than_training(backbeam, run_copy, part):
    document = run_copy / "zarr.json"
    stored = json.loads(document.read_text())
    stored["attributes"]["configuration"].pop(part)
    document.write_text(json.dumps(stored))
    done = backbeam("evaluate", run_copy)
    assert done.code == 2
    assert f"is not a training run (its record has no '{part}')" in done.complaint


def test_a_network_of_a_later_version(backbeam, run_copy):
    document = run_copy / "zarr.json"
    document.write_text(document.read_text().replace('"ideal"', '"hologram"'))
    done = backbeam("evaluate", run_copy)
    assert done.code == 2
    assert "'hologram'" in done.complaint
