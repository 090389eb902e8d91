"""Make the pictures in the documentation, from runs of the built-in bench.

python docs/site/pictures.py                      those the pages show
python docs/site/pictures.py --everything FOLDER  every tab, light and dark, at scale 1 and 2

Training and window are those that everybody gets, so the pictures show what there is.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

PICTURES = Path(__file__).parents[1] / "pictures"

SHOWN = [
    ("Overview", "light"),
    ("Overview", "dark"),
    ("Layers", "light"),
    ("Optics", "light"),
    ("Gradient", "dark"),
    ("Bench", "light"),
    ("Compare", "dark"),
]

PLAIN, WATCHED = "digits", "digits-slower"
"""A run without any option, finished; and one that goes on while it is watched."""

FIGURE_CARDS = ("loss", "accuracy", "absorber")
FIGURE_SIZE = (480, 340)

WIDTH, HEIGHT = 1600, 950
SECONDS_TO_LEARN = 8
SECONDS_TO_SETTLE = 1.5


def backbeam_train(folder, *options):
    """The process of a training in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "protocols.command", "train", *options],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextmanager
def training(folder):
    """A run that goes on, and that is stopped afterwards."""
    options = ("--epochs", "1000", "--learning-rate", "1e-3", "--drift-every", "200")
    options += ("--note", "smaller steps")
    process = backbeam_train(folder, *options, "--out", f"runs/{WATCHED}")
    try:
        while not (Path(folder) / "runs" / WATCHED / "latest").exists():
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


class Photographer:
    """A window that nobody sees, and pictures of it."""

    def __init__(self, folder, out):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from gui.application import prepare
        from gui.qt import QtWidgets
        from gui.window.layout_memory import LayoutMemory
        from gui.window.main_window import MonitorWindow

        # Short names in the window, as for somebody who works in that folder.
        os.chdir(folder)
        self._out = out
        self._application = QtWidgets.QApplication([])
        self._appearance = prepare(self._application, "light")
        self._window = MonitorWindow(self._appearance, LayoutMemory(folder / "memory.ini"))
        self._window.resize(WIDTH, HEIGHT)
        self._window.show()

    def tabs(self, shots):
        """Photograph tabs of the run that goes on."""
        window = self._window
        window.open("runs")
        self._wait(SECONDS_TO_LEARN)
        scale = self._application.devicePixelRatio()
        for tab, theme in shots:
            self._appearance.set_theme(theme)
            if tab == "Compare":
                window.runs.check(Path("runs", PLAIN).absolute())
            else:
                window.runs.uncheck_all()
            names = [window.tabs.tabText(index)[3:] for index in range(window.tabs.count())]
            window.open_tab(names.index(tab))
            self._wait(SECONDS_TO_SETTLE)
            larger = "" if scale == 1 else f"-{scale:g}x"
            self._save(window.grab(), f"monitor-{tab.lower()}-{theme}{larger}.png")

    def figure(self):
        """Put the cards that tell of the finished run side by side."""
        from gui.qt import QtCore, QtGui

        self._appearance.set_theme("light")
        self._window.open(f"runs/{PLAIN}")
        self._window.open_tab(0)
        width, height = FIGURE_SIZE
        ratio = self._application.devicePixelRatio()
        sheet = QtGui.QPixmap(QtCore.QSize(width * len(FIGURE_CARDS), height) * ratio)
        sheet.setDevicePixelRatio(ratio)
        sheet.fill(QtGui.QColor(self._appearance.theme.window))
        painter = QtGui.QPainter(sheet)
        for number, name in enumerate(FIGURE_CARDS):
            card = self._window.tabs.card(name)
            # Out of the window's hands, which would give it another size.
            card.setParent(None)
            card.resize(width - 8, height - 8)
            card.show()
            self._wait(SECONDS_TO_SETTLE / 3)
            if card.focusWidget() is not None:
                card.focusWidget().clearFocus()
            card.do("follow")
            painter.drawPixmap(number * width + 4, 4, card.grab())
        painter.end()
        self._save(sheet, "training-run.png")

    def close(self):
        """Leave nothing open."""
        self._window.close()

    def _wait(self, seconds):
        """Let Qt work as it does in the application."""
        from gui.qt import QtCore

        loop = QtCore.QEventLoop()
        QtCore.QTimer.singleShot(int(1000 * seconds), loop.quit)
        loop.exec()

    def _save(self, picture, name):
        """Save a picture with 256 colours, a third of its size."""
        from gui.qt import QtCore, QtGui

        image = picture.toImage().convertToFormat(QtGui.QImage.Format.Format_RGB888)
        data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
        pixels = data[:, : 3 * image.width()].reshape(-1, 3)
        table = [QtGui.qRgb(*map(int, colour)) for colour in most_common_colours(pixels)]
        plain = QtCore.Qt.ImageConversionFlag.ThresholdDither
        image.convertToFormat(QtGui.QImage.Format.Format_Indexed8, table, plain).save(
            str(self._out / name), "PNG", 0
        )
        print(self._out / name)


def most_common_colours(pixels, count=256):
    """The colours [count, 3] that stand for the most pixels [n, 3], like ones taken together."""
    cells = pixels >> 4
    cell = (cells[:, 0].astype(int) << 8) | (cells[:, 1].astype(int) << 4) | cells[:, 2]
    colour = (pixels.astype(int) << np.array([16, 8, 0])).sum(axis=1)
    colours, first, counts = np.unique(colour, return_index=True, return_counts=True)
    # The commonest of each cell stands for it, so that grounds keep exactly their colour.
    chosen, owners = [], set()
    for index in np.argsort(-counts, kind="stable"):
        owner = cell[first[index]]
        if owner not in owners or counts[index] > len(pixels) // 2000:
            owners.add(owner)
            chosen.append(colours[index])
    kept = np.array(chosen[:count])
    return np.stack([kept >> 16, (kept >> 8) & 255, kept & 255], axis=1)


def main():
    """Train, and photograph the window while it does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--everything", type=Path, metavar="FOLDER")
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    shots, out, scales = SHOWN, PICTURES, (1,)
    if chosen.everything is not None:
        from gui.panels.deck import TABS

        shots = [(tab, theme) for theme in ("light", "dark") for tab in TABS]
        out, scales = chosen.everything.absolute(), (1, 2)
    out.mkdir(parents=True, exist_ok=True)
    if chosen.folder is not None:
        photographer = Photographer(chosen.folder, out)
        photographer.tabs(shots)
        photographer.figure()
        photographer.close()
        return
    script = str(Path(__file__).absolute())
    for scale in scales:
        with tempfile.TemporaryDirectory() as folder:
            backbeam_train(folder, "--out", f"runs/{PLAIN}").wait()
            with training(folder):
                # A process for each scale: Qt reads it once.
                environment = {**os.environ, "QT_SCALE_FACTOR": str(scale)}
                everything = ("--everything", str(out)) if chosen.everything else ()
                command = [sys.executable, script, *everything, "--in", folder]
                subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    main()
