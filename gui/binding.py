"""Which Qt is there, and whether it can be used with this Python."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from importlib import metadata

INSTALL = 'python -m pip install "backbeam[gui]"'


def find_problem(
    environment: Mapping[str, str],
    *,
    python: tuple[int, int] = sys.version_info[:2],
    pyside: str | None = None,
) -> str | None:
    """Return why no window can be opened, in one line with what to do, or ``None``.

    Parameters
    ----------
    environment
        Variables of the process; an empty ``QT_API`` makes qtpy fail.
    python, pyside
        Versions; by default those installed.
    """
    if environment.get("QT_API") == "":
        return "the variable QT_API is set to nothing: unset it, or set it to pyside6"
    version = pyside or _pyside_version()
    if version is None:
        if importlib.util.find_spec("PyQt6") is None:
            return f"no Qt is installed; install it with: {INSTALL}"
        return None
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers >= (6, 12) and python < (3, 12):
        # Each of its calls that returns None drops a reference to None too many.
        return (
            f"PySide6 {version} ends Python {python[0]}.{python[1]} after a few hundred frames; "
            'install an older one with: python -m pip install "PySide6-Essentials<6.12"'
        )
    return None


def _pyside_version() -> str | None:
    for name in ("PySide6-Essentials", "PySide6"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None
