"""The cable from the trigger source: who is told of shots, and in which order."""

import pytest

from sim_backends.simulated.trigger_line import TriggerLine


class DarkTwin:
    """A twin in which nothing happens."""

    def expose(self, shots, banks):
        return {}


class Watcher:
    def __init__(self, name, told):
        self._name, self._told = name, told

    def after_shots(self, shots):
        self._told.append((self._name, shots))


@pytest.mark.parametrize("opened", [("camera_1", "camera_2"), ("camera_2", "camera_1")])
def test_whoever_was_opened_first_cameras_draw_their_noise_in_the_same_order(opened):
    line, told = TriggerLine(DarkTwin()), []
    for name in opened:
        line.watchers[name] = Watcher(name, told)
    line.fire(3)
    assert told == [("camera_1", 3), ("camera_2", 3)]
