"""The interface of a panel, and what it needs to draw.

A panel is made with a ``PanelContext`` and asked to ``update`` when something it names in ``keys``
has changed and its card can be seen. It knows neither its card nor the window. What it raises is
shown in its place; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gui.model.run_model import RunModel
from gui.model.view import View
from gui.theme.appearance import Appearance


@dataclass(frozen=True)
class PanelContext:
    """What a panel draws from."""

    model: RunModel
    view: View
    appearance: Appearance


@dataclass(frozen=True)
class PanelState:
    """What a panel says besides its drawing.

    Parameters
    ----------
    newest
        The newest value in a few words or numbers, printed on the card.
    remark
        What else is worth saying, in small letters behind it where there is room.
    empty
        Why there is nothing to see, and what to do about it; empty if there is something.
    description
        What is to be seen, in a sentence, for those who do not see it.
    """

    newest: str = ""
    remark: str = ""
    empty: str = ""
    description: str = ""


@dataclass(frozen=True)
class PanelTable:
    """The same as numbers.

    Parameters
    ----------
    header
        Names of the columns with their units.
    rows
        Values, a row each.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]


class Panel(Protocol):
    """What a card shows.

    Attributes
    ----------
    title
        Heading of the card.
    keys
        Which changes concern it: ``rows``, ``epochs``, ``events``, ``taps``, ``state``, ``view``,
        ``overlays``. It is always updated for ``all``.
    widget
        The drawing, a QWidget.
    """

    title: str
    keys: frozenset[str]
    widget: Any

    def update(self, changes: set[str]) -> PanelState:
        """Draw what has changed."""
        ...

    def table(self) -> PanelTable:
        """Return what is drawn as numbers."""
        ...


PanelFactory = Callable[[PanelContext], Panel]
