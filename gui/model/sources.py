"""Where a run comes from: a folder on this computer, or a trainer's address."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path

from gui.model.run_model import RunModel
from instruments.errors import RecordError
from protocols.live.address import is_address, read_address
from protocols.live.client import LiveClient
from protocols.live.stored_parts import read_part
from protocols.record.layout import LATEST


def open_target(target: str, key_file: Path | None = None) -> RunModel:
    """Open a run by its folder or by ``tcp://HOST:PORT``.

    Raises
    ------
    RecordError
        If there is no run, or nobody answers.
    """
    return open_address(target, key_file) if is_address(target) else open_folder(Path(target))


def open_folder(path: Path) -> RunModel:
    """Open a run in a folder, live if a trainer publishes it."""
    return RunModel(path, partial(read_part, path), partial(_connection, path))


def open_address(text: str, key_file: Path | None = None) -> RunModel:
    """Open the run a trainer publishes at an address, its folder visible from here or not."""
    client = LiveClient.to_address(text, key_file)
    try:
        client.ask("hello")
        run = client.run
        if run is None:
            raise RecordError(f"{text}: what answers there is not a trainer")
        if _is_same_run(run, client):
            return RunModel(run, partial(read_part, run), client=client)
        # The trainer reads its own store for us; the whole history is there from the start.
        return RunModel(run, client.read, client=client)
    except BaseException:
        client.close()
        raise


def _is_same_run(path: Path, client: LiveClient) -> bool:
    """Whether a folder here is the run the trainer writes, and not one of the same name."""
    with contextlib.suppress(RecordError, OSError, KeyError):
        here, _ = read_part(path, {"what": "run"})
        there, _ = client.read({"what": "run"})
        return bool(here["created"] == there["created"])
    return False


def _connection(path: Path, present: LiveClient | None) -> LiveClient | None:
    """Return the connection to whoever publishes the run now."""
    try:
        address = read_address(path)
    except (FileNotFoundError, RecordError, OSError):
        return present
    if present is not None:
        if present.address == address:
            return present
        present.close()
    return LiveClient(address)


def is_run(path: Path) -> bool:
    """Whether a folder is a run, and not a folder of runs."""
    return (path / LATEST).is_dir()


def newest_run(folder: Path) -> Path | None:
    """Return the run in a folder to open first: the newest that is going on, or the newest."""
    from protocols.record.run import list_runs

    runs = list_runs(folder)
    going_on = [run for run in runs if run.state == "running"]
    found = going_on or runs
    return found[-1].path if found else None
