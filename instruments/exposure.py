"""One exposure of a bench: load, arm, fire, read, for every instrument that takes part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from instruments.interfaces.trigger_source import TriggerSource

Light = Literal["dark", "reference", "forward", "backward", "both"]
"""What shines during an exposure, besides the references of the taps."""

Volts = npt.NDArray[np.float32]


class Stepping(Protocol):
    """What steps on at every trigger: modulators, or mirrors driven like them."""

    def arm(self) -> None:
        """Get ready to step through what is loaded."""
        ...

    def wait_until_done(self, timeout_seconds: float) -> None:
        """Return when the last shot is over."""
        ...

    def stop(self) -> None:
        """Abandon what is armed."""
        ...


Taken = TypeVar("Taken")
Given = TypeVar("Given", covariant=True)


class Reader(Protocol[Given]):
    """What takes something at every trigger and hands it over."""

    def arm(self, shots: int, /) -> None:
        """Get ready to take readings."""
        ...

    def read(self, timeout_seconds: float, /) -> Given:
        """Return what was taken."""
        ...


class TapReader(Protocol):
    """Detectors, or a camera read like them: one number a neuron and shot."""

    @property
    def channels(self) -> int:
        """How many neurons are read."""
        ...

    @property
    def saturation_volts(self) -> float:
        """Readings of this magnitude or more are saturated and mean nothing."""
        ...

    def arm(self, shots: int, /) -> None:
        """Get ready to take readings."""
        ...

    def read(self, timeout_seconds: float, /) -> Volts:
        """Return the readings ``[shots, channels]``."""
        ...

    def stop(self) -> None:
        """Abandon what is armed or not yet read."""
        ...


def _go_ahead() -> None:
    """Have nothing against an exposure."""


class Exposer:
    """Takes exposures with the instruments of a bench.

    Parameters
    ----------
    trigger
        The master of the shots.
    detectors
        Banks of detectors, or of cameras read like them, by name.
    timeout_seconds
        How long any wait may take.

    Attributes
    ----------
    before
        Called before every exposure, nothing armed yet; what it raises prevents it.
    """

    def __init__(
        self,
        trigger: TriggerSource,
        detectors: Mapping[str, TapReader],
        timeout_seconds: float,
    ) -> None:
        self._trigger = trigger
        self.detectors = detectors
        self._timeout_seconds = timeout_seconds
        self.before: Callable[[], None] = _go_ahead

    def take(
        self, shots: int, outputs: Sequence[Stepping], banks: Iterable[str]
    ) -> dict[str, Volts]:
        """Fire ``shots`` triggers at loaded ``outputs``; return what ``banks`` read.

        Returns
        -------
        dict
            Volts ``[shots, channels]`` of every bank.
        """
        return self.read_by(shots, outputs, {name: self.detectors[name] for name in banks})

    def read_by(
        self, shots: int, outputs: Sequence[Stepping], readers: Mapping[str, Reader[Taken]]
    ) -> dict[str, Taken]:
        """Fire ``shots`` triggers at loaded ``outputs``; return what any ``readers`` took."""
        self.before()
        for output in outputs:
            output.arm()
        for reader in readers.values():
            reader.arm(shots)
        timeout = self._timeout_seconds
        self._trigger.fire(shots)
        self._trigger.wait_until_done(timeout)
        for output in outputs:
            output.wait_until_done(timeout)
        return {name: reader.read(timeout) for name, reader in readers.items()}

    def stop(self, outputs: Sequence[Stepping] = ()) -> None:
        """Abandon an exposure, so that it or the next can begin anew."""
        self._trigger.stop()
        for output in outputs:
            output.stop()
        for detector in self.detectors.values():
            detector.stop()
