"""A window on a screen, owned by a process of its own: its event loop is always served.

So a training run imports no Qt, and a long step of it never keeps a picture from being shown.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from instruments.clock import WallClock
from instruments.display.screens import Screen
from instruments.display.shared_pictures import PLACES, SharedPictures, new_folder
from instruments.display.window import Picture
from instruments.errors import InstrumentError
from instruments.interfaces.instrument import InstrumentTimeoutError

OPENING_SECONDS = 30.0
PICTURE_SECONDS = 5.0
CLOSING_SECONDS = 5.0
MOST_TIMES = 4096

_INSTALL = 'python -m pip install "backbeam[display]"'


class ScreenWindow:
    """A borderless window over the whole of one screen.

    Parameters
    ----------
    owner
        Whose it is, for the messages.
    wanted
        Which screen; see ``chosen_screen``.
    vertical_blank
        Whether pictures change in the vertical blank, through OpenGL, and never in between.

    Raises
    ------
    InstrumentError
        If there is no such screen, no Qt, or the window is not drawn a pixel for a pixel.
    """

    def __init__(self, owner: str, wanted: str, *, vertical_blank: bool = True) -> None:
        self._owner = owner
        self._clock = WallClock()
        self._folder = new_folder()
        memory = Path(self._folder.name) / "pictures"
        self._log = Path(self._folder.name) / "messages"
        self._changed = threading.Condition()
        self._handing_over = threading.Lock()
        self._ready: Screen | None = None
        self._gone: str | None = None
        self._sent = 0
        self._seen = 0
        self._handed_over_at = 0.0
        self._shown_at: deque[float] = deque(maxlen=MOST_TIMES)
        presentation = "vertical-blank" if vertical_blank else "immediate"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "instruments.display"),
                    *(wanted, str(memory), presentation),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
            )
        self._reader = threading.Thread(target=self._listen, name=f"window of {owner}", daemon=True)
        self._reader.start()
        self._pictures: SharedPictures | None = None
        try:
            self._wait(lambda: self._ready is not None, OPENING_SECONDS, "opening its window")
            self._pictures = SharedPictures(memory, self.screen.rows, self.screen.columns)
        except BaseException:
            self.close()
            raise

    @property
    def screen(self) -> Screen:
        """Where the window is."""
        if self._ready is None:
            raise InstrumentError(f"{self._owner}: its window is not open")
        return self._ready

    def show(self, picture: Picture) -> None:
        """Hand a picture over; as of the interface."""
        size = (self.screen.rows, self.screen.columns)
        if picture.dtype != np.uint8 or picture.shape not in (size, (*size, 3)):
            raise InstrumentError(
                f"{self._owner}: a picture of {picture.dtype} {list(picture.shape)} given; screen "
                f"{self.screen} takes uint8 {list(size)}, grey, or {[*size, 3]}"
            )
        colour = picture.ndim == 3
        # One thread at a time: the safe state may come from another.
        with self._handing_over:
            # A place is free again once the picture behind it is on the screen.
            self._wait(
                lambda: self._sent - self._seen < PLACES, PICTURE_SECONDS, "showing its pictures"
            )
            if self._pictures is None:
                raise InstrumentError(f"{self._owner}: its window is closed; open the bench again")
            number = self._sent + 1
            np.copyto(self._pictures.at(number, colour=colour), picture)
            with self._changed:
                self._sent = number
                self._handed_over_at = self._clock.now()
            self._say(f"{number} {'colour' if colour else 'grey'}\n")

    def shown_at_seconds(self) -> float | None:
        """Return when the latest picture appeared, or is expected to."""
        with self._changed:
            if self._sent == 0 or self._seen == self._sent:
                return self._shown_at[-1] if self._shown_at else None
            ahead = (self._sent - self._seen) / max(self.screen.refresh_hertz, 1.0)
            # As long as it has not been seen it lies ahead.
            return max(self._handed_over_at, self._clock.now()) + ahead

    def latest_times_seconds(self, count: int) -> list[float]:
        """Return when the latest pictures appeared, at most ``count`` of them, oldest first."""
        with self._changed:
            return list(self._shown_at)[-count:]

    def wait_until_shown(self, timeout_seconds: float) -> None:
        """Return when the latest picture has appeared."""
        self._wait(lambda: self._seen == self._sent, timeout_seconds, "showing its latest picture")

    def close(self) -> None:
        """Take the window away; the screen shows the desktop again."""
        with self._changed:
            self._gone = self._gone or "it was closed"
        if self._process.stdin is not None:
            # It may be gone already, with a picture on its way to it.
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        if self._pictures is not None:
            self._pictures.close()
            self._pictures = None
        self._folder.cleanup()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            with self._changed:
                gone = self._gone
            raise InstrumentError(self._complaint(gone or str(error))) from error

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                words: dict[str, Any] = json.loads(line)
            except ValueError:
                # Qt's plug-ins may print what they like.
                continue
            with self._changed:
                if "ready" in words:
                    self._ready = Screen(**words["ready"])
                elif "shown" in words:
                    self._seen = int(words["shown"])
                    self._shown_at.append(float(words["at"]))
                elif "error" in words:
                    self._gone = str(words["error"])
                self._changed.notify_all()
        self._process.wait()
        with self._changed:
            self._gone = self._gone or self._last_words()
            self._changed.notify_all()

    def _last_words(self) -> str:
        text = self._log.read_text("utf-8", "replace").strip() if self._log.exists() else ""
        last = text.splitlines()[-1] if text else f"exit code {self._process.returncode}"
        # Without Qt it says what to install.
        return last if _INSTALL in last else f"its process ended: {last}"

    def _wait(self, is_so: Callable[[], bool], timeout_seconds: float, what: str) -> None:
        until = time.monotonic() + timeout_seconds
        with self._changed:
            while not is_so():
                if self._gone is not None:
                    raise InstrumentError(self._complaint(self._gone))
                left = until - time.monotonic()
                if left <= 0:
                    raise InstrumentTimeoutError(
                        f"{self._owner}: {what} took longer than {timeout_seconds:g} s; is the "
                        "screen on, and nothing in front of it?"
                    )
                self._changed.wait(left)

    def _complaint(self, reason: str) -> str:
        return f"{self._owner}: no window on a screen: {reason}"
