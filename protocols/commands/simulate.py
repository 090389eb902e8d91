"""The options with which commands put simulated instruments in place of real ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from instruments.bench_file.schema import BenchFile
    from instruments.opening import SharedResources

Simulate = Annotated[
    str | None,
    typer.Option(
        "--simulate",
        metavar="[WHAT]",
        help="Put simulated instruments in the place of all, or of NAME,NAME,..; with 'wire' real "
        "drivers talk to models of their instruments.",
        show_default=False,
    ),
]
RecordWire = Annotated[
    Path | None,
    typer.Option(
        "--record-wire",
        metavar="FILE",
        help="Write every message to and from instruments to this file; a test can replay it.",
        show_default=False,
    ),
]

_FLAG = "--simulate"


def with_what_to_simulate(given: Sequence[str]) -> list[str]:
    """Return a command line in which ``--simulate`` always says what.

    Alone, or in front of a bench file or another option, it means everything.
    """
    arguments = list(given)
    for place, argument in enumerate(arguments):
        if argument != _FLAG:
            continue
        after = arguments[place + 1 : place + 2]
        if not after or after[0].startswith("-") or _is_bench(after[0]):
            arguments[place] = f"{_FLAG}=all"
    return arguments


def _is_bench(word: str) -> bool:
    from instruments.bench_file.reading import built_in_names

    return word.endswith(".toml") or word in built_in_names()


def found_bench(bench: str, simulate: str | None) -> BenchFile:
    """Return the bench that is meant, with simulated instruments where that is asked for.

    Raises
    ------
    BenchFileError, SettingsError
        As of ``find_bench_file`` and ``simulated_bench``.
    """
    from instruments.bench_file.reading import find_bench_file
    from sim_backends.simulated.stand_ins import simulated_bench

    file = find_bench_file(bench)
    if simulate is None:
        return file
    simulated = simulated_bench(file, simulate)
    for remark in remarks_on_simulation(file, simulated):
        typer.echo(f"note: {remark}", err=True)
    return simulated


def remarks_on_simulation(file: BenchFile, simulated: BenchFile) -> list[str]:
    """Return what a user may not expect of the places that simulated instruments took.

    Parameters
    ----------
    file
        As the user wrote it.
    simulated
        What became of it.
    """
    from instruments.bench_file.problems import listed, nearest
    from instruments.opening import installed_drivers
    from sim_backends.simulated.stand_ins import is_simulated

    replaced = {
        name: section.driver
        for name, section in file.instruments.items()
        if not is_simulated(section) and is_simulated(simulated.instruments[name])
    }
    installed = installed_drivers()
    remarks = [
        f"{name}: no driver '{driver}' is installed; it is simulated all the same"
        f"{nearest(driver, installed)}"
        for name, driver in replaced.items()
        if driver not in installed
    ]
    known = [name for name, driver in replaced.items() if driver in installed]
    if simulated.wire == "simulated" and known:
        remarks.append(
            f"{listed(known)}: there is no model of the boxes behind the driver, or no address; "
            "the whole instrument is simulated"
        )
    return remarks


def shared_resources(record_wire: Path | None, file: BenchFile) -> SharedResources:
    """Return what the instruments of a bench are to share, with a recording if that is asked for.

    Parameters
    ----------
    record_wire
        The recording; ``None``: none.
    file
        The bench.

    Raises
    ------
    SettingsError
        If the recording cannot be written.
    """
    from instruments.opening import SharedResources
    from instruments.transport.wire_recording import record_wire as start_recording

    shared = SharedResources()
    if record_wire is not None:
        start_recording(shared, record_wire)
        if not any(section.every_address for section in file.instruments.values()):
            typer.echo(
                f"note: record-wire: no instrument of {file.origin} is on a wire; nothing will be "
                "recorded (--simulate wire keeps the drivers)",
                err=True,
            )
    return shared
