"""Configuration, instruments and events of a run, as lists beside the cards."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from gui.model.configuration import as_lines, differences
from gui.model.instrument_list import InstrumentLine
from gui.model.run_model import RunModel
from gui.panels.states import STATE_COLOUR, STATE_ICON
from gui.qt import QtCore, QtGui, QtWidgets
from gui.theme import icons
from gui.theme.appearance import Appearance

_MOST_EVENTS = 2000


class ConfigurationList(QtWidgets.QTreeWidget):
    """Every setting of a run; with another run checked, what that one had instead."""

    def __init__(self, appearance: Appearance) -> None:
        super().__init__()
        self._appearance = appearance
        self._shown: tuple[int, int] | None = None
        self.setAccessibleName("configuration of the run")
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setHeaderLabels(["Setting", "Value"])
        # Values share what room there is; the whole of one is told on hovering.
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.header().setSectionResizeMode(QtWidgets.QHeaderView.ResizeMode.Stretch)

    def show_run(self, model: RunModel | None, other: RunModel | None) -> None:
        """Show a run, and in what another differs; different settings come first."""
        shown = (id(model), id(other))
        if shown == self._shown:
            return
        self._shown = shown
        self.clear()
        if model is None:
            return
        lines = as_lines(model.configuration)
        different = {}
        if other is not None:
            found = differences(model.configuration, other.configuration)
            different = {one.name: one.there or "—" for one in found}
            lines |= {one.name: one.here or "—" for one in found}
        self.setColumnCount(3 if other is not None else 2)
        self.setHeaderLabels(["Setting", "Value", *([other.name] if other is not None else [])])
        accent = QtGui.QBrush(QtGui.QColor(self._appearance.theme.warning))
        for name in sorted(lines, key=lambda one: (one not in different, not _wanted(one))):
            item = QtWidgets.QTreeWidgetItem([_short(name), lines[name], different.get(name, "")])
            item.setToolTip(0, name)
            item.setToolTip(1, lines[name])
            item.setToolTip(2, different.get(name, ""))
            if name in different:
                # A sign beside the colour.
                item.setText(0, f"≠ {_short(name)}")
                for column in range(3):
                    item.setForeground(column, accent)
            self.addTopLevelItem(item)


def _wanted(name: str) -> bool:
    """Whether a setting is one that people look for first."""
    return name.startswith(("settings.", "data.", "note"))


def _short(name: str) -> str:
    return name.removeprefix("settings.").replace("_", " ")


class InstrumentsList(QtWidgets.QTreeWidget):
    """Each instrument with its state in words, an icon and its reading."""

    def __init__(self, appearance: Appearance) -> None:
        super().__init__()
        self._appearance = appearance
        self._items: list[QtWidgets.QTreeWidgetItem] = []
        self._shown: list[InstrumentLine] | None = None
        self.setAccessibleName("instruments of the bench")
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setHeaderLabels(["Instrument", "State", "Reading"])
        appearance.changed.connect(self._restyle)

    def show_lines(self, lines: list[InstrumentLine], words: str) -> None:
        """Show the instruments, or words if there are none."""
        if lines == self._shown:
            return
        if self._shown is None or [one.name for one in lines] != [one.name for one in self._shown]:
            self.clear()
            self._items = [QtWidgets.QTreeWidgetItem() for _ in lines]
            self.addTopLevelItems(self._items)
            if not lines:
                self.addTopLevelItem(QtWidgets.QTreeWidgetItem([words]))
                self.setFirstColumnSpanned(0, self.rootIndex(), True)
        self._shown = lines
        for line, item in zip(lines, self._items, strict=True):
            self._dress(line, item)
        if lines:
            for column in (0, 1):
                self.resizeColumnToContents(column)

    def _dress(self, line: InstrumentLine, item: QtWidgets.QTreeWidgetItem) -> None:
        colour = self._appearance.theme.state(STATE_COLOUR[line.state])
        item.setText(0, line.name)
        item.setText(1, line.words)
        item.setText(2, line.reading or "—")
        item.setIcon(1, icons.icon(STATE_ICON[line.state], colour))
        item.setForeground(1, QtGui.QBrush(QtGui.QColor(colour)))
        told = [line.kind, *line.roles, f"driver: {line.driver}", line.identity]
        for column in range(3):
            item.setToolTip(column, "\n".join(one for one in told if one))

    def _restyle(self) -> None:
        lines, self._shown = self._shown, None
        if lines:
            self.show_lines(lines, "")


class EventsList(QtWidgets.QTreeWidget):
    """What happened, newest last, with the monitor's own messages among it."""

    def __init__(self) -> None:
        super().__init__()
        self._own: list[dict[str, Any]] = []
        self._count = -1
        self._words: QtWidgets.QTreeWidgetItem | None = None
        self.setAccessibleName("events of the run")
        self.setRootIsDecorated(False)
        self.setWordWrap(True)
        self.setHeaderLabels(["Time", "Step", "Event"])

    def forget(self) -> None:
        """Show another run's events from now on."""
        self._count = -1

    def tell(self, kind: str, text: str) -> None:
        """Add a message of the monitor itself."""
        self._own.append({"time": time.time(), "kind": kind, "text": text, "step": None})
        self._add(self._own[-1:])

    def show_events(self, events: Sequence[dict[str, Any]]) -> None:
        """Show these events and the monitor's own, in the order of their times."""
        if 0 <= self._count <= len(events):
            new = list(events[self._count :])
        else:
            self.clear()
            self._words = None
            new = sorted([*events, *self._own], key=lambda one: float(one["time"]))
        self._count = len(events)
        self._add(new)
        if not self.topLevelItemCount():
            self._words = QtWidgets.QTreeWidgetItem(["Nothing out of the ordinary so far"])
            self.addTopLevelItem(self._words)
            self._words.setFirstColumnSpanned(True)

    def _add(self, events: Sequence[dict[str, Any]]) -> None:
        """Add events below the others; the oldest of very many are left out."""
        if not events:
            return
        if self._words is not None:
            self.clear()
            self._words = None
        bar = self.verticalScrollBar()
        at_the_end = bar.value() == bar.maximum()
        for event in events[-_MOST_EVENTS:]:
            clock = time.strftime("%H:%M:%S", time.localtime(float(event["time"])))
            step = "—" if event["step"] is None else str(event["step"])
            item = QtWidgets.QTreeWidgetItem([clock, step, str(event["text"])])
            item.setToolTip(2, f"{event['kind']}: {event['text']}")
            self.addTopLevelItem(item)
        while self.topLevelItemCount() > _MOST_EVENTS:
            self.takeTopLevelItem(0)
        for column in (0, 1):
            self.resizeColumnToContents(column)
        if at_the_end:
            # Whoever reads further up is left there.
            self.scrollToBottom()
