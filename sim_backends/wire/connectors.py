"""Where cables end in the optics: modulators, detectors, amplifier chips, a laser diode.

Boxes know volts and amperes; what these do to light the twin knows.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from instruments.opening import OpeningRequest
from sim_backends.simulated.trigger_line import shared_trigger_line
from sim_backends.simulated.twin_of_bench import shared_twin

Floats = npt.NDArray[np.float32]


class Drive(Protocol):
    """An output that drives a modulator."""

    def step(self, shots: int) -> tuple[Hashable, Floats]:
        """Return the volts ``[shots]`` of the next shots, or ``[1]`` that it holds.

        With a key that is the same as long as nothing is different.
        """
        ...


class ModulatorInputs:
    """The modulators of an array, each at an output of some box."""

    def __init__(self, request: OpeningRequest[Any], channels: int) -> None:
        self._twin = shared_twin(request)
        self._name = request.name
        self._drives: list[Drive | None] = [None] * channels
        self._told: Hashable = None
        shared_trigger_line(request).outputs[request.name] = self

    def connect(self, channel: int, drive: Drive) -> None:
        """Plug a modulator in."""
        self._drives[channel] = drive

    def before_shots(self, shots: int) -> None:
        """Show the twin what the outputs do in the next shots."""
        steps = [_UNPLUGGED if one is None else one.step(shots) for one in self._drives]
        key = tuple(key for key, _ in steps)
        if key == self._told or self._name not in self._twin.modulators:
            return
        self._told = key
        length = max(len(volts) for _, volts in steps)
        columns = np.empty((length, len(steps)), np.float32)
        for channel, (_, volts) in enumerate(steps):
            columns[: len(volts), channel] = volts
            columns[len(volts) :, channel] = volts[-1]
        self._twin.drive(self._name, columns)


_UNPLUGGED: tuple[Hashable, Floats] = ("unplugged", np.zeros(1, np.float32))


class Watcher(Protocol):
    """A digitiser behind detectors."""

    @property
    def waits(self) -> bool:
        """Whether a trigger would begin a record, or one is being taken."""
        ...

    def sees(self, volts: Floats, begin: float, period: float) -> None:
        """Take volts ``[shots, inputs]``, the first shot beginning at ``begin``."""
        ...


class DetectorOutputs:
    """A bank of detectors, some of them at each digitiser."""

    def __init__(self, request: OpeningRequest[Any], channels: int, inputs_a_box: int) -> None:
        self._twin = shared_twin(request)
        self._line = shared_trigger_line(request)
        self.name = request.name
        self.window_seconds = request.bench.exposure.window
        self._channels = channels
        self._inputs_a_box = inputs_a_box
        self._boxes: list[Watcher] = []
        if self.name in self._twin.detectors:
            self._line.banks[self.name] = self

    def connect(self, box: Watcher) -> None:
        """Plug the next detectors into a digitiser."""
        self._boxes.append(box)

    @property
    def shot_period_seconds(self) -> float:
        """From one shot to the next."""
        return self._twin.shot_period_seconds

    @property
    def armed(self) -> bool:
        """Whether any digitiser waits or records."""
        return any(box.waits for box in self._boxes)

    def take(self, volts: Floats) -> None:
        """Hand out what the detectors show in the shots of one firing."""
        period = self._twin.shot_period_seconds
        begin = self._twin.clock.now() - len(volts) * period
        for number, box in enumerate(self._boxes):
            first = number * self._inputs_a_box
            if box.waits:
                box.sees(volts[:, first : first + self._inputs_a_box], begin, period)

    def look(self, box: Watcher) -> Floats:
        """Return what the detectors at one digitiser show between shots, ``[1, inputs]``."""
        for output in self._line.outputs.values():
            output.before_shots(0)
        first = self._boxes.index(box) * self._inputs_a_box
        if self.name not in self._twin.detectors:
            return np.zeros((1, min(self._inputs_a_box, self._channels - first)), np.float32)
        volts = self._twin.expose(1, [self.name])[self.name]
        return volts[:, first : first + self._inputs_a_box]


class AmplifierChips:
    """The amplifiers of an array, each at the output of some current source."""

    def __init__(self, request: OpeningRequest[Any], channels: int) -> None:
        self._twin = shared_twin(request)
        self._name = request.name
        self._amperes = np.zeros(channels)
        self._on = np.zeros(channels, np.bool_)
        self._changed = False
        shared_trigger_line(request).outputs[request.name] = self

    def drive(self, channel: int, amperes: float, on: bool) -> None:
        """Let a current flow."""
        self._amperes[channel] = amperes
        self._on[channel] = on
        self._changed = True

    def before_shots(self, shots: int) -> None:
        """Tell the twin what flows."""
        if self._changed and self._name in self._twin.amplifiers:
            currents = np.where(self._on, self._amperes, 0.0)
            self._twin.set_current(self._name, currents, enabled=bool(self._on.any()))
        self._changed = False


class TemperaturePlant(Protocol):
    """Something whose temperature a controller holds."""

    def set_temperature_celsius(self, celsius: float) -> None:
        """Set the target."""
        ...

    def temperature_celsius(self) -> float:
        """Return the temperature now."""
        ...

    def set_enabled(self, enabled: bool) -> None:
        """Switch the control."""
        ...
