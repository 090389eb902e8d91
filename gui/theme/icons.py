"""Icons as drawings, coloured by the theme: no font has to hold them."""

from __future__ import annotations

from gui.qt import QtCore, QtGui, QtSvg

_SHAPES = {
    "pause": '<rect x="5" y="4" width="5" height="16"/><rect x="14" y="4" width="5" height="16"/>',
    "resume": '<path d="M6 3 L20 12 L6 21 Z"/>',
    "stop": '<rect x="5" y="5" width="14" height="14"/>',
    "abort": '<path d="M8 2h8l6 6v8l-6 6H8l-6-6V8z M8.5 7 7 8.5 10.5 12 7 15.5 8.5 17 12 13.5 '
    '15.5 17 17 15.5 13.5 12 17 8.5 15.5 7 12 10.5z" fill-rule="evenodd"/>',
    "ok": '<path d="M9.5 19 3 12.5 5 10.5 9.5 15 19 5.5 21 7.5z"/>',
    "warning": '<path d="M12 2 23 21H1z M11 9v6h2V9z M11 17v2h2v-2z" fill-rule="evenodd"/>',
    "fault": '<path d="M5 3 12 10 19 3 21 5 14 12 21 19 19 21 12 14 5 21 3 19 10 12 3 5z"/>',
    "off": '<rect x="4" y="10" width="16" height="4"/>',
    "simulated": '<path d="M12 2 22 12 12 22 2 12z M12 6 6 12 12 18 18 12z" fill-rule="evenodd"/>',
    "unknown": '<circle cx="12" cy="12" r="4"/>',
    "running": '<circle cx="12" cy="12" r="8"/>',
    "menu": '<circle cx="12" cy="5" r="2.2"/><circle cx="12" cy="12" r="2.2"/>'
    '<circle cx="12" cy="19" r="2.2"/>',
}

_SIZES = (16, 24, 32, 48, 64)

NAMES = tuple(_SHAPES)


def pixmap(name: str, colour: str, size: int, ratio: float = 1.0) -> QtGui.QPixmap:
    """Return an icon ``size`` device-independent pixels wide."""
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="{colour}">'
        f"{_SHAPES[name]}</svg>"
    )
    pixels = round(size * ratio)
    picture = QtGui.QPixmap(pixels, pixels)
    picture.fill(QtCore.Qt.GlobalColor.transparent)
    painter = QtGui.QPainter(picture)
    QtSvg.QSvgRenderer(QtCore.QByteArray(drawing.encode())).render(painter)
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


def icon(name: str, colour: str, disabled: str | None = None) -> QtGui.QIcon:
    """Return an icon, in another colour where what it stands on is disabled."""
    made = QtGui.QIcon()
    for size in _SIZES:
        made.addPixmap(pixmap(name, colour, size))
        if disabled is not None:
            made.addPixmap(pixmap(name, disabled, size), QtGui.QIcon.Mode.Disabled)
    return made
