"""Commands are acknowledged at once, obeyed once, and shown by the trainer's own state."""

import threading

import pytest

from instruments.errors import RecordError
from protocols.interruption import Interrupted
from protocols.live.client import LiveClient
from tests.protocols.live.conftest import until


def test_a_pause_is_pausing_until_the_loop_has_obeyed(published, client):
    assert client.ask("pause").state == "pausing"
    assert published.control.pause_asked
    holding = threading.Thread(target=published.control.hold)
    holding.start()
    until(lambda: client.ask("status").state == "paused")
    assert client.ask("resume").state == "running"
    holding.join(5)
    assert not holding.is_alive()
    assert [note.kind for note in published.control.take_notes()] == ["pause", "resume"]


def test_who_asked_is_written_down(published, client):
    client.ask("stop")
    (note,) = published.control.take_notes()
    assert "@" in note.text
    assert published.control.stop_asked_by in note.text


def test_the_same_request_twice_is_obeyed_once(published, client):
    for _ in range(3):
        client.send("pause", id="the same")
    until(lambda: len(client.answers()) >= 1)
    assert len(published.control.take_notes()) == 1


def test_a_second_monitor_watches_until_it_takes_control(published, client):
    client.ask("pause")
    with LiveClient.to_run(published.path) as second:
        refused = second.ask("resume")
        assert not refused.accepted
        assert "take control" in refused.text
        assert published.control.pause_asked
        assert second.ask("take").accepted
        assert second.ask("resume").accepted
        assert not published.control.pause_asked
        assert not client.ask("pause").accepted


def test_anybody_may_abort(published, client):
    client.ask("pause")
    with LiveClient.to_run(published.path) as second:
        assert second.ask("abort").accepted
    with pytest.raises(Interrupted, match="aborted by"):
        published.stop.raise_if_interrupted()


def test_a_command_nobody_knows_is_refused(client):
    answer = client.ask("explode")
    assert not answer.accepted
    assert "explode" in answer.text


def test_commands_to_a_run_that_ended_are_answered_as_long_as_anybody_is_there(published, client):
    published.control.end()
    for command in ("pause", "resume", "stop", "abort"):
        assert client.ask(command).text == "the run has ended"


def test_nobody_there_is_said_and_not_waited_for(tmp_path):
    with (
        LiveClient.to_address("tcp://127.0.0.1:9") as client,
        pytest.raises(RecordError, match="no answer within"),
    ):
        client.ask("status", timeout_seconds=0.2)


def test_noise_on_the_command_socket_harms_nothing(published, client):
    client._commands.send_multipart([b"abort", b"not json"])
    client._commands.send_multipart([b"x"])
    assert client.ask("status").state == "running"


class TestReading:
    """A monitor that cannot see the folder reads it through the trainer."""

    def test_rows_are_those_of_the_store(self, published, client):
        published.step(100)
        _, arrays = until(
            lambda: (
                (found := client.read({"what": "rows", "start": 0, "stop": 100}))[0]["count"] == 100
                and found
            )
        )
        assert arrays["rows"][:, 1].tolist() == [n + 0.5 for n in range(100)]

    def test_a_part_there_is_none_of_is_refused(self, client):
        with pytest.raises(RecordError, match="no part"):
            client.read({"what": "../../etc"})
        with pytest.raises(RecordError, match="cannot be read"):
            client.read({"what": "fields", "index": 3})
