"""Memory that a program shares with the process that owns the window: a few places for pictures.

A memory-mapped file, which every system has; where there is a file system in memory it lies there.
"""

from __future__ import annotations

import mmap
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from instruments.display.window import Picture

PLACES = 3
"""One picture on the screen, one about to be, one being written."""

_IN_MEMORY = Path("/dev/shm")


def new_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder of its own for the file."""
    where = str(_IN_MEMORY) if _IN_MEMORY.is_dir() else None
    return tempfile.TemporaryDirectory(
        prefix="backbeam-display-", dir=where, ignore_cleanup_errors=True
    )


class SharedPictures:
    """Places for pictures of a size, each grey or in colour.

    Parameters
    ----------
    path
        The file; made by whoever opens it with ``make``.
    """

    def __init__(self, path: Path, rows: int, columns: int, *, make: bool = False) -> None:
        self._rows, self._columns = rows, columns
        self._place_bytes = rows * columns * 3
        if make:
            with path.open("wb") as file:
                file.truncate(PLACES * self._place_bytes)
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), PLACES * self._place_bytes)

    def at(self, number: int, *, colour: bool) -> Picture:
        """Return the pixels of the place where picture ``number`` goes, to be written or read."""
        shape = (self._rows, self._columns, 3) if colour else (self._rows, self._columns)
        first = number % PLACES * self._place_bytes
        count = int(np.prod(shape))
        return np.frombuffer(self._memory, np.uint8, count, first).reshape(shape)

    def close(self) -> None:
        """Let go of the memory."""
        # Where somebody still looks at a picture the mapping ends with the process.
        with suppress(BufferError):
            self._memory.close()
