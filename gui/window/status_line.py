"""The line at the bottom: where the record is, how far it is, and what the window itself costs."""

from __future__ import annotations

import time
from pathlib import Path

from gui.model.run_model import RunModel
from gui.qt import QtWidgets

_CPU_SECONDS = 2.0


class StatusLine(QtWidgets.QLabel):
    """Store, committed and provisional steps, who is in control, processor time."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("status")
        self._looked = (time.monotonic(), time.process_time())
        self._percent = 0.0

    def show_run(self, model: RunModel | None) -> None:
        """Show a run as it is now."""
        if model is None:
            self.setText("")
            return
        steps = model.steps
        committed = f"{len(steps) - steps.provisional:,}".replace(",", " ")
        parts = [f"store {_short(model.path)}", f"{committed} steps committed"]
        if steps.provisional:
            parts.append(f"{steps.provisional} on their way")
        if model.trouble:
            parts.append(model.trouble)
        if model.link.kind == "store":
            parts.append("no trainer heard: reading the folder")
        if model.client is not None and model.client.controller:
            parts.append(f"{model.client.controller} is in control")
        parts.append(f"10 Hz · monitor CPU {self._cpu_percent():.0f} %")
        text = " · ".join(parts)
        if text != self.text():
            self.setText(text)

    def _cpu_percent(self) -> float:
        """Return how much of one core this process takes, over the last seconds."""
        then, used = self._looked
        now = time.monotonic()
        if now - then >= _CPU_SECONDS:
            spent = time.process_time()
            self._percent = 100 * (spent - used) / (now - then)
            self._looked = (now, spent)
        return self._percent


def _short(path: Path) -> str:
    """Return a path from where one works, if it lies there."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
