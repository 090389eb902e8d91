"""Start-up finds out when another distribution stands in backbeam's place."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from protocols.installation import find_problem


def run_with_path(folder, *arguments):
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); "
        "from protocols.command import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_this_installation_is_whole():
    assert find_problem() is None


@pytest.mark.parametrize("package", ["instruments", "sim_backends", "gui"])
def test_a_package_of_the_same_name_elsewhere_is_named(tmp_path, package):
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("")
    done = run_with_path(tmp_path, "runs")
    assert done.returncode == 2
    assert f"'{package}' comes from" in done.stderr
    assert "virtual environment of its own" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_comes_quickly_because_heavy_imports_wait():
    heavy = ["numpy", "scipy", "numba", "zarr", "pydantic", "pooch", "pint", "pyvisa", "pymeasure"]
    code = (
        "import sys; from protocols.command import main\n"
        "try: main(['--help'])\n"
        f"except SystemExit: print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert time.perf_counter() - began < 2.5  # 0.2 s on an idle machine; the list is the point
    assert done.stderr.strip() == "[]"
    assert "train" in done.stdout


def test_decoy_folders_where_the_command_runs_do_no_harm(tmp_path):
    for name in ("gui", "instruments"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('decoy')")
    script = Path(sys.executable).parent / (
        "backbeam.exe" if sys.platform == "win32" else "backbeam"
    )
    done = subprocess.run(
        [str(script), "--version"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
