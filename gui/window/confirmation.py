"""Ask before something that cannot be undone; doing nothing is what Enter and Esc do."""

from __future__ import annotations

from collections.abc import Callable

from gui.qt import QtCore, QtWidgets


def ask_before(
    parent: QtWidgets.QWidget, question: str, consequence: str, yes: str, do: Callable[[], None]
) -> QtWidgets.QMessageBox:
    """Open a question that blocks nothing but its window; ``do`` follows a yes only."""
    box = QtWidgets.QMessageBox(parent)
    box.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setObjectName("confirmation")
    box.setIcon(QtWidgets.QMessageBox.Icon.Warning)
    box.setWindowTitle(question)
    box.setText(question)
    box.setInformativeText(consequence)
    agree = box.addButton(yes, QtWidgets.QMessageBox.ButtonRole.DestructiveRole)
    agree.setObjectName("agree")
    cancel = box.addButton(QtWidgets.QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(cancel)
    box.setEscapeButton(cancel)
    agree.clicked.connect(lambda *_: do())
    box.open()
    cancel.setFocus(QtCore.Qt.FocusReason.PopupFocusReason)
    return box
