"""One instrument on a page: what it is, what it reads, how the bench file sets it, its events."""

from __future__ import annotations

from gui.model.configuration import as_lines
from gui.model.run_model import RunModel
from gui.panels.panel import PanelTable
from gui.panels.table_view import TableView
from gui.qt import QtCore, QtWidgets

_MOST_EVENTS = 20


def instrument_lines(model: RunModel, name: str) -> list[tuple[str, str]]:
    """Return what is known of an instrument, a pair of names and values for each line."""
    line = next((one for one in model.instruments() if one.name == name), None)
    if line is None:
        return []
    known = [
        ("state", line.words),
        ("reading", line.reading or "—"),
        ("kind", line.kind),
        ("does", "; ".join(line.roles) or "—"),
        ("driver", line.driver),
        ("identity", line.identity or "—"),
    ]
    section = model.configuration["network"]["bench"]["instruments"][name]
    settings = [one for one in as_lines(section).items() if one[0] not in ("kind", "driver")]
    events = [
        (f"event at step {event['step']}", str(event["text"]))
        for event in model.shown_events()
        if isinstance(event.get("details"), dict) and event["details"].get("instrument") == name
    ]
    return known + settings + events[-_MOST_EVENTS:]


def open_instrument_page(parent: QtWidgets.QWidget, model: RunModel, name: str) -> None:
    """Show an instrument in a window of its own; nothing can be changed in it."""
    lines = instrument_lines(model, name)
    if not lines:
        return
    page = QtWidgets.QDialog(parent)
    page.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
    page.setObjectName("instrument page")
    page.setWindowTitle(f"{name} · {model.name}")
    table = TableView()
    table.setAccessibleName(f"instrument {name}")
    table.show_table(PanelTable((name, "as recorded"), lines))
    table.verticalHeader().hide()
    table.horizontalHeader().setStretchLastSection(True)
    table.setWordWrap(True)
    table.resizeColumnToContents(0)
    QtWidgets.QVBoxLayout(page).addWidget(table)
    page.resize(560, 420)
    page.open()
