"""The frame around a panel: heading, newest value, menu; words where there is nothing to see."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gui.panels.panel import Panel, PanelContext, PanelFactory, PanelState, PanelTable
from gui.panels.saving import save_csv, save_picture
from gui.panels.table_view import TableView
from gui.qt import QtCore, QtGui, QtWidgets
from gui.theme import icons

_DESCRIBE_SECONDS = 5.0
_SPARE_PIXELS = 16


class Card(QtWidgets.QFrame):
    """One panel with everything a card can do.

    A card that cannot be seen keeps what has changed and draws it when it is seen again.
    """

    painted = QtCore.Signal()
    maximised = QtCore.Signal(object)
    left_live = QtCore.Signal()

    def __init__(
        self,
        name: str,
        factory: PanelFactory,
        context: PanelContext,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.name = name
        self.state = PanelState()
        self._appearance = context.appearance
        self._clock = clock
        self._next_description = -float("inf")
        self._waiting: set[str] = {"all"}
        self._panel: Panel | None = None
        # As soon as Qt has nothing else to do, and once for however many reasons.
        self._soon = QtCore.QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.refresh)
        self.setObjectName("card")
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self._build()
        try:
            self._panel = factory(context)
            self._stack.insertWidget(0, self._panel.widget)
            self._title.setText(self._panel.title)
            self.setAccessibleName(self._panel.title)
            left = getattr(self._panel.widget, "range_left", None)
            if left is not None:
                left.connect(self.left_live)
            outgrown = getattr(self._panel.widget, "outgrown", None)
            if outgrown is not None:
                outgrown.connect(self._redraw_soon)
        except Exception:
            self._fail()
        context.appearance.changed.connect(self.restyle)
        self.restyle()

    @property
    def panel(self) -> Panel | None:
        """The panel, or ``None`` if it could not be made."""
        return self._panel

    @property
    def title(self) -> str:
        """Heading."""
        return str(self._title.text())

    def mark(self, changes: set[str]) -> None:
        """Note what has changed."""
        self._waiting |= changes

    def refresh(self) -> bool:
        """Draw what has changed if anybody can see it; return whether anything was drawn."""
        panel = self._panel
        if panel is None or not self._waiting or not self.isVisible():
            return False
        if "all" not in self._waiting and not self._waiting & panel.keys:
            self._waiting.clear()
            return False
        changes, self._waiting = self._waiting, set()
        try:
            self.state = panel.update(changes)
        except Exception:
            self._fail()
            return True
        self._show_state()
        if self._stack.currentWidget() is self._table:
            self._table.show_table(panel.table())
        self.painted.emit()
        return True

    def _redraw_soon(self, *_: object) -> None:
        """Draw what another range or size shows."""
        self.mark({"view"})
        self._soon.start()

    def _show_state(self) -> None:
        state = self.state
        assert self._panel is not None
        if self._title.text() != self._panel.title:
            self._title.setText(self._panel.title)
            self.setAccessibleName(self._panel.title)
        self._value.say(state.newest, state.remark)
        self._value.setVisible(bool(state.newest or state.remark) and not state.empty)
        if state.empty:
            self._words.setText(state.empty)
            self._stack.setCurrentWidget(self._words)
        elif self._stack.currentWidget() is self._words:
            self._stack.setCurrentIndex(0)
        now = self._clock()
        if now >= self._next_description:
            # Often enough for a screen reader, seldom enough not to be talked over.
            self._next_description = now + _DESCRIBE_SECONDS
            self.setAccessibleDescription(state.empty or state.description or state.newest)

    def _fail(self) -> None:
        """Show what went wrong in place of the panel."""
        self._words.setText(f"This card failed; the others go on.\n\n{traceback.format_exc()}")
        self._stack.setCurrentWidget(self._words)
        self._value.hide()
        self.setAccessibleDescription("this card failed")
        self._panel = None

    # What one can do with a card ------------------------------------------------------------------

    def table(self) -> PanelTable:
        """Return what is shown as numbers."""
        return PanelTable((), ()) if self._panel is None else self._panel.table()

    def toggle_table(self) -> None:
        """Show numbers instead of the drawing, or the drawing again."""
        if self._panel is None:
            return
        if self._stack.currentWidget() is self._table:
            self._stack.setCurrentIndex(0)
            self._show_state()
        else:
            self._table.show_table(self._panel.table())
            self._stack.setCurrentWidget(self._table)

    def do(self, what: str) -> None:
        """Do something to the drawing, if it can: ``follow``, ``log x``, ``log y``, ``grid``."""
        widget: Any = None if self._panel is None else self._panel.widget
        if what == "follow" and hasattr(widget, "follow"):
            widget.follow()
        elif what in ("log x", "log y") and hasattr(widget, "toggle_log"):
            widget.toggle_log(what[-1])
        elif what == "grid" and hasattr(widget, "toggle_grid"):
            widget.toggle_grid()
        else:
            return
        self.mark({"all"})
        self.refresh()

    def copy_picture(self) -> None:
        """Put a picture of the card on the clipboard."""
        QtWidgets.QApplication.clipboard().setPixmap(self.grab())

    def copy_table(self) -> None:
        """Put the numbers on the clipboard, as CSV."""
        table = self.table()
        lines = [",".join(map(str, table.header))]
        lines += [",".join(map(str, row)) for row in table.rows]
        QtWidgets.QApplication.clipboard().setText("\n".join(lines) + "\n")

    def export(self, path: Path) -> None:
        """Save as ``.png``, ``.svg`` or ``.csv``."""
        if path.suffix.lower() == ".csv":
            save_csv(path, self.table())
        else:
            save_picture(path, self)

    def ask_and_export(self) -> None:
        """Ask for a file and save the card there."""
        chosen, _ = QtWidgets.QFileDialog.getSaveFileName(
            self,
            f"Export {self.title}",
            f"{self.name}.png",
            "Picture (*.png);;Drawing (*.svg);;Numbers (*.csv)",
        )
        if chosen:
            self.export(Path(chosen))

    def menu(self) -> QtWidgets.QMenu:
        """Return the menu of the card."""
        menu = QtWidgets.QMenu(self)
        widget: Any = None if self._panel is None else self._panel.widget
        if hasattr(widget, "follow"):
            menu.addAction("View all\tA", lambda: self.do("follow"))
        if hasattr(widget, "toggle_log"):
            menu.addAction("Logarithmic x\tX", lambda: self.do("log x"))
            menu.addAction("Logarithmic y\tY", lambda: self.do("log y"))
        if hasattr(widget, "toggle_grid"):
            menu.addAction("Grid\tG", lambda: self.do("grid"))
        menu.addSeparator()
        menu.addAction("Show as table\tT", self.toggle_table)
        menu.addAction("Maximise\tdouble click", lambda: self.maximised.emit(self))
        menu.addSeparator()
        menu.addAction("Copy picture\tCtrl+C", self.copy_picture)
        menu.addAction("Copy numbers\tCtrl+Shift+C", self.copy_table)
        menu.addAction("Export…\tCtrl+E", self.ask_and_export)
        return menu

    # Qt -------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._title = _ElidedLabel()
        self._value = _ValueLine()
        self._value.hide()
        self._button = QtWidgets.QToolButton()
        self._button.setAutoRaise(True)
        self._button.setAccessibleName("menu of this card")
        self._button.setToolTip("What can be done with this card")
        self._button.clicked.connect(self._open_menu)
        self._words = QtWidgets.QLabel()
        self._words.setWordWrap(True)
        self._words.setAlignment(QtCore.Qt.AlignmentFlag.AlignCenter)
        self._words.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self._words.setMargin(12)
        self._words.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Ignored
        )
        self._table = TableView()
        self._stack = QtWidgets.QStackedWidget()
        self._stack.addWidget(self._words)
        self._stack.addWidget(self._table)
        head = QtWidgets.QHBoxLayout()
        head.setContentsMargins(8, 2, 2, 0)
        head.addWidget(self._title, 1)
        head.addWidget(self._button)
        self._value.setContentsMargins(8, 0, 4, 2)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self._value)
        layout.addWidget(self._stack, 1)

    def restyle(self) -> None:
        """Take colours and sizes of the theme."""
        theme = self._appearance.theme
        self._title.setFont(self._appearance.font(1.05, bold=True))
        self._value.setFont(self._appearance.font(1.05))
        self._button.setIcon(icons.icon("menu", theme.muted))
        self._words.setStyleSheet(f"color: {theme.muted};")
        widget: Any = None if self._panel is None else self._panel.widget
        if hasattr(widget, "restyle"):
            widget.restyle()
        self.mark({"all"})

    def _open_menu(self) -> None:
        place = self._button.mapToGlobal(self._button.rect().bottomLeft())
        menu = self.menu()
        menu.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(place)

    def contextMenuEvent(self, event: QtGui.QContextMenuEvent) -> None:
        """Open the card's menu."""
        menu = self.menu()
        menu.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:
        """Maximise."""
        self.maximised.emit(self)

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        """Take the focus."""
        self.setFocus(QtCore.Qt.FocusReason.MouseFocusReason)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Let a drawing that knows keys have them first."""
        take_key = None if self._panel is None else getattr(self._panel.widget, "take_key", None)
        if take_key is None or not take_key(event.key()):
            super().keyPressEvent(event)

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        """Draw what has changed while nobody could see it."""
        super().showEvent(event)
        self._soon.start()

    def focusInEvent(self, event: QtGui.QFocusEvent) -> None:
        """Show the ring."""
        self._ring(True)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QtGui.QFocusEvent) -> None:
        """Hide the ring."""
        self._ring(False)
        super().focusOutEvent(event)

    def _ring(self, shown: bool) -> None:
        self.setProperty("focused", "true" if shown else "false")
        self.style().unpolish(self)
        self.style().polish(self)


class _ElidedLabel(QtWidgets.QLabel):
    """A line that ends in an ellipsis instead of widening its column."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred
        )

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        text = self.fontMetrics().elidedText(
            self.text(), QtCore.Qt.TextElideMode.ElideRight, self.width()
        )
        self.setToolTip(self.text() if text != self.text() else "")
        painter.drawText(self.rect(), QtCore.Qt.AlignmentFlag.AlignVCenter, text)


class _ValueLine(QtWidgets.QLabel):
    """The newest value; behind it, where there is room, a remark; all of it on hovering."""

    def __init__(self) -> None:
        super().__init__()
        self._said = ("", "")
        self._with_remark = True
        self.setTextFormat(QtCore.Qt.TextFormat.RichText)
        # However much there is to say, no card may push the others aside.
        self.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred
        )

    def say(self, newest: str, remark: str) -> None:
        """Say as much as there is room for."""
        self._said = (newest, remark)
        small = f"<small>{remark}</small>" if remark else ""
        whole = "&nbsp; ".join(part for part in (newest, small) if part)
        self.setToolTip(whole)
        # What has been left out comes back with some room to spare, or it would come and go.
        spare = 0 if self._with_remark else _SPARE_PIXELS
        self._with_remark = self._fits(whole, spare)
        if not self._with_remark and not self._fits(newest or small):
            self.setText(f"<small>{newest or remark}</small>")

    def _fits(self, text: str, spare: int = 0) -> bool:
        self.setText(text)
        return self.sizeHint().width() + spare <= self.width()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.say(*self._said)
