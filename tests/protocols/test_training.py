"""The training protocol, seen from outside the network seam."""

import os
import signal

import numpy as np
import pytest

from instruments.errors import SettingsError, TrainingError
from instruments.network import NonlinearUnit
from protocols.datasets import load_dataset
from protocols.evaluation import evaluate
from protocols.interruption import Interrupted
from protocols.losses import mean_squared_error
from protocols.progress import Silent
from protocols.record.run import open_run
from protocols.settings import TrainingSettings, check
from protocols.training import Training, train
from protocols.training_record import start_record
from sim_backends.ideal_network import IdealNetwork


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def new_network(derivative="probe"):
    unit = NonlinearUnit("absorber", 10.0, derivative=derivative)
    return IdealNetwork.dense([64, 32, 10], unit)


def settings(**changes):
    return TrainingSettings(**({"epochs": 3, "learning_rate": 3e-3} | changes))


def test_it_learns_handwritten_digits(digits):
    result = train(new_network(), digits, settings(epochs=60), show_progress=False)
    assert result.test_accuracy > 0.96
    assert result.images_per_second > 0


def test_a_derivative_replaced_by_one_learns_worse_than_the_probe(digits):
    """A mistake in the backward path must be visible in the result."""
    scores = {}
    for derivative in ("probe", "one"):
        unit = NonlinearUnit("absorber", 10.0, derivative=derivative)
        scores[derivative] = np.mean(
            [
                train(
                    IdealNetwork.dense([64, 32, 32, 10], unit),
                    digits,
                    settings(epochs=40, seed=seed),
                    show_progress=False,
                ).test_accuracy
                for seed in range(3)
            ]
        )
    assert scores["one"] < scores["probe"] - 0.01


@pytest.mark.parametrize("errors", ["network", "digital"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
def test_every_combination_lowers_the_loss(digits, errors, optimizer, loss):
    rate = 3e-3 if optimizer == "adam" else 0.1
    chosen = settings(errors=errors, optimizer=optimizer, loss=loss, learning_rate=rate, epochs=5)
    network = IdealNetwork.dense([64, 32, 10], NonlinearUnit("absorber", 1.0))
    start = Training(network, digits, chosen)
    before = evaluate(network, digits.test_inputs, digits.test_labels, start._loss).loss
    assert start.run().test_loss < 0.9 * before


def test_finite_differences_train_a_small_network(digits):
    network = IdealNetwork.dense([64, 10], NonlinearUnit("linear"))
    chosen = settings(errors="finite-difference", weights_per_layer=20, epochs=2, batch_size=256)
    before = Training(network, digits, chosen)
    loss = evaluate(network, digits.test_inputs, digits.test_labels, mean_squared_error).loss
    assert before.run().test_loss < loss


def test_the_same_seed_gives_the_same_run_and_another_does_not(digits, tmp_path):
    weights = []
    for number, seed in enumerate((1, 1, 2)):
        result = train(
            new_network(),
            digits,
            settings(seed=seed),
            out=tmp_path / str(number),
            show_progress=False,
        )
        weights.append(result.weights[0])
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
    tables = [open_run(tmp_path / str(number)).steps for number in range(3)]
    np.testing.assert_array_equal(tables[0]["loss"], tables[1]["loss"])
    assert not np.array_equal(tables[0]["loss"], tables[2]["loss"])


def test_the_reported_accuracy_is_that_of_the_best_weights_on_the_test_half(digits):
    network = new_network()
    result = train(network, digits, settings(epochs=30), show_progress=False)
    network.write(result.weights)
    score = evaluate(network, digits.test_inputs, digits.test_labels, mean_squared_error)
    validation = evaluate(
        network, digits.validation_inputs, digits.validation_labels, mean_squared_error
    )
    assert score.accuracy == result.test_accuracy
    assert validation.accuracy == result.best_validation_accuracy


def test_patience_stops_early_and_says_so(digits):
    result = train(
        new_network(),
        digits,
        settings(epochs=500, patience=4, learning_rate=1e-2),
        show_progress=False,
    )
    assert result.epochs == result.best_epoch + 4
    assert "did not rise for 4 epochs" in result.ended


def test_every_step_epoch_and_sampled_field_is_recorded(digits, tmp_path):
    train(
        new_network(), digits, settings(fields_every=10), out=tmp_path / "run", show_progress=False
    )
    run = open_run(tmp_path / "run")
    steps = 3 * int(np.ceil(len(digits.train_labels) / 64))
    np.testing.assert_array_equal(run.steps["step"], np.arange(steps))
    np.testing.assert_array_equal(run.epochs["epoch"], [1, 2, 3])
    assert run.state == "completed"
    activation, errors = run.fields("activation_1"), run.fields("error_1")
    assert activation.values.shape[1:] == (16, 32) == errors.values.shape[1:]
    np.testing.assert_array_equal(activation.steps, np.arange(0, steps, 10))
    described = run.configuration["network"]["layers"][0]
    assert (described["inputs"], described["outputs"]) == (64, 32)


class SignalAt(Silent):
    """Sends this process a signal after a number of steps."""

    def __init__(self, number, step, times=1):
        self.number, self.at, self.times = number, step, times

    def step(self, training, loss):
        if training.step >= self.at and self.times:
            self.times -= 1
            os.kill(os.getpid(), self.number)


class Watched(IdealNetwork):
    made_safe = 0

    def make_safe(self):
        self.made_safe += 1


def watched():
    return Watched(new_network().layers)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_safely_with_a_checkpoint(digits, tmp_path, number, code):
    network = watched()
    training = Training(network, digits, settings())
    recorder = start_record(training, tmp_path / "run")
    with pytest.raises(Interrupted) as caught:
        training.run(recorder, SignalAt(number, 30))
    assert caught.value.exit_code == code
    assert network.made_safe == 1
    run = open_run(tmp_path / "run")
    assert run.state == "interrupted"
    assert run.checkpoint().step == len(run.steps) == 30


def test_a_failure_leaves_the_network_safe_and_the_reason_in_the_record(digits, tmp_path):
    class Failing(Watched):
        passes = 0

        def forward(self, inputs):
            self.passes += 1
            if self.passes == 20:
                raise RuntimeError("the laser is gone")
            return super().forward(inputs)

    network = Failing(new_network().layers)
    training = Training(network, digits, settings())
    with pytest.raises(RuntimeError, match="laser"):
        training.run(start_record(training, tmp_path / "run"))
    assert network.made_safe == 1
    run = open_run(tmp_path / "run")
    assert run.state == "failed"
    assert "the laser is gone" in run.reason


def test_a_diverging_run_stops_with_advice(digits):
    chosen = settings(optimizer="sgd", learning_rate=1e4, epochs=10)
    with pytest.raises(TrainingError, match="smaller learning rate"):
        train(
            IdealNetwork.dense([64, 10], NonlinearUnit("linear")),
            digits,
            chosen,
            show_progress=False,
        )


def test_a_network_that_does_not_fit_the_data_is_refused(digits):
    network = IdealNetwork.dense([63, 10], NonlinearUnit("linear"))
    with pytest.raises(SettingsError, match="64 inputs and 10 classes"):
        Training(network, digits, settings())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"epochs": 0}, "epochs: found 0"),
        ({"batch_size": -1}, "batch-size"),
        ({"learning_rate": float("nan")}, "learning-rate"),
        ({"momentum": 1.0}, "momentum"),
        ({"loss": "hinge"}, "loss"),
        ({"seed": -1}, "seed"),
        ({"weights_per_layer": 3}, "finite-difference only"),
        ({"epoch": 3}, "epoch"),
    ],
)
def test_settings_that_are_not_allowed_are_named(change, complaint):
    with pytest.raises(SettingsError, match=complaint):
        check(TrainingSettings, change)
