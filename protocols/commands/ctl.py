"""``backbeam ctl``: pause, resume, stop or abort a training from a terminal."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

CTL_EXAMPLES = """**Examples**

backbeam ctl runs/digits-20260131-120000 pause

backbeam ctl runs/digits-20260131-120000 pause --now

backbeam ctl tcp://127.0.0.1:5571 status
"""


class Command(enum.StrEnum):
    """What can be asked of a run."""

    pause = "pause"
    resume = "resume"
    stop = "stop"
    abort = "abort"
    status = "status"


def ctl(
    target: Annotated[
        str, typer.Argument(metavar="RUN", help="Folder of a run, or tcp://HOST:PORT.")
    ],
    command: Annotated[
        Command,
        typer.Argument(
            metavar="WHAT",
            help="pause: after the minibatch in hand, everything safe; with --now before the next "
            "exposure, and the minibatch is done again. resume: go on. "
            "stop: for good after the epoch in hand. abort: at once; can be resumed as a run. "
            "status: what it is doing.",
        ),
    ],
    now: Annotated[
        bool, typer.Option("--now", help="Pause before the next exposure, not the next minibatch.")
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Copy of the run's monitor.json, for another computer."),
    ] = None,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to wait until it is done.")
    ] = 30.0,
) -> None:
    """Command a training that is going on, and wait until it has obeyed.

    Exit code 2 if there is no trainer, or it did not obey in time.
    """
    import time

    from instruments.errors import RecordError
    from protocols.live.address import is_address
    from protocols.live.client import LiveClient
    from protocols.record.run import open_run

    if now and command is not Command.pause:
        raise typer.BadParameter(f"{command.value} has no --now, only pause has")
    if is_address(target):
        client = LiveClient.to_address(target, key)
    else:
        state = open_run(Path(target)).state
        if state != "running":
            if command is Command.status:
                typer.echo(state)
                return
            raise RecordError(f"{target} is {state}: there is nothing to {command.value}")
        client = LiveClient.to_run(Path(target))
    with client:
        if command is Command.status:
            answer = client.ask("status")
            typer.echo(answer.state)
            return
        # Somebody at a terminal means it: control is taken from a window, and it is told so.
        answer = client.ask("pause_now" if now else command.value, take=True)
        typer.echo(answer.text)
        if not answer.accepted:
            raise typer.Exit(2)
        wanted = {
            Command.pause: ("paused", "ended"),
            Command.resume: ("running", "stopping", "ended"),
            Command.stop: ("stopping", "ended"),
            Command.abort: ("ended",),
        }[command]
        until = time.monotonic() + wait
        while answer.state not in wanted:
            if time.monotonic() > until:
                raise RecordError(f"{target} is still {answer.state} after {wait:g} s")
            time.sleep(0.05)
            try:
                answer = client.ask("status")
            except RecordError:
                if command is not Command.abort:
                    raise
                break
        typer.echo("ended" if command is Command.abort else answer.state)
