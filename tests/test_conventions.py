"""What holds for the code as a whole: style, types, floors, names."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ["instruments", "sim_backends", "protocols", "gui"]


def run(*command):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def needs(name):
    if importlib.util.find_spec(name) is None:
        pytest.fail(f"{name} is not installed: pip install -e '.[dev]'")


def test_the_code_is_formatted():
    needs("ruff")
    run("ruff", "format", "--check", ".")


def test_the_linter_has_nothing_to_say():
    needs("ruff")
    run("ruff", "check", ".")


def test_the_types_are_right():
    needs("mypy")
    run("mypy")


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_point_down_the_floors(floor):
    above = set(FLOORS[FLOORS.index(floor) + 1 :])
    for path in (ROOT / floor).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            climbing = {name.split(".")[0] for name in names} & above
            assert not climbing, f"{path.relative_to(ROOT)} imports {climbing}"
