"""The tabs with their cards, of which only those that can be seen are drawn."""

from __future__ import annotations

from collections.abc import Iterator

from gui.panels.card import Card
from gui.panels.deck import Place, deck
from gui.panels.panel import PanelContext
from gui.qt import QtCore, QtWidgets

_ROW_HEIGHT = 190


class Tabs(QtWidgets.QTabWidget):
    """Cards in grids. ``painted`` is emitted after a round in which anything was drawn."""

    painted = QtCore.Signal()
    left_live = QtCore.Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("tabs")
        self.setDocumentMode(True)
        self.setAccessibleName("tabs")
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        self._cards: list[Card] = []
        self._maximised: tuple[Card, int, int, int, int] | None = None
        self._context: PanelContext | None = None
        self._unbuilt: dict[QtWidgets.QWidget, list[Place]] = {}
        self.currentChanged.connect(self._build_current)

    def show_context(self, context: PanelContext | None) -> None:
        """Replace all cards by those of another run, on the tab that was open."""
        open_tab = max(self.currentIndex(), 0)
        self._maximised = None
        self._cards = []
        self._unbuilt = {}
        self._context = None
        while self.count():
            page = self.widget(0)
            self.removeTab(0)
            page.hide()
            page.deleteLater()
        if context is None:
            return
        self._context = context
        for number, (name, places) in enumerate(deck(context.model).items(), start=1):
            area = QtWidgets.QScrollArea()
            area.setWidgetResizable(True)
            area.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
            area.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
            self._unbuilt[area] = places
            self.addTab(area, f"&{number} {name}")
        self.setCurrentIndex(min(open_tab, self.count() - 1))
        self._build_current()

    def _build_current(self, *_: object) -> None:
        """Make the cards of the tab that is open, when it is opened for the first time."""
        places = self._unbuilt.pop(self.currentWidget(), None)
        if places is None or self._context is None:
            return
        page = QtWidgets.QWidget()
        grid = QtWidgets.QGridLayout(page)
        grid.setContentsMargins(4, 4, 4, 4)
        grid.setSpacing(6)
        for place in places:
            card = Card(place.name, place.factory, self._context)
            card.maximised.connect(self._toggle_maximised)
            card.left_live.connect(self.left_live)
            grid.addWidget(card, place.row, place.column, 1, place.columns)
            self._cards.append(card)
        for row in {place.row for place in places}:
            grid.setRowStretch(row, 1)
            grid.setRowMinimumHeight(row, _ROW_HEIGHT)
        for column in range(max(place.column + place.columns for place in places)):
            grid.setColumnStretch(column, 1)
        self.currentWidget().setWidget(page)

    def __iter__(self) -> Iterator[Card]:
        return iter(self._cards)

    def card(self, name: str) -> Card:
        """Return a card by its name, from the tabs that were opened so far."""
        return next(card for card in self._cards if card.name == name)

    def mark(self, changes: set[str]) -> None:
        """Tell all cards what has changed."""
        for card in self._cards:
            card.mark(changes)

    def refresh(self) -> bool:
        """Draw what can be seen and has changed; whether that was anything."""
        drawn = [card.refresh() for card in self._cards]
        if any(drawn):
            self.painted.emit()
            return True
        return False

    def focused_card(self) -> Card | None:
        """Return the card with the focus, or the first that can be seen."""
        widget = QtWidgets.QApplication.focusWidget()
        while widget is not None:
            if isinstance(widget, Card):
                return widget
            widget = widget.parentWidget()
        return next((card for card in self._cards if card.isVisible()), None)

    def restore_card(self) -> None:
        """Put a maximised card back into its place."""
        if self._maximised is None:
            return
        card, *place = self._maximised
        self._maximised = None
        page = card.parentWidget()
        for other in self._cards:
            if other.parentWidget() is page:
                other.show()
        page.layout().addWidget(card, *place)

    def _toggle_maximised(self, card: Card) -> None:
        if self._maximised is not None:
            self.restore_card()
            return
        page = card.parentWidget()
        grid = page.layout()
        place = grid.getItemPosition(grid.indexOf(card))
        self._maximised = (card, *place)
        for other in self._cards:
            if other.parentWidget() is page and other is not card:
                other.hide()
        rows, columns = grid.rowCount(), grid.columnCount()
        grid.addWidget(card, 0, 0, rows, columns)
        card.setFocus()
