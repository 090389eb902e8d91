"""Make the pictures of the monitor in the documentation, from a run that is going on.

python docs/site/pictures.py                      those the pages show
python docs/site/pictures.py --everything FOLDER  every tab, light and dark, at scale 1 and 2
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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

WIDTH, HEIGHT = 1600, 950
SECONDS_TO_LEARN = 12
SECONDS_TO_SETTLE = 1.5


def train(folder):
    """Finish one short run, and begin a long one; the process that trains it."""
    command = [sys.executable, "-m", "protocols.command", "train"]
    # Quiet, in the folder of the runs.
    options = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    short = ["--epochs", "60", "--learning-rate", "3e-3", "--note", "larger steps"]
    subprocess.run([*command, *short, "--out", "runs/digits-1"], check=True, **options)
    longer = ["--epochs", "5000", "--learning-rate", "1e-3", "--note", "the built-in bench"]
    return subprocess.Popen([*command, *longer, "--out", "runs/digits-2"], **options)


def photograph(runs, shots, out):
    """Open a window on the run that goes on and take the pictures."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from gui.application import prepare
    from gui.qt import QtCore, QtWidgets
    from gui.window.layout_memory import LayoutMemory
    from gui.window.main_window import MonitorWindow

    def spin(seconds):
        loop = QtCore.QEventLoop()
        QtCore.QTimer.singleShot(int(1000 * seconds), loop.quit)
        loop.exec()

    application = QtWidgets.QApplication([])
    appearance = prepare(application, "light")
    window = MonitorWindow(appearance, LayoutMemory(runs.parent / "memory.ini"))
    window.resize(WIDTH, HEIGHT)
    # By its short name, as somebody would who works in that folder.
    os.chdir(runs.parent)
    window.open(runs.name)
    window.show()
    spin(4)
    scale = application.devicePixelRatio()
    for tab, theme in shots:
        appearance.set_theme(theme)
        names = [window.tabs.tabText(index)[3:] for index in range(window.tabs.count())]
        if tab == "Compare":
            window.runs.check(runs / "digits-1")
        else:
            window.runs.uncheck_all()
        window.open_tab(names.index(tab))
        spin(SECONDS_TO_SETTLE)
        name = f"monitor-{tab.lower()}-{theme}{'' if scale == 1 else f'-{scale:g}x'}.png"
        window.grab().save(str(out / name))
        print(out / name)
    window.close()


def main():
    """Train, and photograph the window while it does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--everything", type=Path, metavar="FOLDER")
    parser.add_argument("--runs", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    shots, out, scales = SHOWN, PICTURES, (1,)
    if chosen.everything is not None:
        from gui.panels.deck import TABS

        shots = [(tab, theme) for theme in ("light", "dark") for tab in TABS]
        out, scales = chosen.everything, (1, 2)
    out.mkdir(parents=True, exist_ok=True)
    if chosen.runs is not None:
        photograph(chosen.runs, shots, out)
        return
    with tempfile.TemporaryDirectory() as folder:
        training = train(folder)
        try:
            time.sleep(SECONDS_TO_LEARN)
            for scale in scales:
                arguments = [*sys.argv, "--runs", str(Path(folder) / "runs")]
                environment = {**os.environ, "QT_SCALE_FACTOR": str(scale)}
                subprocess.run([sys.executable, *arguments], check=True, env=environment)
        finally:
            training.terminate()
            training.wait()


if __name__ == "__main__":
    main()
