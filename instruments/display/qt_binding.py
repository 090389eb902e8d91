"""Which Qt a process takes, where there are several.

Packages of some cameras bring Qt 5 along, which qtpy would take before any other; windows here are
written for Qt 6.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from importlib.util import find_spec

BINDINGS = {"pyside6": "PySide6", "pyqt6": "PyQt6"}
"""What ``QT_API`` may say, the preferred one first, and the package that goes with it."""


def is_installed(package: str) -> bool:
    """Return whether there is a package of that name."""
    return find_spec(package) is not None


def preferred_binding(installed: Callable[[str], bool] = is_installed) -> str | None:
    """Return the Qt 6 to take, as ``QT_API`` names it, or ``None`` if there is none."""
    return next((name for name, package in BINDINGS.items() if installed(package)), None)


def choose_binding(
    environment: MutableMapping[str, str],
    installed: Callable[[str], bool] = is_installed,
) -> None:
    """Tell qtpy which Qt 6 to take, unless the user has said which Qt; before it is imported.

    Parameters
    ----------
    environment
        Variables of the process; ``QT_API`` is set.
    installed
        Whether there is a package of that name.
    """
    binding = preferred_binding(installed)
    if not environment.get("QT_API") and binding is not None:
        environment["QT_API"] = binding
