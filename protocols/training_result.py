"""How a training ended: what it reached, how long it took, the weights it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instruments.network import Array


@dataclass(frozen=True)
class TrainingResult:
    """How a finished run ended; ``accuracy`` values are shares from 0 to 1."""

    test_accuracy: float
    test_loss: float
    best_epoch: int
    best_validation_accuracy: float
    epochs: int
    steps: int
    seconds: float
    images_per_second: float
    ended: str
    run: Path | None
    weights: list[Array] = field(repr=False)
    operating_point: dict[str, float] = field(repr=False)

    def summary(self) -> dict[str, Any]:
        """Return everything but the weights and what goes with them as JSON values."""
        left_out = ("weights", "operating_point")
        values = {name: value for name, value in vars(self).items() if name not in left_out}
        return values | {"run": None if self.run is None else str(self.run)}
