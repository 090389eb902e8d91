"""The runs in a folder: state and score of each, one opened, others laid over it."""

from __future__ import annotations

import re
from pathlib import Path

from gui.panels.states import RUN_COLOUR, RUN_ICON
from gui.qt import QtCore, QtWidgets
from gui.theme import icons
from gui.theme.appearance import Appearance
from instruments.errors import RecordError
from protocols.record.run import RunSummary, list_runs

_COLUMNS = ("Run", "State", "Accuracy")


class RunsList(QtWidgets.QWidget):
    """Filter on top, newest run first.

    ``opened`` tells which run was chosen, ``checked`` which shall be laid over it.
    """

    opened = QtCore.Signal(object)
    checked = QtCore.Signal(object, bool)

    def __init__(self, appearance: Appearance) -> None:
        super().__init__()
        self._appearance = appearance
        self._folder: Path | None = None
        self._items: dict[Path, QtWidgets.QTreeWidgetItem] = {}
        self._shown: dict[Path, RunSummary] = {}
        self._current: Path | None = None
        self.filter = QtWidgets.QLineEdit()
        self.filter.setPlaceholderText("Filter runs (regular expression)")
        self.filter.setAccessibleName("filter runs")
        self.filter.setClearButtonEnabled(True)
        self.tree = QtWidgets.QTreeWidget()
        self.tree.setAccessibleName("runs")
        self.tree.setHeaderLabels(list(_COLUMNS))
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self._size_columns()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(self.filter)
        layout.addWidget(self.tree)
        self.filter.textChanged.connect(self._apply_filter)
        self.tree.itemActivated.connect(self._open)
        self.tree.itemChanged.connect(self._check)
        appearance.changed.connect(self._restyle)

    def set_folder(self, folder: Path | None) -> None:
        """Show the runs of another folder."""
        if folder != self._folder:
            self._folder = folder
            self.tree.clear()
            self._items.clear()
            self._shown.clear()
        self.refresh()

    def set_current(self, path: Path | None) -> None:
        """Mark the run that is open."""
        self._current = path
        for one, item in self._items.items():
            self._dress(one, item)

    def refresh(self) -> None:
        """Read the list anew; only lines that changed are written."""
        if self._folder is None:
            return
        try:
            runs = list_runs(self._folder)
        except RecordError:
            return
        self.tree.blockSignals(True)
        present = {run.path for run in runs}
        for path in [one for one in self._items if one not in present]:
            index = self.tree.indexOfTopLevelItem(self._items.pop(path))
            self.tree.takeTopLevelItem(index)
            del self._shown[path]
        for run in runs:
            if self._shown.get(run.path) == run:
                continue
            if run.path not in self._items:
                item = QtWidgets.QTreeWidgetItem()
                item.setCheckState(0, QtCore.Qt.CheckState.Unchecked)
                item.setData(0, QtCore.Qt.ItemDataRole.UserRole, str(run.path))
                self.tree.insertTopLevelItem(0, item)
                self._items[run.path] = item
            self._shown[run.path] = run
            self._dress(run.path, self._items[run.path])
        self.tree.blockSignals(False)
        self._apply_filter(self.filter.text())

    def uncheck_all(self) -> None:
        """Lay no other run over the one that is open."""
        for item in self._items.values():
            item.setCheckState(0, QtCore.Qt.CheckState.Unchecked)

    def check(self, path: Path) -> None:
        """Lay a run over the one that is open."""
        if path in self._items:
            self._items[path].setCheckState(0, QtCore.Qt.CheckState.Checked)

    def _size_columns(self) -> None:
        """Give state and score the room they need, and the rest to the name."""
        header, modes = self.tree.header(), QtWidgets.QHeaderView.ResizeMode
        header.setStretchLastSection(False)
        header.setSectionResizeMode(modes.ResizeToContents)
        header.setSectionResizeMode(0, modes.Stretch)

    def _dress(self, path: Path, item: QtWidgets.QTreeWidgetItem) -> None:
        run = self._shown[path]
        theme = self._appearance.theme
        summary = run.summary or {}
        accuracy = summary.get("test_accuracy", summary.get("best_validation_accuracy"))
        texts = (
            f"{path.name} · {run.note}" if run.note else path.name,
            run.state,
            f"{100 * accuracy:.1f} %" if isinstance(accuracy, float) else "—",
        )
        told = "\n".join(one for one in (path.name, run.note, run.state, run.reason) if one)
        for column, text in enumerate(texts):
            item.setText(column, text)
            item.setToolTip(column, told)
        font = item.font(0)
        font.setBold(path == self._current)
        item.setFont(0, font)
        colour = theme.state(RUN_COLOUR.get(run.state, "off"))
        item.setIcon(1, icons.icon(RUN_ICON.get(run.state, "unknown"), colour))

    def _restyle(self) -> None:
        for path, item in self._items.items():
            self._dress(path, item)

    def _apply_filter(self, text: str) -> None:
        try:
            wanted = re.compile(text, re.IGNORECASE)
        except re.error:
            # Half a bracket: what is typed is looked for as it stands.
            wanted = re.compile(re.escape(text), re.IGNORECASE)
        for path, item in self._items.items():
            run = self._shown[path]
            line = f"{path.name} {run.state} {run.note} {run.reason}"
            item.setHidden(wanted.search(line) is None)

    def _open(self, item: QtWidgets.QTreeWidgetItem, *_: object) -> None:
        self.opened.emit(Path(item.data(0, QtCore.Qt.ItemDataRole.UserRole)))

    def _check(self, item: QtWidgets.QTreeWidgetItem, column: int) -> None:
        if column == 0:
            checked = item.checkState(0) == QtCore.Qt.CheckState.Checked
            self.checked.emit(Path(item.data(0, QtCore.Qt.ItemDataRole.UserRole)), checked)
