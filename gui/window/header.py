"""The line on top: which run, hardware or simulated, what it does, how long yet, buttons."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from gui.model.run_model import RunModel
from gui.panels.states import RUN_COLOUR, RUN_ICON
from gui.qt import QtCore, QtGui, QtWidgets
from gui.theme import icons
from gui.theme.appearance import Appearance
from gui.theme.tokens import StateName

TRANSPORT = ("pause", "resume", "stop", "abort")
"""What has a button."""

ASKED = (*TRANSPORT, "pause now")
"""Commands that only a trainer that can be reached obeys."""

_WAITING = {
    ("pause", "pausing"): "Pausing…",
    ("pause", "pausing now"): "Pausing now…",
    ("stop", "stopping"): "Stopping…",
}
_PLAIN = {"pause": "Pause", "resume": "Resume", "stop": "Stop…", "abort": "Abort…"}
_RIGHT = QtCore.Qt.AlignmentFlag.AlignRight
_LONGEST_LINK = "store · 888 min old"
_LINK_COLOUR: dict[str, StateName] = {
    "live": "ok",
    "store": "warning",
    "stale": "warning",
    "lost": "fault",
}


class Header(QtWidgets.QWidget):
    """Shows the state the trainer reports, never the one a button hopes for."""

    def __init__(self, appearance: Appearance) -> None:
        super().__init__()
        self._appearance = appearance
        self.setObjectName("header")
        self.run = self._label("name of the run")
        self.hardware = self._label("hardware or simulated")
        self.sign = QtWidgets.QLabel()
        self.state = self._label("state of the run")
        self.progress = QtWidgets.QProgressBar()
        self.progress.setAccessibleName("progress of the run")
        self.progress.setMinimumWidth(80)
        self.left = self._label("time left")
        self.link = self._label("age of what is shown")
        self.link.setAlignment(_RIGHT | QtCore.Qt.AlignmentFlag.AlignVCenter)
        self.buttons = {name: QtWidgets.QToolButton() for name in TRANSPORT}
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        for widget in (self.run, self.hardware, self.sign, self.state):
            layout.addWidget(widget)
        layout.addWidget(self.progress, 1)
        self.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Preferred
        )
        layout.addWidget(self.left)
        for button in self.buttons.values():
            button.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
            layout.addWidget(button)
        layout.addWidget(self.link)
        appearance.changed.connect(self.restyle)
        self.restyle()

    def connect_actions(self, actions: dict[str, QtGui.QAction]) -> None:
        """Let each button do what its command does."""
        for name, button in self.buttons.items():
            action = actions[name]
            button.clicked.connect(action.trigger)
            button.setToolTip(f"{action.text().replace('&', '')} ({action.shortcut().toString()})")

    def show_run(self, model: RunModel | None, actions: dict[str, QtGui.QAction]) -> None:
        """Show a run as it is now, and allow what can be asked of it."""
        if model is None:
            self._show_nothing(actions)
            return
        state, theme = model.state, self._appearance.theme
        self.run.setText(f"<b>{model.name}</b>" + (f" · {model.note}" if model.note else ""))
        self.hardware.setText(
            f'<b style="color:{self._hardware_colour(model)}">{model.simulation}</b>'
        )
        colour = theme.state(RUN_COLOUR.get(state, "off"))
        self.sign.setPixmap(icons.pixmap(RUN_ICON.get(state, "unknown"), colour, 14, 2.0))
        self.state.setText(f'<b style="color:{colour}">{state.upper()}</b>')
        self.state.setToolTip(model.reason)
        self._show_progress(model)
        self._show_transport(model, state, actions)
        self._show_link(model)

    def _show_nothing(self, actions: dict[str, QtGui.QAction]) -> None:
        self.run.setText("No run is open")
        for label in (self.hardware, self.state, self.left, self.link):
            label.setText("")
        self.sign.setPixmap(QtGui.QPixmap())
        self.progress.hide()
        for name in ASKED:
            actions[name].setEnabled(False)
        for button in self.buttons.values():
            button.hide()

    def _show_progress(self, model: RunModel) -> None:
        done, planned = len(model.steps), model.steps_planned
        epochs, all_epochs = len(model.epochs), model.epochs_planned
        self.progress.setVisible(bool(planned))
        if planned:
            self.progress.setMaximum(planned)
            self.progress.setValue(min(done, planned))
            epoch = min(epochs + 1, all_epochs) if model.is_going_on else epochs
            share = f"{100 * done / planned:.0f} %"
            steps = f"step {done:,}/{planned:,}".replace(",", " ")
            long = f"epoch {epoch}/{all_epochs} · {steps} · {share}"
            # As much of it as there is room for.
            for text in (long, f"epoch {epoch}/{all_epochs} · {share}", share):
                room = self.progress.width() - 12
                if self.progress.fontMetrics().horizontalAdvance(text) <= room:
                    break
            self.progress.setFormat(text)
            self.progress.setToolTip(long)
        left = model.time_left
        if model.is_going_on:
            self.left.setText(f"{left} left{_clock_time(left.seconds)}" if left else "")
        else:
            self.left.setText(f"{model.state} {ago(time.time() - model.updated)} ago")

    def _show_transport(
        self, model: RunModel, state: str, actions: dict[str, QtGui.QAction]
    ) -> None:
        reachable = model.is_going_on and model.client is not None
        enabled = {
            "pause": state == "running",
            # While a minibatch is waited for, one may think better of it.
            "pause now": state in ("running", "pausing"),
            "resume": state in ("paused", "pausing", "pausing now"),
            "stop": state in ("running", "pausing", "pausing now", "paused"),
            # Always, as long as anybody may be there to hear it.
            "abort": True,
        }
        for name, allowed in enabled.items():
            actions[name].setEnabled(reachable and allowed)
        for name, button in self.buttons.items():
            button.setVisible(model.is_going_on)
            button.setEnabled(actions[name].isEnabled())
            button.setText(_WAITING.get((name, state), _PLAIN[name]))
            button.setAccessibleName(button.text())

    def _show_link(self, model: RunModel) -> None:
        link = model.link
        colour = self._appearance.theme.state(_LINK_COLOUR.get(link.kind, "off"))
        words = "" if link.kind == "finished" else str(link)
        host = model.client.address.commands if model.client and link.kind == "live" else ""
        self.link.setText(f'<span style="color:{colour}">{words}</span>')
        self.link.setToolTip(f"{words} {host}".strip())

    def _hardware_colour(self, model: RunModel) -> str:
        theme = self._appearance.theme
        return theme.text if model.simulation == "HARDWARE" else theme.simulated

    def _label(self, name: str) -> QtWidgets.QLabel:
        label = QtWidgets.QLabel()
        label.setAccessibleName(name)
        label.setTextFormat(QtCore.Qt.TextFormat.RichText)
        return label

    def restyle(self) -> None:
        """Take the colours of the theme."""
        theme = self._appearance.theme
        for name, button in self.buttons.items():
            colour = theme.fault if name == "abort" else theme.text
            button.setIcon(icons.icon(name, colour, theme.border))
        # Room for the longest there is: it changes ten times a second, and nothing may jump.
        self.link.setMinimumWidth(self.fontMetrics().horizontalAdvance(_LONGEST_LINK))


def ago(seconds: float) -> str:
    """Return a stretch of time in the unit that suits it."""
    for limit, unit, words in ((90, 1, "s"), (5400, 60, "min"), (129_600, 3600, "h")):
        if seconds < limit:
            return f"{max(seconds, 0) / unit:.0f} {words}"
    return f"{seconds / 86_400:.0f} d"


def _clock_time(seconds: float) -> str:
    """Return when that will be, where it is worth saying."""
    if seconds < 120:
        return ""
    return f" ({datetime.now() + timedelta(seconds=seconds):%H:%M})"
