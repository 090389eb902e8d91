"""``backbeam resources``: what is connected, and which driver fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from instruments.interfaces.instrument import Identity
    from instruments.transport.wire import VisaWire

RESOURCES_EXAMPLES = """**Examples**

backbeam resources                  everything on USB, GPIB and the network that VISA knows

backbeam resources --serial         serial lines as well, one after the other

backbeam resources --address TCPIP0::192.168.1.21::5025::SOCKET

PYVISA_LIBRARY=my_bench.toml@backbeam backbeam resources   the simulated boxes of a bench
"""

ANSWER_SECONDS = 1.0
SCREEN_DRIVERS = ("display panel", "display mirrors")


def resources(
    serial: Annotated[
        bool,
        typer.Option(
            "--serial",
            help="Ask at serial lines too. Adaptors of other devices may take offence at that.",
        ),
    ] = False,
    address: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS", help="Ask here as well, such as at a socket. May be repeated."
        ),
    ] = None,
) -> None:
    """List what answers on the interfaces of this computer, and which drivers are made for it.

    Nothing but '*IDN?' is sent. Sockets are not found by themselves: name them with --address.
    Screens are listed as a bench file names them, where there is a display.
    """
    from rich.console import Console

    from instruments.transport.wire import VisaWire
    from protocols.commands.tables import open_console, print_table

    # Told on a terminal only.
    with Console(stderr=True).status("looking for instruments") as status:
        wire = VisaWire()
        named = address or []
        listed, remarks = _listed(wire)
        drivers = _loaded_drivers()
        rows = []
        for place in dict.fromkeys([*listed, *named]):
            if not _is_asked(place, serial=serial) and place not in named:
                rows.append((place, "not asked: give --serial", ""))
                continue
            status.update(f"asking {place}")
            who, problem = _ask(wire, place, _ways_to_ask(place, drivers.values()))
            if who is None:
                rows.append((place, problem, ""))
            else:
                rows.append((place, str(who), ", ".join(fitting_drivers(who, drivers)) or "none"))
    for remark in remarks:
        typer.echo(f"note: {remark}", err=True)
    console = open_console()
    if rows:
        print_table(console, ("address", "is", "drivers"), rows)
    else:
        typer.echo("nothing is connected that VISA knows of; name sockets with --address")
    screens = _screen_rows()
    if screens:
        print_table(console, ("screen", "is", "drivers"), screens)


def fitting_drivers(identity: Identity, drivers: Mapping[str, Any] | None = None) -> list[str]:
    """Return the names of the installed drivers that are made for a box.

    A driver says for which models it is made in ``models``, beginnings of their names.

    Parameters
    ----------
    identity
        What the box says of itself.
    drivers
        Loaded drivers by name; by default all that can be loaded.
    """
    model = identity.model.upper()
    known = _loaded_drivers() if drivers is None else drivers
    return [
        name for name, driver in known.items() if model.startswith(tuple(driver.models) or "\0")
    ]


def _screen_rows() -> list[tuple[str, str, str]]:
    """Return a row for each screen; none where there is no display."""
    from instruments.display.connected_screens import (
        connected_screens,
        has_display,
        names_to_write,
    )
    from instruments.errors import InstrumentError

    if not has_display():
        return []
    try:
        screens = connected_screens()
    except InstrumentError as error:
        typer.echo(f"note: {error}", err=True)
        return []
    drivers = ", ".join(SCREEN_DRIVERS)
    return [
        (name, screen.description, drivers)
        for name, screen in zip(names_to_write(screens), screens, strict=True)
    ]


def _loaded_drivers() -> dict[str, Any]:
    """Return the installed drivers that say for which models they are made, by name."""
    from instruments.errors import InstrumentError
    from instruments.opening import find_driver, installed_drivers

    loaded = {}
    installed = installed_drivers()
    for name in installed:
        try:
            driver = find_driver(name, installed)
        except InstrumentError:
            # A vendor's library that is not installed.
            continue
        if getattr(driver, "models", ()):
            loaded[name] = driver
    return loaded


def _listed(wire: VisaWire) -> tuple[list[str], list[str]]:
    """Return the addresses VISA finds, and what kept it from finding more."""
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = list(wire.manager.list_resources("?*"))
    # PyVISA-py warns of every package it could have used.
    if not caught:
        return found, []
    return found, [
        "instruments on the network may be missing from this list; name them with --address, or "
        "let PyVISA-py look for them: pip install 'backbeam[discovery]'"
    ]


def _is_asked(place: str, *, serial: bool) -> bool:
    """Return whether an address that VISA found may be asked without being named."""
    # Adaptors from serial lines to GPIB are behind a serial line themselves.
    return serial or "ASRL" not in place.upper().split("::")[0]


def _ways_to_ask(place: str, drivers: Iterable[Any]) -> list[tuple[bytes, int | None]]:
    """Return terminators and baud rates to try at an address, one after the other."""
    start = place.upper()
    if start.endswith("SOCKET"):
        # Boxes that end at a line feed take the return for a blank.
        return [(b"\r\n", None)]
    if not start.startswith("ASRL"):
        return [(b"\n", None)]
    lines = [getattr(driver, "serial_line", None) for driver in drivers]
    return list(dict.fromkeys([(b"\n", None), *(line for line in lines if line is not None)]))


def _ask(
    wire: VisaWire, place: str, ways: Iterable[tuple[bytes, int | None]]
) -> tuple[Identity | None, str]:
    """Return who answers, or ``None`` and why nobody does."""
    from instruments.errors import InstrumentError
    from instruments.transport.session import Session

    problem = ""
    for end, baud_rate in ways:
        session = Session(
            place, place, wire, timeout_seconds=ANSWER_SECONDS, end=end, baud_rate=baud_rate
        )
        try:
            session.open()
            return session.identity(), ""
        except InstrumentError as error:
            problem = _in_short(str(error), place)
        finally:
            session.close()
    return None, problem


def _in_short(message: str, place: str) -> str:
    """Return what a message says of an address, without the address and without advice."""
    return message.removeprefix(f"{place} ({place}): ").split("; ")[0]
