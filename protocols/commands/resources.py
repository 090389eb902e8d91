"""``backbeam resources``: what is connected, and which driver fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from instruments.interfaces.instrument import Identity

RESOURCES_EXAMPLES = """**Examples**

backbeam resources                  everything on USB, GPIB and the network that VISA knows

backbeam resources --serial         serial lines as well, one after the other

backbeam resources --address TCPIP0::192.168.1.21::5025::SOCKET
"""

ANSWER_SECONDS = 1.0


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
    """
    from instruments.errors import InstrumentError
    from instruments.transport.connection import ConnectionLostError
    from instruments.transport.session import Session
    from instruments.transport.wire import VisaWire
    from protocols.commands.tables import open_console, print_table

    wire = VisaWire()
    found = [*wire.manager.list_resources("?*"), *(address or [])]
    rows = []
    for place in dict.fromkeys(found):
        if place.upper().startswith("ASRL") and not serial and place not in (address or []):
            rows.append((place, "not asked: give --serial", ""))
            continue
        session = Session(place, place, wire, timeout_seconds=ANSWER_SECONDS)
        try:
            session.open()
            identity = session.identity()
        except (InstrumentError, ConnectionLostError):
            rows.append((place, "no answer", ""))
            continue
        finally:
            session.close()
        rows.append((place, str(identity), ", ".join(fitting_drivers(identity)) or "none"))
    if not rows:
        typer.echo("nothing is connected that VISA knows of")
        return
    print_table(open_console(), ("address", "is", "drivers"), rows)


def fitting_drivers(identity: Identity) -> list[str]:
    """Return the names of the installed drivers that are made for a box.

    A driver says for which models it is made in ``models``, beginnings of their names.
    """
    from instruments.errors import InstrumentError
    from instruments.opening import find_driver, installed_drivers

    fitting = []
    for name in installed_drivers():
        try:
            models = getattr(find_driver(name), "models", ())
        except InstrumentError:
            # A vendor's library that is not installed.
            continue
        if models and identity.model.upper().startswith(tuple(models)):
            fitting.append(name)
    return fitting
