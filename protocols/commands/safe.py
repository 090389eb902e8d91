"""``backbeam safe``: bring a bench to its safe state, whatever state it is in."""

from __future__ import annotations

from typing import Annotated

import typer

from protocols.commands.simulate import Simulate

SAFE_EXAMPLES = """**Examples**

backbeam safe my_bench.toml                  light off, then supplies, one after the other

backbeam safe my_bench.toml --timeout 30     for instruments that take long to answer
"""


def safe(
    bench: Annotated[
        str,
        typer.Argument(metavar="BENCH", help="Bench file, or name of a built-in bench."),
    ] = "digits",
    timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="How long instruments have to answer."),
    ] = 10.0,
    simulate: Simulate = None,
) -> None:
    """Bring every instrument that answers to its safe state, in the order the file names.

    For a bench that a program, a power cut or a pulled cable left lit. An instrument that does
    not answer is named and does not stop the others. Exit code 1: one could not be made safe
    and has to be switched off by hand.
    """
    import math

    from instruments.errors import SettingsError
    from instruments.opening import SharedResources
    from instruments.parallel_opening import open_each, prepare_each, reason_text
    from protocols.commands.simulate import found_bench
    from protocols.commands.tables import open_console, print_table

    if not (math.isfinite(timeout) and timeout > 0):
        raise SettingsError(f"timeout: found {timeout:g}; give a number of seconds above 0")
    file = found_bench(bench, simulate)
    prepared, failures = prepare_each(file, SharedResources())
    opened = open_each(file, prepared, timeout)
    outcomes = {one.instrument: one for one in opened.make_safe().outcomes}
    opened.close()
    failures |= opened.failures
    rows, lit = [], []
    for place, name in enumerate(file.safe_state.order, start=1):
        if name in failures:
            happened = f"not opened: {reason_text(file.origin, name, failures[name])}"
        else:
            happened = str(outcomes[name]).removeprefix(f"{name}: ")
        if name in failures or outcomes[name].outcome != "reached":
            lit.append(name)
        rows.append((str(place), name, " ".join(happened.split())))
    print_table(open_console(), ("order", "instrument", "what happened"), rows)
    if lit:
        typer.echo(f"not made safe: {', '.join(lit)}; switch off by hand", err=True)
        raise typer.Exit(1)
    typer.echo(f"bench {file.name} is safe")
