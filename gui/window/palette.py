"""Find a command by typing a part of its name."""

from __future__ import annotations

from gui.qt import QtCore, QtGui, QtWidgets
from gui.window.commands import CommandRegistry, native


class CommandPalette(QtWidgets.QDialog):
    """A line to type into and the commands that fit, best first."""

    def __init__(self, parent: QtWidgets.QWidget, registry: CommandRegistry) -> None:
        super().__init__(parent)
        self._registry = registry
        self.setWindowTitle("Commands")
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        self.line = QtWidgets.QLineEdit()
        self.line.setPlaceholderText("Type a part of a command's name")
        self.line.setAccessibleName("part of a command's name")
        self.list = QtWidgets.QListWidget()
        self.list.setAccessibleName("commands that fit")
        layout = QtWidgets.QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(self.list)
        self.resize(460, 380)
        self.line.textChanged.connect(self._show_matches)
        self.line.returnPressed.connect(self._do)
        self.list.itemActivated.connect(self._do)
        self.line.installEventFilter(self)
        self._show_matches("")

    def eventFilter(self, watched: QtCore.QObject, event: QtCore.QEvent) -> bool:
        """Let the arrows move in the list while one types."""
        if event.type() == QtCore.QEvent.Type.KeyPress and isinstance(event, QtGui.QKeyEvent):
            step = {QtCore.Qt.Key.Key_Down: 1, QtCore.Qt.Key.Key_Up: -1}.get(event.key(), 0)
            if step:
                row = min(max(self.list.currentRow() + step, 0), self.list.count() - 1)
                self.list.setCurrentRow(row)
                return True
        return bool(super().eventFilter(watched, event))

    def _show_matches(self, text: str) -> None:
        words = text.lower().split()
        self.list.clear()
        for command in self._registry:
            action = self._registry.action(command.name)
            full = f"{command.menu}: {command.text.replace('&', '')}"
            if action.isEnabled() and all(word in full.lower() for word in words):
                keys = f"    {native(command.keys)}" if command.keys else ""
                item = QtWidgets.QListWidgetItem(full + keys)
                item.setData(QtCore.Qt.ItemDataRole.UserRole, command.name)
                self.list.addItem(item)
        self.list.setCurrentRow(0)

    def _do(self, *_: object) -> None:
        item = self.list.currentItem()
        if item is not None:
            name = item.data(QtCore.Qt.ItemDataRole.UserRole)
            self.accept()
            self._registry.action(name).trigger()


def shortcut_sheet(parent: QtWidgets.QWidget, registry: CommandRegistry) -> QtWidgets.QDialog:
    """Return a window that lists every shortcut."""
    dialog = QtWidgets.QDialog(parent)
    dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle("Shortcuts")
    table = QtWidgets.QTableWidget(0, 3)
    table.setHorizontalHeaderLabels(["Menu", "Command", "Keys"])
    table.setAccessibleName("shortcuts")
    table.verticalHeader().hide()
    table.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
    for row, line in enumerate(registry.shortcuts()):
        table.insertRow(row)
        for column, text in enumerate(line):
            table.setItem(row, column, QtWidgets.QTableWidgetItem(text))
    table.resizeColumnsToContents()
    table.horizontalHeader().setStretchLastSection(True)
    QtWidgets.QVBoxLayout(dialog).addWidget(table)
    dialog.resize(520, 560)
    return dialog
