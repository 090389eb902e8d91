"""What a window remembers from one time to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gui.qt import QtCore, QtWidgets

LAYOUT_VERSION = 1
"""Raised when docks or tabs change; what was saved by another version is not restored."""

MOST_RECENT = 8


class LayoutMemory:
    """Geometry, docks, theme and recent runs, with the last state but one kept as a backup.

    Parameters
    ----------
    file
        Where to keep it; by default where the system keeps such things.
    """

    def __init__(self, file: Path | None = None) -> None:
        if file is None:
            self._settings = QtCore.QSettings("backbeam", "monitor")
        else:
            self._settings = QtCore.QSettings(str(file), QtCore.QSettings.Format.IniFormat)

    def save(self, window: QtWidgets.QMainWindow) -> None:
        """Remember how a window looks."""
        previous = self._settings.value("window/state")
        state = window.saveState(LAYOUT_VERSION)
        if previous is not None and previous != state:
            self._settings.setValue("backup/state", previous)
        self._settings.setValue("window/state", state)
        self._settings.setValue("window/geometry", window.saveGeometry())
        self._settings.sync()

    def restore(self, window: QtWidgets.QMainWindow) -> bool:
        """Make a window look as it did; whether there was anything that could be restored."""
        geometry = self._settings.value("window/geometry")
        if geometry is not None:
            window.restoreGeometry(geometry)
        for name in ("window/state", "backup/state"):
            state = self._settings.value(name)
            if state is not None and window.restoreState(state, LAYOUT_VERSION):
                return True
        return False

    def forget(self) -> None:
        """Forget how windows looked."""
        for name in ("window", "backup"):
            self._settings.remove(name)

    def value(self, name: str, default: Any) -> Any:
        """Return something remembered, of the type of its default."""
        return self._settings.value(f"choice/{name}", default, type=type(default))

    def remember(self, name: str, value: Any) -> None:
        """Remember something."""
        self._settings.setValue(f"choice/{name}", value)

    def recent(self) -> list[str]:
        """Return the runs opened last, newest first."""
        found = self._settings.value("choice/recent", [])
        return [found] if isinstance(found, str) else list(found or [])

    def add_recent(self, target: str) -> None:
        """Remember that a run was opened."""
        known = [one for one in self.recent() if one != target]
        self.remember("recent", [target, *known][:MOST_RECENT])
