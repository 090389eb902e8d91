"""Every command has a place, keys of its own, and a way to be found."""

import pytest

pytest.importorskip("qtpy")

from qtpy import QtTest

from gui.qt import QtCore, QtGui, QtWidgets
from gui.window.commands import Command, native

WHOLE_WINDOW = [
    "pause",
    "pause now",
    "resume",
    "tab 2",
    "tab 6",
    "larger",
    "filter",
    "palette",
    "theme",
]


@pytest.fixture
def window(new_window, bench_run, qtbot):
    found = new_window(bench_run)
    found.activateWindow()
    qtbot.waitUntil(found.isActiveWindow)
    return found


def fired(window, qtbot, name, widget):
    """Whether a command's keys, typed into a widget, set off its action."""
    action = window.commands.action(name)
    action.setEnabled(True)
    count = []
    action.triggered.connect(lambda *_: count.append(1))
    sequence = next(one.keys for one in window.commands if one.name == name)
    QtTest.QTest.keySequence(widget, QtGui.QKeySequence(sequence))
    return len(count)


def test_no_two_commands_share_keys(window):
    keys = [one.keys for one in window.commands if one.keys]
    assert len(set(keys)) == len(keys)
    with pytest.raises(ValueError, match="taken"):
        window.commands.add(Command("another", "Run", "Another", "F6", window.follow))


def test_every_command_stands_in_its_menu(window):
    for command in window.commands:
        assert window.commands.action(command.name) in window.commands.menu(command.menu).actions()


@pytest.mark.parametrize("name", WHOLE_WINDOW)
def test_keys_set_off_their_command_from_anywhere(window, qtbot, name):
    window.runs.filter.setFocus()
    qtbot.waitUntil(window.runs.filter.hasFocus)
    assert fired(window, qtbot, name, window.runs.filter) == 1


@pytest.mark.parametrize("name", ["follow", "grid", "log y", "table", "first", "view all"])
def test_single_letters_work_on_a_card_and_not_where_one_types(window, qtbot, name):
    card = window.tabs.card("loss")
    card.setFocus()
    qtbot.waitUntil(card.hasFocus)
    assert fired(window, qtbot, name, card) == 1
    window.runs.filter.setFocus()
    qtbot.waitUntil(window.runs.filter.hasFocus)
    assert fired(window, qtbot, name, window.runs.filter) == 0


def test_the_palette_finds_a_command_by_a_part_of_its_name(window, qtbot):
    palette = window.open_palette()
    qtbot.keyClicks(palette.line, "larger wri")
    assert palette.list.count() == 1
    scale = window.appearance.scale
    qtbot.keyClick(palette.line, QtCore.Qt.Key.Key_Return)
    assert window.appearance.scale > scale
    qtbot.waitUntil(lambda: window.findChild(QtWidgets.QDialog) is None)


def test_the_sheet_lists_every_shortcut(window, qtbot):
    window.open_shortcuts()
    table = window.findChild(QtWidgets.QTableWidget)
    listed = {table.item(row, 2).text() for row in range(table.rowCount())}
    assert {native(one.keys) for one in window.commands if one.keys} == listed


def test_tab_goes_through_everything_and_the_card_with_the_focus_is_marked(window, qtbot):
    seen = []
    card = window.tabs.card("loss")
    card.setFocus()
    qtbot.waitUntil(card.hasFocus)
    assert card.property("focused") == "true"
    for _ in range(60):
        QtTest.QTest.keyClick(QtWidgets.QApplication.focusWidget(), QtCore.Qt.Key.Key_Tab)
        seen.append(QtWidgets.QApplication.focusWidget())
    names = {one.objectName() or type(one).__name__ for one in seen}
    assert {"card", "QSlider", "QLineEdit", "QTreeWidget"} <= names
    assert window.tabs.card("mask") in seen


def test_maximise_and_back(window, qtbot):
    card = window.tabs.card("loss")
    card.setFocus()
    small = card.width()
    window.commands.action("maximise").trigger()
    qtbot.waitUntil(lambda: card.width() > 2 * small)
    assert not window.tabs.card("mask").isVisible()
    window.commands.action("restore").trigger()
    qtbot.waitUntil(lambda: window.tabs.card("mask").isVisible())
    qtbot.waitUntil(lambda: abs(card.width() - small) <= 2)


def test_the_doctor_tells_what_it_runs_on(window, qtbot):
    window.show_doctor()
    box = window.findChild(QtWidgets.QMessageBox)
    assert "pyqtgraph" in box.text()
    assert "Qt 6" in box.text()
    box.close()
