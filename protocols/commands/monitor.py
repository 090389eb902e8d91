"""``backbeam monitor``: a window in which one watches and commands a training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MONITOR_EXAMPLES = """**Examples**

backbeam monitor                          the newest run in the folder runs

backbeam monitor runs/digits-20260131-120000

backbeam monitor tcp://127.0.0.1:5571     a trainer whose folder is not at hand
"""


def monitor(
    target: Annotated[
        str,
        typer.Argument(
            metavar="[RUN | FOLDER | tcp://HOST:PORT]",
            help="A run, a folder of runs, or a trainer's address.",
        ),
    ] = "runs",
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Copy of the run's monitor.json, for a trainer on another computer.",
        ),
    ] = None,
    theme: Annotated[
        str | None, typer.Option(metavar="NAME", help="light or dark. Default: as last time.")
    ] = None,
) -> None:
    """Open the live monitor. The run goes on whatever happens to the window.

    Live and past runs look the same. Several monitors may watch one run; attached late, each
    shows all of it.
    """
    import subprocess
    import sys

    from instruments.errors import RecordError, SettingsError
    from protocols.live.address import is_address, parse_address
    from protocols.live.publishing import check_window
    from protocols.record.layout import no_folder

    if theme not in (None, "light", "dark"):
        raise SettingsError(f"theme: found {theme!r}; allowed are light and dark")
    if is_address(target):
        parse_address(target)
    elif not Path(target).is_dir():
        raise RecordError(
            f"{no_folder(Path(target))}; give a run, a folder of runs or tcp://HOST:PORT "
            "('backbeam train' makes the folder 'runs')"
        )
    check_window()
    arguments = [target, *(("--key", str(key)) if key else ())]
    arguments += ("--theme", theme) if theme else ()
    done = subprocess.run([sys.executable, "-P", "-m", "gui", *arguments], check=False)
    raise typer.Exit(done.returncode)
