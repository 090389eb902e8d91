"""``python -m instruments.display``: list the screens, or show pictures for a driver."""

import os
import sys
from importlib.util import find_spec


def _choose_binding() -> None:
    """Prefer a Qt that is new enough: some cameras' packages bring Qt 5, which qtpy would take."""
    if not os.environ.get("QT_API"):
        for name in ("PySide6", "PyQt6"):
            if find_spec(name) is not None:
                os.environ["QT_API"] = name.lower()
                return


if __name__ == "__main__":
    _choose_binding()
    from instruments.display.qt_window import main

    main(sys.argv[1:])
