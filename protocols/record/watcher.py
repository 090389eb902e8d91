"""Who is told of what a recorder takes in, while it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from protocols.record.checkpoint import Checkpoint


class Watcher(Protocol):
    """Told by the training loop's thread, so every method has to return within microseconds.

    Arrays stay as they are; a watcher may keep them. Rows are not told of one by one: a watcher
    asks for them with ``Recorder.rows_since``.
    """

    def epoch(self, number: int, values: npt.NDArray[np.float64]) -> None:
        """Row ``number`` of the epochs, counted from 0, was recorded."""
        ...

    def fields(self, step: int, fields: Mapping[str, npt.NDArray[Any]]) -> None:
        """A sample of every tapped field was recorded."""
        ...

    def event(self, position: int, event: Mapping[str, Any]) -> None:
        """An event was recorded, at byte ``position`` of the log of events."""
        ...

    def checkpoint(self, checkpoint: Checkpoint) -> None:
        """A checkpoint was handed over."""
        ...

    @property
    def wants_taps(self) -> bool:
        """Whether somebody would like to see the taps of the next minibatch."""
        ...

    def taps(self, step: int, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Show the taps of a minibatch and the weights it met; they are not recorded."""
        ...

    def closed(self) -> None:
        """The run was closed; its state is on the disk."""
        ...
