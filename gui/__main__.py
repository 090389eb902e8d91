"""Start the monitor: ``python -m gui [RUN | FOLDER | tcp://HOST:PORT]``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gui.binding import find_problem
from instruments.display.qt_binding import choose_binding

EXIT_USER = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window and return when it is closed, with the exit code of the process."""
    parser = argparse.ArgumentParser(prog="backbeam monitor", description=__doc__)
    parser.add_argument("target", nargs="?", default="runs")
    parser.add_argument("--key", type=Path)
    parser.add_argument("--theme", choices=("light", "dark"))
    chosen = parser.parse_args(arguments)
    problem = find_problem(os.environ)
    if problem is not None:
        print(f"backbeam: error: {problem}", file=sys.stderr)
        return EXIT_USER
    choose_binding(os.environ)
    # Only now: on a Qt that cannot be used even the import may fail.
    from gui.application import run

    return run(chosen.target, chosen.key, chosen.theme)


if __name__ == "__main__":
    sys.exit(main())
