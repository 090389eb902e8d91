"""The theme in use, applied to Qt, and told to whoever draws for himself."""

from __future__ import annotations

from gui.qt import QtCore, QtGui, QtWidgets
from gui.theme.contrast import mixed
from gui.theme.tokens import THEMES, Theme

SMALLEST_SCALE, LARGEST_SCALE = 0.7, 2.5


class Appearance(QtCore.QObject):
    """Theme and size of writing of one application.

    ``changed`` is emitted after either changed; plots and icons have to be drawn anew then,
    because they do not follow Qt's palette.
    """

    changed = QtCore.Signal()

    def __init__(self, application: QtWidgets.QApplication, theme: str = "light") -> None:
        super().__init__()
        self._application = application
        self._points = application.font().pointSizeF()
        self.scale = 1.0
        self.thick_lines = False
        self.theme: Theme = THEMES[theme]
        application.setStyle("Fusion")
        self._apply()

    def set_theme(self, name: str) -> None:
        """Change between ``light`` and ``dark``."""
        self.theme = THEMES[name]
        self._apply()
        self.changed.emit()

    def set_scale(self, scale: float) -> None:
        """Make all writing larger or smaller."""
        self.scale = min(max(scale, SMALLEST_SCALE), LARGEST_SCALE)
        self._apply()
        self.changed.emit()

    def set_thick_lines(self, thick: bool) -> None:
        """Draw curves with two pixels where that is cheap."""
        self.thick_lines = thick
        self.changed.emit()

    def font(self, scale: float = 1.0, *, bold: bool = False) -> QtGui.QFont:
        """Return the application's font, larger or bolder."""
        font = QtGui.QFont(self._application.font())
        font.setPointSizeF(self._points * self.scale * scale)
        font.setBold(bold)
        return font

    def _apply(self) -> None:
        font = QtGui.QFont(self._application.font())
        font.setPointSizeF(self._points * self.scale)
        self._application.setFont(font)
        self._application.setPalette(palette(self.theme))
        self._application.setStyleSheet(style_sheet(self.theme))


def palette(theme: Theme) -> QtGui.QPalette:
    """Return Qt's palette of a theme."""
    roles = QtGui.QPalette.ColorRole
    colours = {
        roles.Window: theme.window,
        roles.WindowText: theme.text,
        roles.Base: theme.surface,
        roles.AlternateBase: mixed(theme.surface, theme.window, 0.6),
        roles.Text: theme.text,
        roles.Button: theme.raised,
        roles.ButtonText: theme.text,
        roles.BrightText: theme.fault,
        roles.Highlight: theme.accent,
        roles.HighlightedText: theme.accent_text,
        roles.ToolTipBase: theme.raised,
        roles.ToolTipText: theme.text,
        roles.PlaceholderText: theme.muted,
        roles.Link: theme.accent,
        roles.LinkVisited: theme.simulated,
        roles.Light: mixed(theme.raised, theme.text, 0.12),
        roles.Midlight: theme.raised,
        roles.Mid: theme.border,
        roles.Dark: theme.border,
        roles.Shadow: mixed(theme.window, "#000000", 0.6),
    }
    made = QtGui.QPalette()
    for role, colour in colours.items():
        made.setColor(role, QtGui.QColor(colour))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        made.setColor(QtGui.QPalette.ColorGroup.Disabled, role, QtGui.QColor(theme.off))
    return made


def style_sheet(theme: Theme) -> str:
    """Return what the palette cannot say: outlines that stay visible on dark, the focus ring."""
    return f"""
    QToolTip {{ color: {theme.text}; background: {theme.raised};
        border: 1px solid {theme.border}; }}
    QCheckBox::indicator, QTreeView::indicator, QTableView::indicator, QMenu::indicator {{
        width: 13px; height: 13px; border: 1px solid {theme.muted}; border-radius: 2px;
        background: {theme.surface};
    }}
    QCheckBox::indicator:checked, QTreeView::indicator:checked, QTableView::indicator:checked,
    QMenu::indicator:checked {{ background: {theme.accent}; border-color: {theme.accent}; }}
    QFrame#card {{ background: {theme.surface}; border: 1px solid {theme.border};
        border-radius: 3px; }}
    QFrame#card[focused="true"] {{ border: 2px solid {theme.accent}; }}
    QHeaderView::section {{ background: {theme.raised}; color: {theme.text}; padding: 3px 5px;
        border: 0; border-right: 1px solid {theme.border};
        border-bottom: 1px solid {theme.border}; }}
    QProgressBar {{ border: 1px solid {theme.border}; border-radius: 3px; text-align: center;
        background: {theme.surface}; color: {theme.text}; }}
    QProgressBar::chunk {{ background: {mixed(theme.surface, theme.accent, 0.35)}; }}
    QToolButton:focus, QPushButton:focus, QSlider:focus, QLineEdit:focus,
    QComboBox:focus {{ outline: none; border: 2px solid {theme.accent}; }}
    QToolButton {{ padding: 3px 6px; border: 1px solid transparent; border-radius: 3px; }}
    QToolButton:hover:enabled {{ background: {theme.raised}; border-color: {theme.border}; }}
    QToolButton:checked {{ background: {theme.raised}; border-color: {theme.accent}; }}
    """
