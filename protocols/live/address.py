"""Where a running trainer can be reached: ``monitor.json`` in the folder of its run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from instruments.errors import RecordError
from protocols.record.files import replace
from protocols.record.layout import PARTIAL, ROWS_COUNT

MONITOR_FILE = f"{ROWS_COUNT}/monitor.json"
"""Beside the lock: zarr never lists what lies in the folder of an array."""

_ADDRESS = re.compile(r"tcp://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:/]+):(?P<port>\d{1,5})")


@dataclass(frozen=True)
class LiveAddress:
    """How to reach a trainer.

    Parameters
    ----------
    commands
        ``tcp://HOST:PORT`` that takes commands and says where the rest is published.
    host, process, started
        Name of its computer, its process number, and seconds since 1970; for people.
    key
        Three keys for an encrypted connection (see ``keys``); empty on the loopback.
    """

    commands: str
    host: str = ""
    process: int = 0
    started: float = 0.0
    key: dict[str, str] = field(default_factory=dict, repr=False)

    def write(self, run: Path) -> None:
        """Leave the address in the folder of the run, readable by its owner only."""
        path = run / MONITOR_FILE
        partial = path.with_name(path.name + PARTIAL)
        partial.unlink(missing_ok=True)
        # Its owner's from the first byte on: it may hold keys.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(asdict(self)).encode())
        replace(partial, path)


def this_computer() -> str:
    """Return the name of this computer."""
    return socket.gethostname()


def user_at_host() -> str:
    """Return who asks, for the log of events."""
    user = os.environ.get("USER") or os.environ.get("USERNAME") or "somebody"
    return f"{user}@{this_computer()}"


def is_address(text: str) -> bool:
    """Whether a text looks like ``tcp://HOST:PORT``."""
    return text.startswith("tcp://")


def parse_address(text: str) -> str:
    """Return the address if it is one.

    Raises
    ------
    RecordError
        If it is not ``tcp://HOST:PORT``.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 < int(match["port"]) < 65536:
        raise RecordError(f"{text!r} is no address; give tcp://HOST:PORT or the folder of a run")
    return text


def read_address(path: Path) -> LiveAddress:
    """Read an address from the folder of a run, or from a copy of its ``monitor.json``.

    Raises
    ------
    FileNotFoundError
        If no trainer has left one.
    RecordError
        If it is damaged.
    """
    file = path / MONITOR_FILE if path.is_dir() else path
    try:
        values: dict[str, Any] = json.loads(file.read_bytes())
        return LiveAddress(
            commands=parse_address(values["commands"]),
            host=str(values["host"]),
            process=int(values["process"]),
            started=float(values["started"]),
            key={str(name): str(value) for name, value in values["key"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{file} is damaged ({error!r}); remove it") from error


def remove_address(run: Path) -> None:
    """Take the address away at the end of a run."""
    with contextlib.suppress(OSError):
        (run / MONITOR_FILE).unlink(missing_ok=True)
