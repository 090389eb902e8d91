"""A display of its own that nobody sits at, and what is to be seen on it."""

import os
import shutil
import struct
import subprocess

import numpy as np
import pytest

WIDTH, HEIGHT = 1600, 1000
NEEDED = "Xvfb is not installed: apt-get install xvfb libxcb-icccm4 libxcb-keysyms1"
_HEADER_WORDS = 25
_COLOUR_BYTES = 12


class Screen:
    """An X server that draws into a file. Use as a context manager."""

    def __init__(self, folder):
        if shutil.which("Xvfb") is None:
            pytest.skip(NEEDED)
        self._folder = folder

    def __enter__(self):
        read, write = os.pipe()
        size = f"{WIDTH}x{HEIGHT}x24"
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-fbdir", str(self._folder)],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as answer:
            self.environment = {
                **os.environ,
                "DISPLAY": f":{answer.readline().strip()}",
                "QT_QPA_PLATFORM": "xcb",
                # As on a computer where no window was ever opened.
                "XDG_CONFIG_HOME": str(self._folder / "settings"),
            }
        return self

    def __exit__(self, *_):
        self._server.terminate()
        self._server.wait()

    def picture(self):
        """What is on the screen now, ``[rows, columns, 3]`` (blue, green, red)."""
        data = (self._folder / "Xvfb_screen0").read_bytes()
        words = struct.unpack(f">{_HEADER_WORDS}I", data[: 4 * _HEADER_WORDS])
        length, width, height, colours = words[0], words[4], words[5], words[19]
        pixels = np.frombuffer(data, np.uint8, 4 * width * height, length + _COLOUR_BYTES * colours)
        return pixels.reshape(height, width, 4)[..., :3].copy()
