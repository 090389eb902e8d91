"""The window of the monitor."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from gui.model.run_model import RunModel
from gui.model.sources import is_run, newest_run, open_folder, open_target
from gui.model.view import Alignment, View
from gui.panels.instrument_page import open_instrument_page
from gui.panels.panel import PanelContext
from gui.qt import QtCore, QtGui, QtWidgets
from gui.theme.appearance import Appearance
from gui.window.command_table import add_commands
from gui.window.commands import CommandRegistry
from gui.window.confirmation import ask_before
from gui.window.doctor import report
from gui.window.header import ASKED, TRANSPORT, Header
from gui.window.history_bar import HistoryBar
from gui.window.layout_memory import LayoutMemory
from gui.window.palette import CommandPalette, shortcut_sheet
from gui.window.run_lists import ConfigurationList, EventsList, InstrumentsList
from gui.window.runs_list import RunsList
from gui.window.status_line import StatusLine
from gui.window.tabs import Tabs
from instruments.errors import BackbeamError, RecordError
from protocols.live.address import is_address
from protocols.record.layout import no_folder

LISTEN_MILLISECONDS = 50
PAINT_EVERY = 2
"""Frames are drawn at every second look: ten a second."""

HIDDEN_PAINT_EVERY = 10
_RUNS_SECONDS = 3.0
_SAVE_SECONDS = 30.0
_ABOUT_PANELS = "The run goes on whatever happens to this window."


class MonitorWindow(QtWidgets.QMainWindow):
    """Watches one run, live or past, and passes on what it is asked.

    One timer drives everything: it looks at the run twenty times a second and draws what has
    changed ten times a second.
    """

    painted = QtCore.Signal()
    state_changed = QtCore.Signal(str)

    def __init__(self, appearance: Appearance, memory: LayoutMemory) -> None:
        super().__init__()
        self.setObjectName("monitor")
        self.setWindowTitle("Backbeam monitor")
        self.appearance = appearance
        self.memory = memory
        self.view = View(smoothing=memory.value("smoothing", 0.6))
        self.model: RunModel | None = None
        self._state = ""
        self._ticks = 0
        self._next_runs = 0.0
        self._next_save = time.monotonic() + _SAVE_SECONDS
        self.header = Header(appearance)
        self.tabs = Tabs()
        self.history = HistoryBar(self.view)
        self.runs = RunsList(appearance)
        self.configuration = ConfigurationList(appearance)
        self.instruments = InstrumentsList(appearance)
        self.events = EventsList()
        self.status = StatusLine()
        self._build()
        self.commands = CommandRegistry(self, self.tabs)
        add_commands(self)
        self.header.connect_actions({name: self.commands.action(name) for name in TRANSPORT})
        self._connect()
        self.resize(1600, 950)
        self.resizeDocks(
            list(self.docks.values()), [300, 300, 340, 340], QtCore.Qt.Orientation.Horizontal
        )
        self._default_state = self.saveState()
        self.memory.restore(self)
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(LISTEN_MILLISECONDS)
        self._timer.timeout.connect(self.tick)
        self._timer.start()
        self._show_run()

    # Opening --------------------------------------------------------------------------------------

    def open(self, target: str, key_file: Path | None = None) -> None:
        """Open a run, the newest in a folder of runs, or a trainer's address.

        Raises
        ------
        RecordError
            If there is none.
        """
        path = Path(target)
        if is_address(target):
            model = open_target(target, key_file)
            self.runs.set_folder(None)
        elif is_run(path):
            model = open_folder(path)
            self.runs.set_folder(path.absolute().parent)
        elif path.is_dir():
            self.runs.set_folder(path.absolute())
            newest = newest_run(path.absolute())
            if newest is None:
                self.tell("open", f"no runs in {path}; 'backbeam train' makes one")
                return
            model = open_folder(newest)
        else:
            raise RecordError(f"{no_folder(path)}; give a run or a folder of runs")
        self.memory.add_recent(target)
        self.show_model(model)

    def show_model(self, model: RunModel | None) -> None:
        """Show another run; the one before is let go of."""
        if self.model is not None:
            self.model.close()
        self.runs.uncheck_all()
        for other in self.view.overlays.values():
            other.close()
        self.view.overlays.clear()
        self.view.step = None
        self.model = model
        context = None if model is None else PanelContext(model, self.view, self.appearance)
        self.tabs.show_context(context)
        self.events.forget()
        self._show_run()

    def open_run(self, path: Path) -> None:
        """Open a run of the list; trouble is told, not raised."""
        self._try(lambda: self.show_model(open_folder(path)))

    def open_or_tell(self, target: str, key_file: Path | None = None) -> None:
        """Open a target; trouble is told, not raised."""
        self._try(lambda: self.open(target, key_file))

    def tell(self, kind: str, text: str) -> None:
        """Tell something in the status line and among the events."""
        self.statusBar().showMessage(text, 8000)
        self.events.tell(kind, text)

    def _try(self, do: Callable[[], None]) -> None:
        try:
            do()
        except BackbeamError as error:
            self.tell("trouble", str(error))

    # Keeping up -----------------------------------------------------------------------------------

    def tick(self) -> None:
        """Look at the run; draw if it is time to."""
        self._ticks += 1
        if self.model is not None:
            self.model.look()
            self._hear_answers(self.model)
        for other in self.view.overlays.values():
            other.look()
        handle = self.windowHandle()
        seen = handle is not None and handle.isExposed() and not self.isMinimized()
        if self._ticks % (PAINT_EVERY if seen else HIDDEN_PAINT_EVERY) == 0:
            self.paint_news()
        now = time.monotonic()
        if now >= self._next_runs:
            self._next_runs = now + _RUNS_SECONDS
            if self.runs.isVisible():
                self.runs.refresh()
        if now >= self._next_save:
            self._next_save = now + _SAVE_SECONDS
            self.memory.save(self)

    def paint_news(self) -> None:
        """Draw what has changed since the last time."""
        if self.model is None:
            return
        changes = self.model.take_changes()
        for other in self.view.overlays.values():
            if other.take_changes():
                changes = changes | {"overlays"}
        if self.view.step is not None:
            # What happens now does not change what is shown of the past.
            changes = changes - {"taps"}
        if changes:
            self.tabs.mark(changes)
        self._show_run(changes)
        if self.tabs.refresh():
            self.painted.emit()

    def redraw(self) -> None:
        """Draw everything anew, as after the theme has changed."""
        self.tabs.mark({"all"})
        self._show_run()
        self.tabs.refresh()

    def _show_run(self, changes: set[str] | None = None) -> None:
        model = self.model
        actions = {name: self.commands.action(name) for name in ASKED}
        self.header.show_run(model, actions)
        self.history.show_run(model)
        news = changes or set()
        everything = changes is None or "all" in news
        self.status.show_run(model)
        if model is None:
            return
        if everything or "state" in news:
            self.setWindowTitle(f"{model.name} · {model.state} · Backbeam monitor")
            self.runs.set_current(model.path)
        if everything or news & {"events", "state"}:
            self.events.show_events(model.shown_events())
        if everything or (news & {"rows", "events", "state"} and self.instruments.isVisible()):
            words = "Computed: there are no instruments"
            self.instruments.show_lines(model.instruments(), words)
        self.configuration.show_run(model, next(iter(self.view.overlays.values()), None))
        if model.state != self._state:
            self._state = model.state
            self.state_changed.emit(model.state)

    def _hear_answers(self, model: RunModel) -> None:
        for answer in model.answers:
            self.tell("answer" if answer.accepted else "refused", answer.text)
        model.answers.clear()

    # Commanding -----------------------------------------------------------------------------------

    def command(self, name: str) -> None:
        """Send a command to the trainer; what comes of it is shown when the trainer says so."""
        if self.model is not None and self.model.client is not None:
            self.model.client.send(name)
            self.statusBar().showMessage(f"{name.replace('_', ' ')} asked", 3000)

    def ask_stop(self) -> None:
        """Ask, then stop after the epoch in hand."""
        ask_before(
            self,
            "Stop after this epoch?",
            "The epoch in hand is finished and the best weights are tested; the run ends for good.",
            "Stop after this epoch",
            partial(self.command, "stop"),
        )

    def ask_abort(self) -> None:
        """Ask, then abort."""
        ask_before(
            self,
            "Abort now?",
            "The step in hand is cut off and the bench goes to its safe state. "
            "The run can be resumed from its last checkpoint.",
            "Abort now",
            partial(self.command, "abort"),
        )

    # Looking --------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Show the newest, all of it."""
        self.view.step = None
        if self.model is not None:
            self.model.sample(None)
        for card in self.tabs:
            card.do("follow")
        self._redraw_view()

    def set_alignment(self, alignment: Alignment) -> None:
        """Lay runs over each other by step, epoch or time."""
        self.view.alignment = alignment
        self._redraw_view()

    def overlay(self, path: Path, shown: bool) -> None:
        """Lay a run over the one that is open, or take it away."""
        if shown and self.model is not None and path == self.model.path:
            return
        if shown and path not in self.view.overlays:
            self._try(lambda: self.view.overlays.update({path: open_folder(path)}))
        elif not shown and path in self.view.overlays:
            self.view.overlays.pop(path).close()
        self._redraw_view({"overlays"})

    def _moved(self) -> None:
        if self.model is not None:
            self.model.sample(self.view.step)
        self._redraw_view({"view", "taps"})

    def _smoothed(self) -> None:
        self.memory.remember("smoothing", self.view.smoothing)
        self._redraw_view()

    def _left_live(self) -> None:
        self.history.follow.setChecked(False)

    def _redraw_view(self, changes: set[str] | None = None) -> None:
        self.tabs.mark(changes or {"view"})
        self._show_run(changes or {"view"})
        if self.tabs.refresh():
            self.painted.emit()

    # Building -------------------------------------------------------------------------------------

    def _build(self) -> None:
        middle = QtWidgets.QWidget()
        layout = QtWidgets.QVBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.history)
        self.setCentralWidget(middle)
        # Above everything, so that what it says takes no room from the lists at the sides.
        bar = QtWidgets.QToolBar("Header")
        bar.setObjectName("bar")
        bar.setMovable(False)
        bar.toggleViewAction().setEnabled(False)
        bar.addWidget(self.header)
        self.addToolBar(bar)
        sides = QtCore.Qt.DockWidgetArea
        self.docks = {
            name: self._dock(name, widget, area)
            for name, widget, area in (
                ("Runs", self.runs, sides.LeftDockWidgetArea),
                ("Configuration", self.configuration, sides.LeftDockWidgetArea),
                ("Instruments", self.instruments, sides.RightDockWidgetArea),
                ("Events", self.events, sides.RightDockWidgetArea),
            )
        }
        self.statusBar().addPermanentWidget(self.status, 1)

    def _dock(
        self, name: str, widget: QtWidgets.QWidget, area: QtCore.Qt.DockWidgetArea
    ) -> QtWidgets.QDockWidget:
        dock = QtWidgets.QDockWidget(name, self)
        dock.setObjectName(f"dock {name}")
        dock.setAccessibleName(name)
        dock.setWidget(widget)
        self.addDockWidget(area, dock)
        return dock

    def _connect(self) -> None:
        self.history.moved.connect(self._moved)
        self.history.smoothed.connect(self._smoothed)
        self.history.follow_asked.connect(self.follow)
        self.runs.opened.connect(self.open_run)
        self.runs.checked.connect(self.overlay)
        self.instruments.itemActivated.connect(self._open_instrument)
        self.tabs.left_live.connect(self._left_live)
        self.appearance.changed.connect(self.redraw)

    # Small commands -------------------------------------------------------------------------------

    def open_palette(self) -> CommandPalette:
        """Let one find a command by typing."""
        palette = CommandPalette(self, self.commands)
        palette.open()
        return palette

    def open_shortcuts(self) -> None:
        """List the shortcuts."""
        shortcut_sheet(self, self.commands).open()

    def reset_layout(self) -> None:
        """Put all docks where they were in the beginning."""
        self.memory.forget()
        self.restoreState(self._default_state)

    def open_tab(self, index: int) -> None:
        """Show a tab."""
        self.tabs.setCurrentIndex(index)
        self.tabs.refresh()

    def change_theme(self) -> None:
        """Change between light and dark."""
        name = "light" if self.appearance.theme.name == "dark" else "dark"
        self.appearance.set_theme(name)
        self.memory.remember("theme", name)

    def change_lines(self) -> None:
        """Draw thicker lines, or thin ones again."""
        self.appearance.set_thick_lines(not self.appearance.thick_lines)

    def scale_writing(self, factor: float) -> None:
        """Make all writing larger by a factor; 0 for its usual size."""
        self.appearance.set_scale(self.appearance.scale * factor if factor else 1.0)
        self.memory.remember("scale", self.appearance.scale)

    def change_full_screen(self) -> None:
        """Fill the screen, or no more."""
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def focus_filter(self) -> None:
        """Let one type into the filter of runs."""
        self.docks["Runs"].show()
        self.runs.filter.setFocus(QtCore.Qt.FocusReason.ShortcutFocusReason)

    def maximise_card(self) -> None:
        """Maximise the card with the focus, or put it back."""
        card = self.tabs.focused_card()
        if card is not None:
            card.maximised.emit(card)

    def show_doctor(self) -> None:
        """Show what the window runs on."""
        box = QtWidgets.QMessageBox(self)
        box.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle("Doctor")
        box.setText("\n".join(report()))
        box.open()

    def show_help(self) -> None:
        """Say where help is."""
        self.tell(
            "help",
            f"{_ABOUT_PANELS} Shortcuts: Ctrl+/. All commands: Ctrl+Shift+P. "
            "The manual: docs/the-monitor.md.",
        )

    def _open_instrument(self, item: QtWidgets.QTreeWidgetItem, *_: object) -> None:
        if self.model is not None:
            open_instrument_page(self, self.model, item.text(0))

    def on_card(self, method: str, *arguments: str) -> None:
        """Do something with the card that has the focus."""
        card = self.tabs.focused_card()
        if card is not None:
            self._try(lambda: getattr(card, method)(*arguments))

    # Qt -------------------------------------------------------------------------------------------

    def closeEvent(self, event: QtGui.QCloseEvent) -> None:
        """Remember the layout, let go of the run; it goes on."""
        self._timer.stop()
        self.memory.save(self)
        if self.model is not None:
            self.model.close()
        for other in self.view.overlays.values():
            other.close()
        super().closeEvent(event)
