"""Which Qt the window takes; one that would end the interpreter is refused before it can."""

import os
import subprocess
import sys

import pytest

from gui.binding import find_problem
from instruments.display.qt_binding import choose_binding


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


@pytest.mark.parametrize(
    ("packages", "chosen"),
    [
        ({"PyQt5", "PyQt6", "PySide6"}, "pyside6"),
        ({"PyQt5", "PyQt6"}, "pyqt6"),
        ({"PySide6"}, "pyside6"),
    ],
)
def test_pyside6_comes_before_pyqt6_and_both_before_what_cameras_bring(packages, chosen):
    environment = {}
    assert find_problem(environment, pyside="6.11.3", installed=packages.__contains__) is None
    choose_binding(environment, packages.__contains__)
    assert environment == {"QT_API": chosen}


def test_what_the_user_says_stands():
    environment = {"QT_API": "pyqt6"}
    both = {"PyQt6", "PySide6"}.__contains__
    assert find_problem(environment, pyside="6.12.0", python=(3, 11), installed=both) is None
    choose_binding(environment, both)
    assert environment == {"QT_API": "pyqt6"}


@pytest.mark.parametrize("environment", [{}, {"QT_API": "pyqt5"}, {"QT_API": "PySide6"}])
def test_where_only_qt_5_is_there_is_no_window(environment):
    problem = find_problem(environment, installed={"PyQt5"}.__contains__)
    assert "Qt 6" in problem or "PySide6 is not installed" in problem


def test_the_process_leaves_a_pyqt5_alone_that_a_camera_brought(tmp_path):
    """One that ends whoever imports it stands for the real one."""
    trap = tmp_path / "PyQt5"
    trap.mkdir()
    (trap / "__init__.py").write_text("raise SystemExit('PyQt5 was taken')", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "QT_API"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "gui", "tcp://nowhere"],
        env=environment | {"PYTHONPATH": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "PyQt5 was taken" not in done.stderr
    # The window was there to say so.
    assert "is no address" in done.stderr


def test_the_process_ends_with_one_line_and_code_two():
    done = subprocess.run(
        [sys.executable, "-P", "-m", "gui", "somewhere"],
        env={**os.environ, "QT_API": ""},
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
