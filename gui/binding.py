"""Which Qt is there, and whether it can be used with this Python."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import metadata

from instruments.display.qt_binding import BINDINGS, is_installed, preferred_binding

INSTALL = 'python -m pip install "backbeam[gui]"'


def find_problem(
    environment: Mapping[str, str],
    *,
    python: tuple[int, int] = sys.version_info[:2],
    pyside: str | None = None,
    installed: Callable[[str], bool] = is_installed,
) -> str | None:
    """Return why no window can be opened, in one line with what to do, or ``None``.

    Parameters
    ----------
    environment
        Variables of the process; an empty ``QT_API`` makes qtpy fail.
    python, pyside
        Versions; by default those installed.
    installed
        Whether there is a package of that name.
    """
    asked = environment.get("QT_API")
    if asked == "":
        return "the variable QT_API is set to nothing: unset it, or set it to pyside6"
    if asked is not None and asked.lower() not in BINDINGS:
        return (
            f"the variable QT_API is {asked}; the window needs Qt 6: unset it, or set it to "
            f"{' or '.join(BINDINGS)}"
        )
    binding = asked.lower() if asked else preferred_binding(installed)
    if binding is None:
        return f"no Qt 6 is installed; install it with: {INSTALL}"
    package = BINDINGS[binding]
    if not installed(package):
        return f"the variable QT_API is {asked}, but {package} is not installed: unset it"
    if binding != "pyside6":
        return None
    version = pyside or _pyside_version()
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers >= (6, 12) and python < (3, 12):
        # Each of its calls that returns None drops a reference to None too many.
        return (
            f"PySide6 {version} ends Python {python[0]}.{python[1]} after a few hundred frames; "
            'install an older one with: python -m pip install "PySide6-Essentials<6.12"'
        )
    return None


def _pyside_version() -> str:
    for name in ("PySide6-Essentials", "PySide6"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return ""
