"""The process of the window: application, exceptions, Ctrl-C."""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from pathlib import Path
from types import TracebackType

from threadpoolctl import threadpool_limits

from gui.qt import QtCore, QtWidgets, pg
from gui.theme.appearance import Appearance
from gui.window.doctor import missing_signs
from gui.window.layout_memory import LayoutMemory
from gui.window.main_window import MonitorWindow
from instruments.errors import BackbeamError

_log = logging.getLogger(__name__)

_SIGNAL_MILLISECONDS = 100


def prepare(application: QtWidgets.QApplication, theme: str) -> Appearance:
    """Give an application its theme, and pyqtgraph its options."""
    application.setApplicationName("backbeam monitor")
    # Smooth thick lines cost seconds a frame; thin ones without smoothing cost milliseconds.
    pg.setConfigOptions(antialias=False, imageAxisOrder="row-major")
    return Appearance(application, theme)


def give_way() -> None:
    """Leave the processor to the training wherever both want it: what is shown can wait.

    Threads of the linear algebra library wait for each other by turning in circles; a second one
    gains nothing here and was measured to take a tenth of a training's time.
    """
    threadpool_limits(1, user_api="blas")
    if hasattr(os, "nice"):
        os.nice(10)
    elif sys.platform == "win32":
        import ctypes

        below_normal = 0x4000
        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), below_normal)


def run(target: str, key_file: Path | None, theme: str | None) -> int:
    """Open a window on a target; return the process's exit code."""
    give_way()
    application = QtWidgets.QApplication(sys.argv[:1])
    memory = LayoutMemory()
    appearance = prepare(application, theme or memory.value("theme", "light"))
    appearance.set_scale(memory.value("scale", 1.0))
    missing = missing_signs()
    if missing:
        _log.warning("no font has the signs %s; install one such as DejaVu", missing)
    window = MonitorWindow(appearance, memory)
    _tell_exceptions(window)
    try:
        window.open(target, key_file)
    except BackbeamError as error:
        print(f"backbeam: error: {error}", file=sys.stderr)
        return error.exit_code
    window.show()
    quitting = _quit_on_interrupt(application)
    code = int(application.exec())
    quitting.stop()
    return code


def _tell_exceptions(window: MonitorWindow) -> None:
    """Show what goes wrong in a slot among the events; some bindings end the process otherwise."""

    def told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        print(text, file=sys.stderr)
        window.tell("exception", f"{kind.__name__}: {error}")

    sys.excepthook = told


def _quit_on_interrupt(application: QtWidgets.QApplication) -> QtCore.QTimer:
    """Let Ctrl-C close the window: Python hears signals only while it runs now and then."""
    signal.signal(signal.SIGINT, lambda *_: application.quit())
    timer = QtCore.QTimer()
    timer.timeout.connect(lambda: None)
    timer.start(_SIGNAL_MILLISECONDS)
    return timer
