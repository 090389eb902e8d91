"""How one looks at a run: which moment, how smooth, beside which others. Knows no Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gui.model.run_model import RunModel

Alignment = Literal["step", "epoch", "time"]


@dataclass
class View:
    """What the cards of a window have in common.

    Parameters
    ----------
    step
        The moment of the past that is shown; ``None`` follows the run.
    smoothing
        Weight of exponential smoothing, from 0 to below 1.
    overlays
        Other runs drawn with this one, by folder.
    alignment
        What runs are laid over each other by.
    """

    step: int | None = None
    smoothing: float = 0.6
    overlays: dict[Path, RunModel] = field(default_factory=dict)
    alignment: Alignment = "step"

    @property
    def following(self) -> bool:
        """Whether the newest is shown."""
        return self.step is None
