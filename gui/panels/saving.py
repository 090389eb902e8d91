"""Cards as files."""

from __future__ import annotations

import csv
from pathlib import Path

from gui.panels.panel import PanelTable
from gui.qt import QtCore, QtGui, QtSvg, QtWidgets
from instruments.errors import SettingsError


def save_csv(path: Path, table: PanelTable) -> None:
    """Write numbers with a header line."""
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(table.header)
            writer.writerows(table.rows)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror})") from error


def save_picture(path: Path, widget: QtWidgets.QWidget, scale: float = 2.0) -> None:
    """Write a widget as ``.png`` in ``scale`` times its size, or as ``.svg``.

    Raises
    ------
    SettingsError
        If the file cannot be written or has another ending.
    """
    if path.suffix.lower() == ".svg":
        drawing = QtSvg.QSvgGenerator()
        drawing.setFileName(str(path))
        drawing.setSize(widget.size())
        drawing.setViewBox(QtCore.QRect(QtCore.QPoint(), widget.size()))
        drawing.setTitle(widget.accessibleName())
        painter = QtGui.QPainter()
        if not painter.begin(drawing):
            raise SettingsError(f"{path} cannot be written")
        widget.render(painter, QtCore.QPoint())
        painter.end()
    elif path.suffix.lower() == ".png":
        picture = QtGui.QPixmap(widget.size() * scale)
        picture.setDevicePixelRatio(scale)
        widget.render(picture)
        if not picture.save(str(path)):
            raise SettingsError(f"{path} cannot be written")
    else:
        raise SettingsError(f"{path}: a card is saved as .png, .svg or .csv")
