"""A card's numbers as a table."""

from __future__ import annotations

from typing import Any

from gui.panels.panel import PanelTable
from gui.qt import QtCore, QtWidgets


class TableView(QtWidgets.QTableView):
    """Shows a ``PanelTable``; only the cells that can be seen cost anything."""

    def __init__(self) -> None:
        super().__init__()
        self._model = _TableModel()
        self.setModel(self._model)
        self.setAlternatingRowColors(True)
        self.setAccessibleName("the same as numbers")
        self.setSizePolicy(
            QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Ignored
        )

    def show_table(self, table: PanelTable) -> None:
        """Show these numbers."""
        self._model.set_table(table)


class _TableModel(QtCore.QAbstractTableModel):
    def __init__(self) -> None:
        super().__init__()
        self._table = PanelTable((), ())

    def set_table(self, table: PanelTable) -> None:
        self.beginResetModel()
        self._table = table
        self.endResetModel()

    def rowCount(self, parent: Any = None) -> int:
        return len(self._table.rows)

    def columnCount(self, parent: Any = None) -> int:
        return len(self._table.header)

    def data(self, index: Any, role: int = 0) -> Any:
        if role != QtCore.Qt.ItemDataRole.DisplayRole:
            return None
        value = self._table.rows[index.row()][index.column()]
        return f"{value:.6g}" if isinstance(value, float) else str(value)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:
        if role != QtCore.Qt.ItemDataRole.DisplayRole:
            return None
        if orientation == QtCore.Qt.Orientation.Horizontal:
            return str(self._table.header[section])
        return str(section)
