"""Choose what to open: a folder, a trainer, or a run that was open lately."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gui.qt import QtWidgets
from protocols.live.address import is_address

if TYPE_CHECKING:
    from gui.window.main_window import MonitorWindow

_OF_THIS_COMPUTER = ("tcp://127.0.0.1:", "tcp://localhost:", "tcp://[::1]:")


def ask_folder(window: MonitorWindow) -> None:
    """Ask for a folder and open it."""
    chosen = QtWidgets.QFileDialog.getExistingDirectory(window, "Open a run or a folder of runs")
    if chosen:
        window.open_or_tell(chosen)


def ask_trainer(window: MonitorWindow) -> None:
    """Ask for a trainer, and for its keys where it is another computer's; attach to it."""
    text, agreed = QtWidgets.QInputDialog.getText(
        window, "Attach to a trainer", "Folder of its run, or tcp://HOST:PORT"
    )
    target = text.strip()
    if not agreed or not target:
        return
    key_file = ""
    if is_address(target) and not target.startswith(_OF_THIS_COMPUTER):
        key_file, _ = QtWidgets.QFileDialog.getOpenFileName(
            window, "Copy of the run's monitor.json, with its keys", "", "Keys (*.json)"
        )
    window.open_or_tell(target, Path(key_file) if key_file else None)


def add_recent_menu(window: MonitorWindow, menu: QtWidgets.QMenu) -> QtWidgets.QMenu:
    """Add a menu of what was open lately, newest first, made anew whenever it is opened."""
    recent = menu.addMenu("R&ecent")
    recent.setObjectName("recent")

    def fill() -> None:
        recent.clear()
        for target in window.memory.recent():
            recent.addAction(target, partial(window.open_or_tell, target))
        if recent.isEmpty():
            recent.addAction("Nothing was open yet").setEnabled(False)

    recent.aboutToShow.connect(fill)
    return recent
