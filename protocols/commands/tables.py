"""Tables of the commands: never cut off, neither on a terminal nor in a file or a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

_NO_WIDTH = 10_000
_BETWEEN = "   "
_INDENT = 4


def open_console() -> Console:
    """Return a console on stdout."""
    return Console(highlight=False)


def print_table(
    console: Console,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Sequence[str] = (),
) -> None:
    """Print rows under headings; the columns named in ``numbers`` are flush right.

    On a terminal too narrow for the longest words of all columns side by side, each row becomes a
    paragraph: its first cell, and below it every other cell behind its heading.
    """
    table = Table(
        *(Column(name, justify="right" if name in numbers else "left") for name in columns),
        box=box.SIMPLE_HEAD,
    )
    for row in rows:
        table.add_row(*map(escape, row))
    # What a table needs is not what it gets: measured without the terminal's edge.
    needed = Measurement.get(console, console.options.update(width=_NO_WIDTH), table)
    if not console.is_terminal:
        # For grep and awk: what is cut off cannot be found.
        console.width = needed.maximum
    elif needed.maximum > console.width and not _narrow(table, needed.maximum - console.width):
        _print_paragraphs(console, columns, rows)
        return
    console.print(table)


def _narrow(table: Table, excess: int) -> bool:
    """Make columns narrower by ``excess`` together; return whether that can be without cutting.

    The last ones first, and none below its longest word: Rich would narrow the widest ones and cut
    what does not fit. What a row is about, the first column, stays on one line.
    """
    for column in reversed(table.columns):
        cells = [str(cell) for cell in (column.header, *column.cells)]
        widest = max(map(cell_len, cells))
        longest = max((cell_len(word) for cell in cells for word in cell.split()), default=0)
        taken = 0 if column is table.columns[0] else min(excess, widest - longest)
        column.width = widest - taken
        excess -= taken
    return excess == 0


def _print_paragraphs(
    console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    console.print()
    for row in rows:
        # A row without a first cell goes on with the one above it.
        if row[0]:
            console.print(Text(f"  {columns[0]} {row[0]}", style="bold"))
        named = zip(columns[1:], row[1:], strict=True)
        pieces = [
            Text.assemble((heading, "dim"), " ", cell) for heading, cell in named if cell.strip()
        ]
        for line in _lines(pieces, console.width - _INDENT):
            console.print(Padding(line, (0, 0, 0, _INDENT), expand=False))
    console.print()


def _lines(pieces: Iterable[Text], width: int) -> list[Text]:
    """Return pieces side by side, as many on a line as have room."""
    lines: list[Text] = []
    for piece in pieces:
        if lines and lines[-1].cell_len + len(_BETWEEN) + piece.cell_len <= width:
            lines[-1] = Text.assemble(lines[-1], _BETWEEN, piece)
        else:
            lines.append(piece)
    return lines
