"""Who is told how a training goes while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from protocols.training import Training


class Progress(Protocol):
    """Told how training goes. Called after every step, so it must be quick."""

    def step(self, training: Training, loss: float) -> None:
        """Take note of a finished step."""
        ...

    def epoch(self, training: Training, row: Mapping[str, float]) -> None:
        """Take note of a finished epoch."""
        ...


class Silent:
    """Progress nobody watches."""

    def step(self, training: Training, loss: float) -> None:
        """Say nothing."""

    def epoch(self, training: Training, row: Mapping[str, float]) -> None:
        """Say nothing."""
