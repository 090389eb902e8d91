"""An X server without hardware, with two screens whose pixels can be read from its own memory."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

SIZES = ((96, 128), (60, 100))
"""Rows and columns of the first and of the second screen."""


class VirtualScreens:
    """A running server.

    Parameters
    ----------
    folder
        Where the server keeps the pixels of its screens.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        read, write = os.pipe()
        screens = [
            word
            for number, (rows, columns) in enumerate(SIZES)
            for word in ("-screen", str(number), f"{columns}x{rows}x24")
        ]
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), *screens, "-fbdir", folder, "-nolisten", "tcp"],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as pipe:
            self.display = f":{pipe.readline().strip()}"

    def pixels(self, screen: int) -> npt.NDArray[Any]:
        """Return what is on a screen, ``[rows, columns, 3]`` red, green, blue.

        From the server's frame buffer, a file in X's window dump format (X11/XWDFile.h).
        """
        data = np.fromfile(self._folder / f"Xvfb_screen{screen}", np.uint8)
        header = data[:100].view(">u4")
        header_bytes, columns, rows, line_bytes, colours = header[[0, 4, 5, 12, 19]].tolist()
        first = header_bytes + 12 * colours
        lines = data[first : first + rows * line_bytes].reshape(rows, line_bytes)
        blue_first = lines[:, : 4 * columns].reshape(rows, columns, 4)
        return blue_first[:, :, 2::-1]

    def close(self) -> None:
        self._server.terminate()
        self._server.wait()


def start_virtual_screens(folder: Path) -> VirtualScreens:
    """Start a server, or skip the test where there is none."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed: apt-get install xvfb libxcb-icccm4 libxcb-keysyms1")
    return VirtualScreens(folder)
