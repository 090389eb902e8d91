"""Rows are seen at once, provisionally, and the count of what is on the disk follows."""

import json

import numpy as np
import pytest
import zmq

from instruments.errors import RecordError, SettingsError
from protocols.interruption import StopRequest
from protocols.live.address import MONITOR_FILE, read_address
from protocols.live.client import LiveClient
from protocols.live.publisher import LivePublisher
from protocols.record import Checkpoint, open_run
from protocols.run_control import RunControl
from tests.protocols.live.conftest import Ear, Published, until


def test_rows_come_before_they_are_committed_and_then_are(published, ear):
    def provisional():
        published.step()
        header = ear.next("rows").header
        return header["committed"] < published.steps

    until(provisional)
    until(lambda: ear.next("rows").header["committed"] == published.steps)
    values = open_run(published.path).steps["value"].tolist()
    assert values == [n + 0.5 for n in range(published.steps)]


def test_every_row_is_published_also_when_the_ring_has_come_round(published, ear):
    for _ in range(30):
        published.step(3000)
        until(lambda: published.publisher._published == published.steps)
    assert [row[0] for row in ear.rows(90_000)] == list(range(90_000))


def test_whoever_comes_late_hears_what_is_not_committed_yet(published):
    published.step(50)
    with LiveClient.to_run(published.path) as late:
        late.ask("hello")
        late.subscribe()
        message = Ear(late).next("rows")
        committed = message.header["committed"]
        assert message.header["first"] <= committed
        assert message.header["first"] + len(message.arrays["rows"]) == 50


def test_epochs_events_and_arrays_are_published(published, ear):
    published.recorder.epoch((1.0,))
    published.recorder.event("note", "light is on", watts=0.1)
    published.recorder.fields(3, {"a1": np.ones((2, 2))})
    published.recorder.checkpoint(Checkpoint(4, 1, {"weights/layer_1": np.zeros((2, 3))}))
    assert ear.next("epoch").arrays["values"].tolist() == [1.0]
    assert ear.next("fields").arrays["a1"].shape == (2, 2)
    weights = ear.next("weights")
    assert weights.header["step"] == 4
    assert weights.arrays["weights_1"].shape == (2, 3)


def test_an_event_carries_its_place_in_the_log(published, ear):
    published.recorder.event("note", "first")
    published.recorder.event("note", "second")
    found = [ear.next("event"), ear.next("event")]
    assert [one.header["event"]["text"] for one in found] == ["first", "second"]
    assert found[0].header["position"] == 0
    until(lambda: len(open_run(published.path).events()) == 2)


def test_taps_are_wanted_only_while_somebody_hears_them(published):
    assert not published.recorder.wants_taps
    with LiveClient.to_run(published.path) as client:
        client.ask("hello")
        client.subscribe()
        until(lambda: published.recorder.wants_taps)
        published.recorder.show_taps(5, {"a": np.ones(3)})
        assert not published.recorder.wants_taps
        assert Ear(client).next("taps").header["step"] == 5


def test_a_quiet_run_is_heard_to_live(published, ear):
    first = ear.next("beat").header["time"]
    second = ear.next("beat").header["time"]
    assert second - first == pytest.approx(1.0, abs=0.5)


def test_the_end_is_told_and_the_address_taken_away(published, ear):
    assert (published.path / MONITOR_FILE).exists()
    published.close()
    assert ear.next("end").header["state"] == "ended"
    assert not (published.path / MONITOR_FILE).exists()
    with pytest.raises(RecordError, match="no trainer publishes"):
        LiveClient.to_run(published.path)


def test_clocks_are_compared_and_not_believed(published):
    with LiveClient(read_address(published.path), clock=lambda: 1000.0) as client:
        client.ask("hello", timeout_seconds=1000)
        assert client.trainer_time() == pytest.approx(published.publisher._clock(), abs=5)


def test_the_folder_still_opens_as_a_plain_run(published):
    import warnings

    import zarr

    published.step(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        group = zarr.open_group(published.path, mode="r")
        assert "rows" in set(group.array_keys())


def test_an_address_that_is_not_this_computers_is_refused(published):
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1"):
        LivePublisher(published.recorder, RunControl(StopRequest()), host="192.0.2.1")


class TestBeyondThisComputer:
    @pytest.fixture
    def open_to_all(self, tmp_path):
        run = Published(tmp_path / "run", host="0.0.0.0")
        yield run
        run.close()

    def test_the_key_opens(self, open_to_all):
        address = read_address(open_to_all.path)
        assert set(address.key) == {"server_public", "client_public", "client_secret"}
        port = address.commands.rpartition(":")[2]
        with LiveClient.to_address(
            f"tcp://127.0.0.1:{port}", open_to_all.path / MONITOR_FILE
        ) as client:
            assert client.ask("status").state == "running"
            client.subscribe()
            open_to_all.step(3)
            assert len(Ear(client).rows(3)) == 3

    @pytest.mark.parametrize("which", ["none", "another"])
    def test_without_it_nobody_is_let_in(self, open_to_all, which, tmp_path):
        port = read_address(open_to_all.path).commands.rpartition(":")[2]
        key_file = None
        if which == "another":
            public, secret = (key.decode() for key in zmq.curve_keypair())
            wrong = json.loads((open_to_all.path / MONITOR_FILE).read_bytes())
            wrong["key"] |= {"client_public": public, "client_secret": secret}
            key_file = tmp_path / "wrong.json"
            key_file.write_text(json.dumps(wrong), encoding="utf-8")
        with (
            LiveClient.to_address(f"tcp://127.0.0.1:{port}", key_file) as client,
            pytest.raises(RecordError, match="no answer"),
        ):
            client.ask("abort", timeout_seconds=0.5)
        assert open_to_all.control.state == "running"

    def test_the_key_is_its_owners(self, open_to_all):
        import os

        if os.name == "posix":
            assert (open_to_all.path / MONITOR_FILE).stat().st_mode & 0o077 == 0
