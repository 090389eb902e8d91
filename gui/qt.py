"""Qt and pyqtgraph, imported once and in the order that matters.

pyqtgraph takes the binding it finds loaded; qtpy has to come first, or the two may disagree.
"""

from __future__ import annotations

from qtpy import QtCore, QtGui, QtSvg, QtWidgets  # isort: skip
import pyqtgraph as pg  # isort: skip

__all__ = ["QtCore", "QtGui", "QtSvg", "QtWidgets", "pg"]
