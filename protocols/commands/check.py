"""``backbeam check``: is the bench file right, does every instrument answer, can all go safe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from protocols.commands.simulate import RecordWire, Simulate

if TYPE_CHECKING:
    from rich.console import Console

    from instruments.bench import Bench
    from instruments.bench_file.instrument_sections import InstrumentSection
    from instruments.bench_file.schema import BenchFile
    from instruments.safe_state import SafeStateReport

CHECK_EXAMPLES = """**Examples**

backbeam check                      the built-in bench, all of it simulated

backbeam check my_bench.toml        your own, as `backbeam init` wrote it

backbeam check my_bench.toml --simulate wire      the drivers, talking to models of the boxes

backbeam check my_bench.toml --display-timing     how late the light of its panel is
"""


def check(
    bench: Annotated[
        str,
        typer.Argument(metavar="BENCH", help="Bench file, or name of a built-in bench."),
    ] = "digits",
    simulate: Simulate = None,
    record_wire: RecordWire = None,
    display_timing: Annotated[
        bool,
        typer.Option(
            "--display-timing",
            help="Switch the light on, flash a panel and read a photodetector shot by shot: "
            "latency from handing a frame over to light, its spread, settling time, frames "
            "skipped.",
        ),
    ] = False,
    panel: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="With --display-timing: which panel; by default the first whose stage has inputs.",
        ),
    ] = None,
    flashes: Annotated[
        int, typer.Option(min=2, help="With --display-timing: how often it is switched.")
    ] = 100,
) -> None:
    """Open every instrument of a bench and bring it to its safe state; switch nothing on.

    Says who answers, what is simulated, which limits are in force, which calibration tables were
    measured, and how long the way to the safe state takes. Exit code 2: the file is wrong; 3:
    instruments did not answer, or one did not go to its safe state. The message then names all
    of them.
    """
    from instruments.bench_opening import open_bench
    from instruments.errors import InstrumentError
    from protocols.commands.simulate import found_bench, shared_resources
    from protocols.commands.tables import open_console

    file = found_bench(bench, simulate)
    with open_bench(file, shared=shared_resources(record_wire, file)) as opened:
        console = open_console()
        _print_instruments(console, file, opened)
        _print_tables(console, opened)
        if display_timing:
            from protocols.commands.display_timing import print_display_timing

            print_display_timing(console, file, opened, panel, flashes)
        report = opened.make_safe()
        _print_safe_state(console, report)
    if not report.reached:
        raise InstrumentError(str(report))
    switched = "what was switched on is off again" if display_timing else "nothing was switched on"
    typer.echo(f"bench {file.name} is ready; {switched}")


def _print_instruments(console: Console, file: BenchFile, bench: Bench) -> None:
    from instruments.bench_file.instrument_sections import kind_in_words
    from protocols.commands.tables import print_table
    from protocols.readable_quantities import readable_limit

    rows = []
    for name, section in file.instruments.items():
        instrument = bench.instruments[name]
        limits = [readable_limit(what, limit) for what, limit in instrument.limits().items()]
        rows.append(
            (
                name,
                kind_in_words(section.kind),
                section.driver,
                str(instrument.identity()),
                _what_it_is(section, simulated=instrument.simulated),
                ", ".join(limits) or "none",
            )
        )
    print_table(console, ("instrument", "kind", "driver", "identity", "is", "limits"), rows)


def _what_it_is(section: InstrumentSection, *, simulated: bool) -> str:
    """Return whether hardware answers, a simulated instrument, or a driver on a simulated wire."""
    from sim_backends.simulated.stand_ins import is_simulated

    if not simulated:
        return "hardware"
    return "simulated" if is_simulated(section) else "simulated wire"


def _print_tables(console: Console, bench: Bench) -> None:
    """Say which tables were measured and which are still nominal."""
    from protocols.commands.tables import print_table

    described = bench.describe()
    ids, sources = described["tables"], described["table_sources"]
    print_table(
        console,
        ("table of", "is", "id"),
        [(name, sources[name], ids[name]) for name in sorted(ids)],
    )


def _print_safe_state(console: Console, report: SafeStateReport) -> None:
    from protocols.commands.tables import print_table
    from protocols.readable_quantities import readable

    words = {"reached": "safe", "raised": "refused", "hung": "no answer"}
    rows = [
        (str(place), one.instrument, words[one.outcome], readable(one.seconds, "s"))
        for place, one in enumerate(report.outcomes, start=1)
    ]
    print_table(console, ("order", "instrument", "safe state", "after"), rows, ("after",))
