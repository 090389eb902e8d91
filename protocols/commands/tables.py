"""Tables of the commands: narrow on a terminal, never cut off in a file or a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Column, Table

_NO_WIDTH = 10_000


def open_console() -> Console:
    """Return a console on stdout."""
    return Console(highlight=False)


def print_table(
    console: Console,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Sequence[str] = (),
) -> None:
    """Print rows under headings; the columns named in ``numbers`` are flush right."""
    table = Table(
        *(
            Column(name, justify="right" if name in numbers else "left", no_wrap=index == 0)
            for index, name in enumerate(columns)
        ),
        box=box.SIMPLE_HEAD,
    )
    for row in rows:
        table.add_row(*map(escape, row))
    if not console.is_terminal:
        # For grep and awk: what is cut off cannot be found.
        console.width = _NO_WIDTH
        console.width = Measurement.get(console, console.options, table).maximum
    console.print(table)
