"""The process that owns the window: shows pictures as it is told on its standard input.

A line says which picture to show and whether it is in colour, ``3 grey``; a line of JSON on the
standard output answers when it was on. When the input ends, so does the window.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any

from instruments.display.screens import Screen, chosen_screen
from instruments.display.shared_pictures import SharedPictures
from instruments.errors import InstrumentError

# Before Qt looks: a pixel of a picture is a pixel of the panel, whatever the desktop's scale.
os.environ["QT_ENABLE_HIGHDPI_SCALING"] = "0"
os.environ.pop("QT_SCALE_FACTOR", None)

from qtpy import QtCore, QtGui, QtOpenGL

EXPOSURE_TRIES, EXPOSURE_MILLISECONDS = 100, 50


def say(**words: Any) -> None:
    """Send a line to whoever started this process."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def screen_of(one: Any) -> Screen:
    """Return what Qt knows of a screen."""
    ratio = one.devicePixelRatio()
    size = one.size()
    return Screen(
        one.name(),
        one.manufacturer(),
        one.model(),
        one.serialNumber(),
        round(size.height() * ratio),
        round(size.width() * ratio),
        one.refreshRate(),
    )


class Showing:
    """The pictures under way, and the one on the screen.

    Parameters
    ----------
    pictures
        Where they lie.
    """

    def __init__(self, pictures: SharedPictures, screen: Screen) -> None:
        self._pictures = pictures
        self._waiting: deque[tuple[int, bool]] = deque()
        self._number: int | None = None
        self._image = QtGui.QImage(
            screen.columns, screen.rows, QtGui.QImage.Format.Format_Grayscale8
        )
        self._image.fill(0)

    def add(self, line: str) -> None:
        """Take a line of the input."""
        number, colour = line.split()
        self._waiting.append((int(number), colour == "colour"))

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way to the screen."""
        return self._number is None

    def next(self) -> bool:
        """Make the next picture the one to be drawn; return whether there is one."""
        if not self._waiting:
            return False
        self._number, colour = self._waiting.popleft()
        pixels = self._pictures.at(self._number, colour=colour)
        form = (
            QtGui.QImage.Format.Format_RGB888 if colour else QtGui.QImage.Format.Format_Grayscale8
        )
        line_bytes = pixels.strides[0]
        # Copied, so that the place is free for another picture while this one is drawn again.
        self._image = QtGui.QImage(
            pixels.data, pixels.shape[1], pixels.shape[0], line_bytes, form
        ).copy()
        return True

    def draw(self, device: Any) -> None:
        """Draw the picture, a pixel for a pixel."""
        painter = QtGui.QPainter(device)
        painter.setCompositionMode(QtGui.QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(0, 0, self._image)
        painter.end()

    def shown(self) -> None:
        """Say when the picture was on."""
        if self._number is not None:
            say(shown=self._number, at=time.monotonic())
            self._number = None


def step(window: Any) -> None:
    """Begin with the next picture if there is one and the last one is on."""
    if window.showing.idle and window.showing.next():
        window.update()


class VerticalBlankWindow(QtOpenGL.QOpenGLWindow):
    """Pictures change in the vertical blank: OpenGL's buffers are swapped there."""

    def __init__(self, showing: Showing) -> None:
        super().__init__()
        self.showing = showing
        layout = QtGui.QSurfaceFormat()
        layout.setSwapInterval(1)
        layout.setSwapBehavior(QtGui.QSurfaceFormat.SwapBehavior.DoubleBuffer)
        self.setFormat(layout)
        self.frameSwapped.connect(self._swapped)

    def paintGL(self) -> None:
        """Draw into the buffer that is swapped next."""
        self.showing.draw(self)

    def _functions(self) -> Any:
        """Return OpenGL's functions by the one way that PySide6 and PyQt6 share."""
        profile = QtOpenGL.QOpenGLVersionProfile()
        profile.setVersion(2, 0)
        return QtOpenGL.QOpenGLVersionFunctionsFactory.get(profile, self.context())

    def _swapped(self) -> None:
        # A swap may be queued; when everything is finished it has taken place.
        self.makeCurrent()
        self._functions().glFinish()
        self.showing.shown()
        step(self)


class ImmediateWindow(QtGui.QRasterWindow):
    """Pictures change when they come, wherever the screen's beam is then."""

    def __init__(self, showing: Showing) -> None:
        super().__init__()
        self.showing = showing

    def paintEvent(self, event: Any) -> None:
        """Draw."""
        self.showing.draw(self)

    def event(self, event: Any) -> bool:
        """Note when what was drawn has reached the window system."""
        done = bool(super().event(event))
        if event.type() == QtCore.QEvent.Type.UpdateRequest:
            QtGui.QGuiApplication.sync()
            self.showing.shown()
            step(self)
        return done


class Input(QtCore.QObject):
    """Lines of the standard input, read in a thread of their own."""

    line = QtCore.Signal(str)
    ended = QtCore.Signal()

    def read(self) -> None:
        """Hand lines over until there are no more."""
        for line in sys.stdin:
            self.line.emit(line)
        self.ended.emit()


def list_screens() -> None:
    """Print the screens there are, a line each."""
    application = QtGui.QGuiApplication(sys.argv[:1])
    for one in application.screens():
        print(screen_of(one))


def say_screens() -> None:
    """Say which screens there are, to whoever started this process."""
    application = QtGui.QGuiApplication(sys.argv[:1])
    say(screens=[asdict(screen_of(one)) for one in application.screens()])


class Service:
    """The window and what it shows, until the input ends.

    Parameters
    ----------
    wanted
        Which screen.
    memory
        The file in which pictures lie; it is made here, in the screen's size.
    vertical_blank
        Whether pictures change in the vertical blank.

    Raises
    ------
    InstrumentError
        If there is no such screen.
    """

    def __init__(self, wanted: str, memory: Path, *, vertical_blank: bool) -> None:
        self._application = QtGui.QGuiApplication(sys.argv[:1])
        places = self._application.screens()
        screens = [screen_of(one) for one in places]
        chosen = chosen_screen(wanted, screens)
        self._screen = screens[chosen]
        self._pictures = SharedPictures(memory, self._screen.rows, self._screen.columns, make=True)
        self._showing = Showing(self._pictures, self._screen)
        self._vertical_blank = vertical_blank
        kind = VerticalBlankWindow if vertical_blank else ImmediateWindow
        self._window: Any = kind(self._showing)
        self._place(places[chosen])
        self._lines = Input()
        self._lines.line.connect(self._take)
        self._lines.ended.connect(self._application.quit)

    def run(self) -> int:
        """Show what comes until the input ends; return an exit code."""
        self._window.showFullScreen()
        QtCore.QTimer.singleShot(0, lambda: self._begin(EXPOSURE_TRIES))
        code = int(self._application.exec())
        # In this order: OpenGL ends badly when a window outlives the application.
        self._window.destroy()
        del self._window
        self._pictures.close()
        return code

    def _place(self, screen: Any) -> None:
        window = self._window
        window.setTitle("backbeam display")
        window.setFlags(
            QtCore.Qt.WindowType.FramelessWindowHint | QtCore.Qt.WindowType.WindowStaysOnTopHint
        )
        window.setCursor(QtGui.QCursor(QtCore.Qt.CursorShape.BlankCursor))
        window.setScreen(screen)
        window.setGeometry(screen.geometry())

    def _begin(self, tries: int) -> None:
        """Wait until the window is seen, then take pictures."""
        if not self._window.isExposed() and tries:
            QtCore.QTimer.singleShot(EXPOSURE_MILLISECONDS, lambda: self._begin(tries - 1))
            return
        problem = self._problem()
        if problem is not None:
            say(error=problem)
            self._application.exit(1)
            return
        say(ready=asdict(self._screen))
        threading.Thread(target=self._lines.read, name="input", daemon=True).start()

    def _problem(self) -> str | None:
        """Return why pictures would not be shown as they are."""
        window, screen = self._window, self._screen
        if not window.isExposed():
            return f"the window on screen {screen} was never seen"
        ratio = window.devicePixelRatio()
        rows, columns = round(window.height() * ratio), round(window.width() * ratio)
        if (rows, columns) != (screen.rows, screen.columns) or ratio != 1:
            return (
                f"the window on screen {screen} is {columns} x {rows} pixels at a scale of "
                f"{ratio:g}; set the desktop's scale of this screen to 100 %"
            )
        if self._vertical_blank and not window.isValid():
            return (
                f"there is no OpenGL on screen {screen}, which the vertical blank needs; install "
                "it or set vertical_blank = false"
            )
        return None

    def _take(self, line: str) -> None:
        self._showing.add(line)
        step(self._window)


def main(arguments: list[str]) -> None:
    """Show pictures, or list the screens if nothing is asked for."""
    if not arguments:
        list_screens()
        return
    if arguments == ["--json"]:
        say_screens()
        return
    wanted, memory, presentation = arguments
    # Ctrl-C and a closed terminal reach this process too; the window has to be there for the safe
    # state, and goes when the program that owns it does.
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    try:
        service = Service(wanted, Path(memory), vertical_blank=presentation == "vertical-blank")
    except InstrumentError as error:
        say(error=str(error))
        sys.exit(1)
    sys.exit(service.run())
