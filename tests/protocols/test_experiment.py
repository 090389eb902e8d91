"""A run is started, resumed and evaluated from Python as from the command."""

from contextlib import closing

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_bench
from instruments.bench_opening import open_bench
from instruments.errors import RecordError, SettingsError
from instruments.network import NonlinearUnit
from protocols.datasets import load_dataset
from protocols.experiment import (
    DataChoice,
    best_weights,
    load_recorded_data,
    rebuild_network,
    recorded_settings,
    resume,
)
from protocols.interruption import Interrupted, StopRequest
from protocols.record.run import open_run
from protocols.settings import TrainingSettings, check
from protocols.training import Training, train
from protocols.training_record import start_record
from sim_backends.ideal_network import IdealNetwork

SETTINGS = TrainingSettings(epochs=3, learning_rate=3e-3, seed=5)


def new_network():
    unit = NonlinearUnit("absorber", 3.0, model="propagated", derivative="probe")
    return IdealNetwork.dense([64, 12, 10], unit)


class StopAfter(StopRequest):
    """Asks for a stop between two steps, without a signal."""

    def __init__(self, looks):
        self.looks = looks
        super().__init__()

    @property
    def signal_number(self):
        self.looks -= 1
        return 2 if self.looks < 0 else None

    @signal_number.setter
    def signal_number(self, number):
        pass


def interrupt(dataset, folder):
    training = Training(new_network(), dataset, SETTINGS)
    with pytest.raises(Interrupted):
        training.run(start_record(training, folder), stop=StopAfter(10))


def test_a_run_made_in_python_resumes_and_ends_as_if_uninterrupted(tmp_path):
    digits = load_dataset("digits", subset=500, split_seed=2)
    whole = train(new_network(), digits, SETTINGS, show_progress=False)
    interrupt(digits, tmp_path / "run")
    training, recorder = resume(tmp_path / "run")
    broken = training.run(recorder)
    for one, other in zip(whole.weights, broken.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_simulated_bench_resumes_bit_for_bit(tmp_path):
    """The twin's noise, drift and clock go on where they were, and so do amplifier gains."""
    digits, few = load_dataset("digits"), SETTINGS.model_copy(update={"epochs": 2})
    with open_bench(built_in_bench("digits")) as bench:
        whole = train(bench, digits, few, out=tmp_path / "whole", show_progress=False)
    with open_bench(built_in_bench("digits")) as bench:
        training = Training(bench, digits, few)
        with pytest.raises(Interrupted):
            training.run(start_record(training, tmp_path / "broken"), stop=StopAfter(30))
    training, recorder = resume(tmp_path / "broken", dataset=digits)
    assert 0 < training.step < whole.steps
    with closing(training.network):
        broken = training.run(recorder)
    for one, other in zip(whole.weights, broken.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert broken.test_accuracy == whole.test_accuracy
    one, other = open_run(tmp_path / "whole").steps, open_run(tmp_path / "broken").steps
    for name in one:
        if name != "seconds":
            np.testing.assert_array_equal(one[name], other[name])


def test_a_bench_with_other_tables_does_not_go_on(tmp_path, monkeypatch):
    digits = load_dataset("digits")
    with open_bench(built_in_bench("digits")) as bench:
        train(bench, digits, SETTINGS, out=tmp_path / "run", show_progress=False)
    run = open_run(tmp_path / "run")
    run.configuration["network"]["tables"]["taps_a"] = "0123456789abcdef"
    with pytest.raises(RecordError, match="calibration tables of taps_a are not those"):
        rebuild_network(run)


def test_data_that_no_file_holds_is_handed_over_again(tmp_path):
    digits = load_dataset("digits", input_scale=1.5)
    interrupt(digits, tmp_path / "run")
    with pytest.raises(RecordError, match="started from Python"):
        resume(tmp_path / "run")
    with pytest.raises(RecordError, match="not what this run was trained on"):
        resume(tmp_path / "run", dataset=load_dataset("digits"))
    training, recorder = resume(tmp_path / "run", dataset=digits)
    assert training.run(recorder).epochs == 3


def test_a_record_gives_back_network_settings_data_and_best_weights(tmp_path):
    digits = load_dataset("digits")
    result = train(new_network(), digits, SETTINGS, out=tmp_path / "run", show_progress=False)
    run = open_run(tmp_path / "run")
    assert rebuild_network(run).layers == new_network().layers
    assert recorded_settings(run) == SETTINGS
    assert load_recorded_data(run).describe() == digits.describe()
    for held, given in zip(best_weights(run), result.weights, strict=True):
        np.testing.assert_array_equal(held, given)


def test_a_finished_run_is_not_resumed(tmp_path):
    train(new_network(), load_dataset("digits"), SETTINGS, out=tmp_path / "r", show_progress=False)
    with pytest.raises(RecordError, match="there is nothing to resume"):
        resume(tmp_path / "r")


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        ({"data_folder": "x"}, "'digits' comes with the installation"),
        ({"name": "a.npz", "data_folder": "x"}, "'a.npz' is read from that path"),
        ({"input_scale": float("inf")}, "input-scale: found inf"),
        ({"image_size": 0}, "image-size: found 0"),
    ],
)
def test_a_choice_of_data_that_cannot_be(choice, complaint):
    with pytest.raises(SettingsError, match=complaint):
        check(DataChoice, choice)


def test_where_data_lies_is_recorded_for_any_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = DataChoice(name="mine.npz").with_absolute_paths()
    assert file.name == str(tmp_path / "mine.npz")
    public = DataChoice(name="mnist", data_folder="idx").with_absolute_paths()
    assert public.data_folder == tmp_path / "idx"
    assert public.name == "mnist"
