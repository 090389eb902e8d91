"""``python -m instruments.display``: list the screens, or show pictures for a driver."""

import os
import sys

from instruments.display.qt_binding import choose_binding

if __name__ == "__main__":
    choose_binding(os.environ)
    try:
        from instruments.display.qt_window import main
    except ImportError as error:
        # Drivers that started this know a missing Qt by the name of the error.
        sys.exit(
            f"windows and screens need Qt ({type(error).__name__}: {error}); install it with: "
            'python -m pip install "backbeam[display]"'
        )
    main(sys.argv[1:])
