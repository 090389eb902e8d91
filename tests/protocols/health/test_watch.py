"""A bench is looked after while it trains: columns, verdicts, drift, tables."""

import logging

import numpy as np
import pytest
from benches_to_check import DIGITS, INPUTS, LABELS, LOSS, digits_text, opened

from instruments.errors import GradientError
from protocols.experiment import resume
from protocols.health.table_sets import table_sets
from protocols.health.watch import HealthWatch
from protocols.record.run import open_run
from protocols.run_control import GivenUp
from protocols.settings import TrainingSettings
from protocols.training import Training
from protocols.training_record import start_record, step_columns
from sim_backends.ideal_network import IdealNetwork

SETTINGS = TrainingSettings(
    epochs=4,
    learning_rate=3e-3,
    initial_std=0.15,
    fields_every=0,
    seed=1,
    check_every=20,
    checkpoint_seconds=1e9,
)


class Between:
    """Progress that does something to the twin after a step."""

    def __init__(self, step, act, after=lambda: None):
        self.at, self.act, self.losses, self.after = step, act, [], after

    def step(self, training, loss):
        self.losses.append(loss)
        self.after()
        if training.step == self.at:
            self.act()

    def epoch(self, training, row):
        pass


def trained(path, settings=SETTINGS, text=None, between=None):
    with opened(text or digits_text()) as (bench, twin):
        training = Training(bench, DIGITS, settings)
        progress = between(bench, twin, training) if between else None
        result = training.run(start_record(training, path), progress)
    return open_run(path), result, progress


def test_looks_are_recorded_when_they_are_taken_and_nothing_in_between(tmp_path):
    run, _, _ = trained(tmp_path / "run")
    steps = run.steps
    looked = np.isfinite(steps["gradient_cosine_1"])
    assert np.flatnonzero(looked).tolist() == list(range(0, len(steps["step"]), 20))
    for name in ("gradient_cosine_2", "gradient_gain_1", "gradient_noise_1", "slit_efficiency_2"):
        np.testing.assert_array_equal(np.isfinite(steps[name]), looked)
    assert np.all(steps["gradient_cosine_1"][looked] > 0.7)
    assert set(steps["tables"]) == {0}


@pytest.mark.parametrize(("errors", "own"), [("network", 0), ("digital", 1)])
def test_a_step_goes_on_with_the_last_take_where_its_errors_go_the_same_way(errors, own):
    settings = SETTINGS.model_copy(update={"errors": errors, "check_takes": 3, "epochs": 1})
    label_of = {
        sample.tobytes(): label
        for sample, label in zip(DIGITS.train_inputs, DIGITS.train_labels, strict=True)
    }
    losses = [[]]
    with opened(digits_text()) as (bench, _):
        training = Training(bench, DIGITS, settings)
        forward = bench.forward

        def noted(inputs):
            passed = forward(inputs)
            labels = np.array([label_of.get(sample.tobytes(), 0) for sample in inputs])
            losses[-1].append(LOSS(passed.output, labels).loss)
            return passed

        bench.forward = noted
        between = Between(None, None, lambda: losses.append([]))
        training.run(progress=between)
    assert [len(seen) for seen in losses[:21]] == [3 + own, *[1] * 19, 3 + own]
    assert [seen[-1] for seen in losses[:21]] == between.losses[:21]


def test_a_run_that_is_never_looked_at_has_no_such_columns(tmp_path):
    run, _, _ = trained(tmp_path / "run", SETTINGS.model_copy(update={"check_every": 0}))
    assert not [name for name in run.steps.columns if name.startswith("gradient_")]


def test_an_ideal_network_is_not_looked_at():
    with opened(digits_text()) as (bench, _):
        layers = bench.layers
    training = Training(IdealNetwork(layers), DIGITS, SETTINGS)
    assert not [name for name in step_columns(training) if "gradient" in name]


def spoil_signs(bench, twin, training):
    """Turn over half the taps of errors: the gradient of the first layer points anywhere."""

    def act():
        truth = twin.detectors["taps_delta"]
        truth.response[:2, ::2] *= -1

    return Between(30, act)


def test_a_wrong_gradient_stops_the_run_in_the_safe_state_and_says_why(tmp_path):
    settings = SETTINGS.model_copy(update={"on_poor_gradient": "stop"})
    with opened(digits_text()) as (bench, twin):
        training = Training(bench, DIGITS, settings)
        progress = spoil_signs(bench, twin, training)
        with pytest.raises(GradientError) as stopped:
            training.run(start_record(training, tmp_path / "run"), progress)
        assert not twin.laser_on
    text = str(stopped.value)
    assert "layer 1: cosine" in text
    assert "(stop)" in text
    assert "taps_delta" in text
    run = open_run(tmp_path / "run")
    assert run.state == "failed"
    assert run.checkpoint().step == 40


def test_by_default_it_is_warned_about_and_goes_on(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "protocols.health.watch"):
        run, _, _ = trained(tmp_path / "run", between=spoil_signs)
    assert run.state == "completed"
    assert "layer 1: cosine" in caplog.text
    events = [one for one in run.events() if one.kind == "health"]
    worst = [one for one in events if one.details.get("state") == "fault"]
    assert {one.details["instrument"] for one in worst} == {"taps_delta"}
    assert min(one.step for one in worst) == 40


def test_what_comes_and_goes_is_told_aloud_once(tmp_path, caplog):
    def again_and_again(bench, twin, training):
        def after():
            if training.step in (10, 30, 50):
                twin.detectors["taps_delta"].response[:2, ::2] *= -1

        return Between(0, None, after)

    with caplog.at_level(logging.WARNING, "protocols.health.watch"):
        run, _, _ = trained(tmp_path / "run", between=again_and_again)
    faults = [one.step for one in run.events() if one.details.get("state") == "fault"]
    assert min(faults) == 20
    assert 40 not in faults
    assert max(faults) == 80
    told = [one for one in caplog.messages if "layer 1: cosine" in one]
    assert len(told) == 1


def noisy(bench, twin, training):
    """Detectors become a hundred times as noisy as the errors they read."""

    def act():
        twin.detectors["taps_delta"].noise_variance *= np.float32(3000)

    return Between(30, act)


def test_noise_alone_does_not_stop_a_run(tmp_path):
    settings = SETTINGS.model_copy(update={"on_poor_gradient": "stop", "check_takes": 8})
    run, _, _ = trained(tmp_path / "run", settings, between=noisy)
    assert run.state == "completed"
    cosine = run.steps["gradient_cosine_1"]
    later = cosine[np.isfinite(cosine) & (run.steps["step"] >= 40)]
    assert later.min() < 0.5


def turn_inputs(bench, twin, training):
    """Let the biases of all inputs wander by 0.2 rad at once."""

    def act():
        twin.modulators["inputs"].drift_radians[:] = 0.2

    return Between(50, act)


def test_what_drifts_in_the_middle_of_a_run_is_measured_again_and_moments_are_kept(tmp_path):
    settings = SETTINGS.model_copy(update={"drift_every": 30, "epochs": 6})
    moments = {}

    def between(bench, twin, training):
        wandering = turn_inputs(bench, twin, training)
        step = wandering.step

        def watched(seen, loss):
            moments[seen.step] = {
                name: np.array(value) for name, value in training.state.optimizer.arrays().items()
            }
            step(seen, loss)

        wandering.step = watched
        return wandering

    run, _, progress = trained(tmp_path / "run", settings, between=between)
    tables = run.steps["tables"]
    assert tables[59] == 0
    assert tables[60] == 1
    sets = table_sets(run)
    assert len(sets) == len(set(tables))
    assert [name for name in sets[0] if sets[0][name] != sets[1][name]] == ["inputs"]
    told = [one for one in run.events() if one.kind == "recalibrated"]
    assert "null of inputs" in told[0].text
    assert told[0].step == 60
    # The moments go on from where they were: they decay by no more than one step does.
    for name, before in moments[60].items():
        if before.ndim == 2:
            cosine = np.vdot(before, moments[61][name])
            cosine /= np.linalg.norm(before) * np.linalg.norm(moments[61][name])
            assert cosine > 0.9
    losses = np.array(progress.losses)
    assert losses[60:65].mean() < 1.3 * losses[45:50].mean()
    assert losses[-10:].mean() < losses[45:50].mean()


def test_a_resumed_run_finds_the_tables_it_was_going_on_with(tmp_path):
    """And ends bit for bit where it would have ended."""
    settings = SETTINGS.model_copy(update={"drift_every": 30, "epochs": 5})

    class CutError(Exception):
        pass

    def cut(bench, twin, training):
        wandering = turn_inputs(bench, twin, training)
        step = wandering.step

        def until(seen, loss):
            step(seen, loss)
            if seen.step == 75:
                seen._record.checkpoint(seen)
                raise CutError

        wandering.step = until
        return wandering

    whole, result, _ = trained(tmp_path / "whole", settings, between=turn_inputs)
    with pytest.raises(CutError):
        trained(tmp_path / "cut", settings, between=cut)
    training, recorder = resume(tmp_path / "cut", dataset=DIGITS)
    network = training.network
    with network:
        assert network.tables.number == 1
        again = training.run(recorder)
    cut_run = open_run(tmp_path / "cut")
    assert again.test_accuracy == result.test_accuracy
    for name in whole.steps.columns:
        if name != "seconds":
            np.testing.assert_array_equal(cut_run.steps[name], whole.steps[name], name)
    assert len(table_sets(cut_run)) == len(table_sets(whole))


def test_reciprocity_is_recorded_when_drift_is_looked_for(tmp_path):
    settings = SETTINGS.model_copy(update={"drift_every": 20, "check_every": 0, "epochs": 2})
    run, _, _ = trained(tmp_path / "run", settings)
    found = run.steps["reciprocity_2"]
    looked = np.isfinite(found)
    assert np.flatnonzero(looked).tolist() == [0, 20, 40]
    assert np.all((found[looked] >= 0) & (found[looked] < 0.2))
    assert "reciprocity_1" not in run.steps.columns


@pytest.fixture
def watched():
    """A watch that is to look for drift and then at the gradient, what it told, and its bench."""
    settings = SETTINGS.model_copy(update={"drift_every": 20})
    with opened(digits_text()) as (bench, _):
        watch, told = HealthWatch(bench, settings, LOSS), []
        watch.tell = lambda kind, text, **details: told.append(text)
        yield watch, told, bench


def given_up(watch, bench, when):
    def before():
        if when():
            raise GivenUp

    bench.call_before_exposures(before)
    with pytest.raises(GivenUp):
        watch.look(20, INPUTS, LABELS)
    bench.call_before_exposures(lambda: None)


def test_a_look_given_up_for_a_pause_leaves_nothing_behind(watched):
    watch, told, bench = watched
    weights, known = bench.parameters(), watch.state()
    exposures = iter(range(100))
    given_up(watch, bench, lambda: next(exposures) == 12)
    assert not told
    assert watch.state() == known
    for one, two in zip(weights, bench.parameters(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_drift_that_was_looked_for_before_a_pause_is_not_looked_for_again(watched):
    watch, told, bench = watched
    given_up(watch, bench, lambda: bool(told))
    known = len(told)
    values = dict(zip(watch.columns(), watch.look(20, INPUTS, LABELS).values, strict=True))
    assert len(set(told)) == len(told)
    assert len(told) - known <= len(bench.layers)
    assert np.isfinite(values["drift_null_inputs"])
    assert np.isfinite(values["gradient_cosine_1"])
