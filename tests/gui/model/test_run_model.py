"""What a monitor shows equals what the store holds, live, late, and after the end."""

import numpy as np
import pytest

from gui.model.run_model import RunModel
from gui.model.sources import newest_run, open_address, open_folder, open_target
from instruments.errors import RecordError
from protocols.live.address import read_address
from protocols.live.stored_parts import read_part
from protocols.record import Recorder, open_run
from tests.gui.conftest import Trainer
from tests.protocols.live.conftest import until


@pytest.fixture
def watched():
    """Open models; they let go at the end."""
    opened = []

    def watch(model):
        opened.append(model)
        return model

    yield watch
    for model in opened:
        model.close()


def caught_up(model, count):
    """Look until so many steps are shown."""

    def look():
        model.look()
        return len(model.steps) == count

    until(look)


def test_a_past_run_is_there_at_once(bench_run):
    model = open_folder(bench_run)
    stored = open_run(bench_run)
    np.testing.assert_array_equal(model.steps.rows(), stored.steps.array)
    np.testing.assert_array_equal(model.epochs.rows(), stored.epochs.array)
    assert model.state == "completed"
    assert model.link.kind == "finished"
    assert model.simulation == "SIMULATED BENCH"
    assert model.steps_planned == len(model.steps)
    assert [layer.outputs for layer in model.layers] == [48, 10]
    assert len(model.instruments()) == len(stored.configuration["network"]["bench"]["instruments"])


def test_a_computed_run_says_so(ideal_run):
    model = open_folder(ideal_run)
    assert model.simulation == "COMPUTED, no light"
    assert model.instruments() == []


def test_rows_are_shown_before_they_are_written_and_stay_what_they_were(trainer, watched):
    model = watched(open_folder(trainer.path))
    early = False
    for _ in range(40):
        trainer.step(5)
        caught_up(model, trainer.steps)
        early = early or model.steps.provisional > 0
    assert early
    trainer.close()
    until(lambda: model.look() or model.state == "completed")
    np.testing.assert_array_equal(model.steps.rows(), open_run(trainer.path).steps.array)
    assert model.steps.provisional == 0


def test_attached_late_it_shows_the_whole_history_without_a_hole(trainer, watched):
    trainer.step(5000)
    model = watched(open_folder(trainer.path))
    for _ in range(20):
        trainer.step(50)
        model.look()
        np.testing.assert_array_equal(model.steps["step"], np.arange(len(model.steps)))
    caught_up(model, 6000)
    trainer.close()
    until(lambda: model.look() or not model.is_going_on)
    np.testing.assert_array_equal(model.steps.rows(), open_run(trainer.path).steps.array)


def test_what_was_missed_is_read_from_the_store(trainer, watched):
    model = watched(open_folder(trainer.path))
    trainer.step(10)
    caught_up(model, 10)
    model.client._published[0].unsubscribe(b"")
    trainer.step(300)
    until(lambda: open_run(trainer.path).steps.array.shape[0] == 310)
    model.client._published[0].subscribe(b"")
    trainer.step(10)
    caught_up(model, 320)
    np.testing.assert_array_equal(model.steps["step"], np.arange(320))


def test_without_a_socket_the_same_reader_polls(trainer):
    def read(request):
        return read_part(trainer.path, request)

    model = RunModel(trainer.path, read)
    trainer.step(100)
    caught_up(model, 100)
    assert model.link.kind == "store"
    assert model.steps.provisional == 0


def test_a_trainer_on_another_computer_is_read_through_its_address(trainer, watched, monkeypatch):
    trainer.step(2000)
    until(lambda: len(open_run(trainer.path).steps) == 2000)
    address = read_address(trainer.path).commands
    monkeypatch.setattr("gui.model.sources._is_same_run", lambda path, client: False)
    model = watched(open_address(address))
    trainer.step(500)
    caught_up(model, 2500)
    np.testing.assert_array_equal(model.steps["step"], np.arange(2500))
    assert model.link.kind == "live"


def test_an_address_here_is_read_from_its_folder(trainer, watched):
    model = watched(open_target(read_address(trainer.path).commands))
    assert model.path == trainer.path
    assert model.name == "run-0042"


def test_nobody_at_an_address_is_an_error():
    with pytest.raises(RecordError, match="no answer"):
        open_target("tcp://127.0.0.1:9")


def test_epochs_events_and_taps_arrive(trainer, watched):
    model = watched(open_folder(trainer.path))
    trainer.step(3)
    caught_up(model, 3)
    trainer.recorder.epoch((1, 3, 0.5, 0.4))
    trainer.recorder.event("note", "light is on")
    trainer.recorder.fields(2, {"activation_1": np.ones((16, 4), np.float32)})
    until(
        lambda: model.look() or (len(model.epochs) and model.shown_events() and model.taps.fields)
    )
    assert model.shown_events()[0]["text"] == "light is on"
    assert model.taps.step == 2
    until(lambda: model.look() or len(model.events) == 1)
    assert len(model.shown_events()) == 1


class TestTrainerGone:
    def test_a_trainer_that_died_is_lost_and_not_done(self, trainer, watched):
        model = watched(open_folder(trainer.path))
        trainer.step(10)
        caught_up(model, 10)
        # As the operating system leaves it: the lock is free, nothing was closed.
        trainer.recorder._lock.release()
        until(lambda: model.look() or model.state == "lost")
        assert model.link.kind == "lost"
        assert not model.is_going_on
        trainer.recorder._lock.acquire()

    def test_rows_that_were_never_written_are_withdrawn(self, trainer, watched, monkeypatch):
        monkeypatch.setattr(trainer.recorder._thread, "_take_and_commit", lambda **_: False)
        model = watched(open_folder(trainer.path))
        trainer.step(10)
        caught_up(model, 10)
        assert model.steps.provisional == 10
        trainer.recorder._lock.release()
        until(lambda: model.look() or model.state == "lost")
        assert len(model.steps) == 0
        monkeypatch.undo()
        trainer.recorder._lock.acquire()

    def test_silence_makes_it_stale_by_the_clock(self, tmp_path, watched):
        trainer = Trainer(tmp_path / "run")
        now = [100.0]
        model = watched(
            RunModel(
                trainer.path,
                lambda request: read_part(trainer.path, request),
                clock=lambda: now[0],
            )
        )
        assert model.link.kind == "store"
        now[0] += 10
        assert model.link.kind == "stale"
        trainer.close()

    def test_a_resumed_run_is_followed_from_its_checkpoint(self, trainer, watched):
        model = watched(open_folder(trainer.path))
        trainer.step(30)
        caught_up(model, 30)
        trainer.close("interrupted")
        until(lambda: model.look() or model.state == "interrupted")
        recorder, _ = Recorder.resume(trainer.path)
        recorder.step((0, 0, 7.0, 0, 0))
        recorder.close("completed")
        until(lambda: model.look() or model.state == "completed")
        assert model.steps["loss"].tolist() == [7.0]
        assert [event["kind"] for event in model.shown_events()] == ["resumed"]


class TestHistory:
    def test_the_sample_before_a_step_is_shown(self, bench_run):
        model = open_folder(bench_run)
        stored = open_run(bench_run).fields("activation_1")
        model.sample(int(stored.steps[1]) + 3)
        assert model.taps.step == stored.steps[1]
        np.testing.assert_array_equal(model.taps.fields["activation_1"], stored.values[1])
        model.sample(None)
        assert model.taps.step == stored.steps[-1]

    def test_before_the_first_sample_there_is_none(self, bench_run):
        model = open_folder(bench_run)
        model.taps.sample_steps = model.taps.sample_steps[1:]
        model.sample(0)
        assert model.taps.fields == {}


def test_the_newest_run_that_goes_on_is_opened_first(bench_run, ideal_run, tmp_path):
    assert newest_run(bench_run.parent) == ideal_run
    assert newest_run(tmp_path) is None
