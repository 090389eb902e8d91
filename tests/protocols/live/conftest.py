"""A run that is recorded and published, and clients to look at it."""

import time

import numpy as np
import pytest

from protocols.interruption import StopRequest
from protocols.live.client import LiveClient
from protocols.live.publisher import LivePublisher
from protocols.record import Checkpoint, Recorder
from protocols.run_control import RunControl


def until(condition, seconds=10.0):
    """Wait until a condition holds; say so if it does not."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.005)
    return found


class Ear:
    """Hears a client's messages one by one, in their order within each topic."""

    def __init__(self, client):
        self._client = client
        self._unread = []

    def next(self, topic):
        """The next message of a topic."""

        def look():
            self._unread += self._client.hear()
            return next((one for one in self._unread if one.topic == topic), None)

        message = until(look)
        self._unread.remove(message)
        return message

    def rows(self, count):
        """Rows from the first on, as they were published, ``[count, columns]``."""
        found = {}
        while len(found) < count:
            message = self.next("rows")
            first = message.header["first"]
            found.update(enumerate(message.arrays["rows"].tolist(), start=first))
        return [found[index] for index in range(count)]


class Published:
    """A recorder with a publisher, and what a training loop would do with them."""

    def __init__(self, path, host="127.0.0.1"):
        self.path = path
        self.recorder = Recorder.create(
            path,
            configuration={"settings": {"epochs": 2, "batch_size": 5}},
            step_columns={"step": "", "value": ""},
            epoch_columns={"epoch": ""},
            checkpoint=Checkpoint(0, 0, {"weights/layer_1": np.ones((2, 3), np.float32)}),
        )
        self.stop = StopRequest()
        self.control = RunControl(self.stop)
        self.publisher = LivePublisher(self.recorder, self.control, host=host).start()
        self.steps = 0

    def step(self, count=1):
        """Record steps; step n has the value n + 0.5."""
        for _ in range(count):
            self.recorder.step((self.steps, self.steps + 0.5))
            self.steps += 1

    def close(self, state="completed"):
        """Close the run."""
        self.recorder.close(state, "done")


@pytest.fixture
def published(tmp_path):
    """A run that is going on."""
    run = Published(tmp_path / "run")
    yield run
    run.close()


@pytest.fixture
def client(published):
    """A monitor that hears it."""
    with LiveClient.to_run(published.path) as client:
        client.ask("hello")
        client.subscribe()
        yield client


@pytest.fixture
def ear(client):
    """What that monitor hears; it is heard by the time this is used."""
    ear = Ear(client)
    ear.next("beat")
    return ear
