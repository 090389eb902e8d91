"""Run on a display of its own: does a real window take the focus, keys and another size?"""

import sys
import time
from pathlib import Path

from qtpy import QtTest

from gui.application import prepare
from gui.qt import QtCore, QtGui, QtWidgets
from gui.window.layout_memory import LayoutMemory
from gui.window.main_window import MonitorWindow


def until(application, condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"not within {seconds} s: {what}")
        application.processEvents()
        time.sleep(0.005)


def main(run, folder):
    application = QtWidgets.QApplication([])
    window = MonitorWindow(prepare(application, "dark"), LayoutMemory(folder / "memory.ini"))
    window.open(run)
    window.resize(1200, 800)
    window.show()
    window.activateWindow()
    window.raise_()
    until(application, lambda: window.windowHandle().isExposed(), "shown")
    # Without a window manager nobody hands out the focus.
    window.windowHandle().requestActivate()
    until(application, window.isActiveWindow, "active")
    QtTest.QTest.keySequence(window, QtGui.QKeySequence("Ctrl+5"))
    until(application, lambda: window.tabs.currentIndex() == 4, "Ctrl+5 opens the fifth tab")
    QtTest.QTest.keySequence(window, QtGui.QKeySequence("Ctrl+F"))
    until(application, window.runs.filter.hasFocus, "Ctrl+F goes to the filter")
    QtTest.QTest.keyClicks(window.runs.filter, "lag")
    assert window.runs.filter.text() == "lag"
    window.open_tab(0)
    for width, height in ((1500, 950), (1000, 700)):
        window.resize(width, height)
        until(application, lambda size=(width, height): _size(window) == size, "resized")
        until(application, lambda: window.grab().toImage().width() == window.width(), "drawn")
        for card in window.tabs:
            assert card.parentWidget().rect().contains(card.geometry()), card.name
    window.commands.action("abort").setEnabled(True)
    QtTest.QTest.keySequence(window, QtGui.QKeySequence("Ctrl+Shift+F5"))
    found = window.findChildren(QtWidgets.QMessageBox, "confirmation")
    assert len(found) == 1, "the question before an abort"
    until(application, found[0].isVisible, "the question is seen")
    QtTest.QTest.keyClick(found[0], QtCore.Qt.Key.Key_Escape)
    until(application, lambda: not window.findChildren(QtWidgets.QMessageBox), "Esc cancels")
    window.close()
    print("focus keys sizes")


def _size(window):
    return window.width(), window.height()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
