"""Every command of the window in one list, which feeds menus, shortcuts, palette and help."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gui.qt import QtCore, QtGui, QtWidgets

MENUS = ("Run", "View", "Compare", "Tools", "Help")


@dataclass(frozen=True)
class Command:
    """Something one can do.

    Parameters
    ----------
    name
        For tests and for other code.
    menu, text
        Where it stands and how it is called.
    keys
        Shortcut in Qt's portable form; empty for none.
    do
        Does it.
    plot_only
        Its key is a single letter, heard on the cards only, so that typing pauses nothing.
    """

    name: str
    menu: str
    text: str
    keys: str
    do: Callable[[], object]
    plot_only: bool = False


class CommandRegistry:
    """Makes an action of every command and puts it into its menu.

    Parameters
    ----------
    window
        Gets the menus and hears the shortcuts.
    plots
        Hears those that are single letters.
    """

    def __init__(self, window: QtWidgets.QMainWindow, plots: QtWidgets.QWidget) -> None:
        self._window = window
        self._plots = plots
        self._menus = {name: window.menuBar().addMenu(f"&{name}") for name in MENUS}
        self._commands: dict[str, Command] = {}
        self._actions: dict[str, QtGui.QAction] = {}

    def add(self, command: Command) -> QtGui.QAction:
        """Add a command; its name and its keys have to be new."""
        taken = {one.keys: one.name for one in self._commands.values() if one.keys}
        if command.name in self._commands or command.keys in taken:
            raise ValueError(f"{command.name} ({command.keys}) is taken by {taken}")
        action = QtGui.QAction(command.text, self._window)
        action.setObjectName(command.name)
        if command.keys:
            action.setShortcut(QtGui.QKeySequence(command.keys))
        action.triggered.connect(lambda *_: command.do())
        if command.plot_only:
            action.setShortcutContext(QtCore.Qt.ShortcutContext.WidgetWithChildrenShortcut)
            self._plots.addAction(action)
        else:
            self._window.addAction(action)
        self._menus[command.menu].addAction(action)
        self._commands[command.name] = command
        self._actions[command.name] = action
        return action

    def separate(self, menu: str) -> None:
        """Put a line below the last command of a menu."""
        self._menus[menu].addSeparator()

    def menu(self, name: str) -> QtWidgets.QMenu:
        """Return a menu."""
        return self._menus[name]

    def action(self, name: str) -> QtGui.QAction:
        """Return the action of a command."""
        return self._actions[name]

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands.values())

    def shortcuts(self) -> list[tuple[str, str, str]]:
        """Return menu, text and keys of every command that has a shortcut."""
        return [
            (one.menu, one.text.replace("&", ""), native(one.keys))
            for one in self._commands.values()
            if one.keys
        ]


def native(keys: str) -> str:
    """Return a shortcut as this system writes it."""
    return str(QtGui.QKeySequence(keys).toString(QtGui.QKeySequence.SequenceFormat.NativeText))
