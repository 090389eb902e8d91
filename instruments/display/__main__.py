"""``python -m instruments.display``: list the screens, or show pictures for a driver."""

import os
import sys

from instruments.display.qt_binding import choose_binding

if __name__ == "__main__":
    choose_binding(os.environ)
    from instruments.display.qt_window import main

    main(sys.argv[1:])
