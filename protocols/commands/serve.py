"""``backbeam serve``: the boxes of a bench, simulated, on TCP sockets of this computer."""

from __future__ import annotations

from typing import Annotated

import typer

SERVE_EXAMPLES = """**Examples**

backbeam serve my_bench.toml                    a socket for every box; Ctrl-C ends it

backbeam serve my_bench.toml --first-port 5025  sockets from 5025 on, the same every time
"""


def serve(
    bench: Annotated[str, typer.Argument(metavar="BENCH", help="Bench file.")],
    first_port: Annotated[
        int,
        typer.Option(
            metavar="PORT", min=0, max=65535, help="Take ports from here on; 0: whatever is free."
        ),
    ] = 0,
) -> None:
    """Let every program talk to the simulated boxes of a bench, whatever it is written in.

    Prints where each box answers: on this computer only. They share one twin, whose time passes
    as real time does, and stay until Ctrl-C.
    """
    import threading

    from instruments.errors import BenchFileError
    from instruments.opening import SharedResources
    from protocols.commands.simulate import found_bench
    from protocols.commands.tables import open_console, print_table
    from sim_backends.simulated.stand_ins import THE_WIRE
    from sim_backends.wire.bench_wire import bench_wire
    from sim_backends.wire.tcp_server import ServedBoxes

    file = found_bench(bench, THE_WIRE)
    boxes = bench_wire(file, SharedResources())
    if not boxes.links:
        raise BenchFileError(
            f"{file.origin}: no instrument has an address and a driver with a model of its boxes; "
            "there is nothing to serve"
        )
    boxes.follow_real_time()
    with ServedBoxes(boxes.links, first_port) as served:
        rows = [
            (", ".join(boxes.links[address].names), boxes.links[address].address, place)
            for address, place in served.addresses.items()
        ]
        print_table(open_console(), ("instrument", "on the bench", "answers at"), rows)
        typer.echo("serving; Ctrl-C ends it")
        # Without a time limit Windows would not let Ctrl-C through.
        while not threading.Event().wait(0.5):
            pass
