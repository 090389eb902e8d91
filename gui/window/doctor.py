"""What the window runs on, and what this computer lacks for it."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from gui.qt import QtCore, QtGui

NEEDED_SIGNS = "λφπ∇µα₁∠ĝ√±×·δ≠≤"


def report() -> list[str]:
    """Return a line for each thing worth knowing."""
    lines = [f"Python {platform.python_version()} on {platform.system()} {platform.release()}"]
    for name in ("PySide6-Essentials", "PyQt6", "qtpy", "pyqtgraph", "pyzmq", "numpy", "zarr"):
        try:
            lines.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    lines.append(f"Qt {QtCore.qVersion()}, platform {QtGui.QGuiApplication.platformName()}")
    screen = QtGui.QGuiApplication.primaryScreen()
    if screen is not None:
        size = screen.size()
        lines.append(
            f"screen {size.width()} × {size.height()}, scale {screen.devicePixelRatio():g}"
        )
    missing = missing_signs()
    lines.append(
        f"signs no font here has: {missing}; install a font such as DejaVu"
        if missing
        else "a font has every sign the window writes"
    )
    return lines + missing_libraries()


def missing_signs() -> str:
    """Return the signs that would be drawn as boxes."""
    metrics = QtGui.QFontMetrics(QtGui.QGuiApplication.font())
    return "".join(sign for sign in NEEDED_SIGNS if not metrics.inFontUcs4(ord(sign)))


def missing_libraries() -> list[str]:
    """Return the system libraries that Qt's platform for X11 does not find (Linux only)."""
    plugins = Path(QtCore.QLibraryInfo.path(QtCore.QLibraryInfo.LibraryPath.PluginsPath))
    plugin = plugins / "platforms" / "libqxcb.so"
    ldd = shutil.which("ldd")
    if sys.platform != "linux" or ldd is None or not plugin.exists():
        return []
    done = subprocess.run([ldd, str(plugin)], capture_output=True, text=True, check=False)
    missing = sorted({line.split()[0] for line in done.stdout.splitlines() if "not found" in line})
    return [f"missing for windows on X11: {', '.join(missing)}"] if missing else []
