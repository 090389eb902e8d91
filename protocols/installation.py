"""Are the four packages that answer to their names really backbeam's?

Other distributions use the same import names (InstrumentKit is ``instruments``); installed into
one environment they overwrite each other's files, and a stray folder on ``PYTHONPATH`` hides
them. Said plainly at start-up, before anything odd can happen.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

PACKAGES = ("instruments", "sim_backends", "protocols", "gui")
ADVICE = "install backbeam in a virtual environment of its own and unset PYTHONPATH"


def find_problem() -> str | None:
    """Return one line that says what is wrong with the installation, or ``None``."""
    folders: dict[str, Path] = {}
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            return f"the package '{name}' is missing: {ADVICE}"
        folders[name] = Path(spec.origin).parent
    home = folders["protocols"].parent
    for name, folder in folders.items():
        if folder.parent != home:
            return f"'{name}' comes from {folder}, not from {home}: {ADVICE}"
        if getattr(importlib.import_module(name), "DISTRIBUTION", None) != "backbeam":
            return f"'{name}' in {folder} belongs to another distribution: {ADVICE}"
    return None
