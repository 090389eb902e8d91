"""A Qt that would end the interpreter is refused before it can."""

import subprocess
import sys

import pytest

from gui.binding import find_problem


@pytest.mark.parametrize(
    ("pyside", "python", "refused"),
    [
        ("6.12.0", (3, 11), True),
        ("6.12.1", (3, 11), True),
        ("6.13.0", (3, 11), True),
        ("6.12.0", (3, 12), False),
        ("6.11.3", (3, 11), False),
        ("6.8.3", (3, 11), False),
    ],
)
def test_the_bad_pair_is_refused_with_what_to_do(pyside, python, refused):
    problem = find_problem({}, python=python, pyside=pyside)
    if refused:
        assert "<6.12" in problem
        assert "pip install" in problem
    else:
        assert problem is None


def test_an_empty_variable_is_named():
    assert "QT_API" in find_problem({"QT_API": ""}, pyside="6.11.3")


def test_the_process_ends_with_one_line_and_code_two():
    done = subprocess.run(
        [sys.executable, "-P", "-m", "gui", "somewhere"],
        env={**__import__("os").environ, "QT_API": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("backbeam: error: ")


def test_training_never_imports_qt_or_the_monitor():
    script = (
        "import sys, protocols.command, protocols.training, protocols.live.publishing, "
        "protocols.live.publisher, protocols.commands.application as a; a.build_application(); "
        "bad = [m for m in sys.modules if m.split('.')[0] in "
        "('gui', 'qtpy', 'pyqtgraph', 'PySide6', 'PyQt6')]; sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
