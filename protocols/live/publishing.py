"""Publish a run while a training goes on, and start a monitor beside it if asked to."""

from __future__ import annotations

import importlib.util
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from instruments.errors import InstallationError, SettingsError
from protocols.interruption import StopRequest
from protocols.record.recorder import Recorder
from protocols.run_control import RunControl

_log = logging.getLogger(__name__)


@contextmanager
def published(
    recorder: Recorder, stop: StopRequest, host: str | None = None
) -> Iterator[RunControl]:
    """Publish a run as long as the block lasts; give what ``Training.run`` takes as ``control``.

    Parameters
    ----------
    host
        Address to listen at; by default the loopback. Where that cannot be opened the run goes on
        unpublished and monitors read its folder; an address that was asked for has to work.

    Raises
    ------
    SettingsError
        If ``host`` is no address of this computer.
    """
    from protocols.live.publisher import LOOPBACK, LivePublisher

    control = RunControl(stop)
    try:
        publisher = LivePublisher(recorder, control, host=host or LOOPBACK)
    except SettingsError as error:
        if host is not None:
            raise
        _log.warning("%s: monitors will read the folder only", error)
        yield control
        return
    with publisher:
        yield control


def check_window() -> None:
    """Raise ``InstallationError`` if no window can be opened for want of packages."""
    missing = [name for name in ("qtpy", "pyqtgraph") if importlib.util.find_spec(name) is None]
    # Other packages bring those two along, but none of them Qt itself.
    if not any(importlib.util.find_spec(name) for name in ("PySide6", "PyQt6")):
        missing.append("PySide6")
    if missing:
        raise InstallationError(
            f"the monitor's window needs {' and '.join(missing)}; install what it needs with: "
            'python -m pip install "backbeam[gui]"'
        )


def open_window(*arguments: str | Path) -> subprocess.Popen[bytes]:
    """Start the monitor's window as a process of its own, which outlives this one or not.

    By its module's name, so that nothing here imports what stands above, and with ``-P``, so that a
    folder called ``gui`` where the user happens to be is not taken for it.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "gui", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
