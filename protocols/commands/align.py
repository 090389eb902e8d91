"""``backbeam align``: drive a bench by hand before any table exists, with live readings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocols.commands.simulate import RecordWire, Simulate

if TYPE_CHECKING:
    from protocols.commands.align_lines import AlignmentLines

ALIGN_EXAMPLES = """**Examples**

backbeam align my_bench.toml                        type 'help' for the lines it takes

backbeam align my_bench.toml --commands morning.txt       lines from a file

backbeam align --simulate                           practise on the built-in bench
"""


def align(
    bench: Annotated[
        str,
        typer.Argument(metavar="BENCH", help="Bench file, or name of a built-in bench."),
    ] = "digits",
    commands: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Take lines from here in place of the terminal; the first one that fails ends it.",
        ),
    ] = None,
    simulate: Simulate = None,
    record_wire: RecordWire = None,
) -> None:
    """Light blocks, rows, inputs by hand and watch taps, cameras and power meters.

    Opens the bench and switches nothing on: laser, shutters, amplifiers and oven are lines of
    their own, each within the limits of the bench file. No calibration table is used. However it
    ends, the bench is brought to its safe state. Exit code 3: an instrument did not answer, or one
    did not go to its safe state.
    """
    from instruments.errors import InstrumentError
    from protocols.alignment.bench_by_hand import opened_by_hand
    from protocols.commands.align_lines import AlignmentLines
    from protocols.commands.align_tables import AlignmentTables
    from protocols.commands.simulate import found_bench, shared_resources
    from protocols.commands.tables import open_console

    file = found_bench(bench, simulate)
    script = None if commands is None else _script(commands)
    console = open_console()
    by_person = script is None and _is_terminal()
    with opened_by_hand(file, shared_resources(record_wire, file)) as by_hand:
        tables = AlignmentTables(console, shows_every_step=by_person)
        lines = AlignmentLines(by_hand, tables)
        if by_person:
            tables.say(f"bench {file.name} is open and dark; 'help' says what can be done")
            _converse(lines)
        else:
            _follow(lines, script)
        report = by_hand.light.bench.make_safe()
    if not report.reached:
        raise InstrumentError(str(report))
    typer.echo(f"bench {file.name} is safe")


def _is_terminal() -> bool:
    import sys

    return sys.stdin is not None and sys.stdin.isatty()


def _script(path: Path) -> Iterator[str]:
    from instruments.errors import SettingsError

    try:
        return iter(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text in UTF-8"
        raise SettingsError(f"{path}: cannot be read ({reason.lower()})") from error


def _converse(lines: AlignmentLines) -> None:
    """Take lines from a person; what is wrong is said, and the next line is asked for."""
    from contextlib import suppress

    from instruments.errors import BackbeamError

    with suppress(ImportError):
        # Where there is one: lines can be edited and brought back.
        import readline  # noqa: F401

    while True:
        try:
            line = input("align> ")
        except EOFError:
            return
        try:
            if lines.obey(line):
                return
        except BackbeamError as error:
            lines.tables.say(f"not done: {error}")


def _follow(lines: AlignmentLines, script: Iterator[str] | None) -> None:
    """Take lines from a file or a pipe; an error ends it."""
    import sys

    given = sys.stdin if script is None else script
    for line in given:
        text = line.strip()
        if text:
            lines.tables.say(f"align> {text}")
        if lines.obey(text):
            return
