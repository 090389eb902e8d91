"""A package of somebody else's brings a driver: found by name, conformant, in the twin's light.

Installed as pip would, but for the copying: its files and its entry points are on the path.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from instruments.bench_file.reading import built_in_text, read_bench_file
from instruments.errors import BenchFileError
from instruments.opening import SharedResources, prepare_instrument

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "examples" / "new_instrument"
INTERFACES = ROOT / "tests" / "instruments" / "interfaces"
SECTION = """[instruments.pump_shutter]
kind = "shutter"
driver = "acme shutter"
address = "TCPIP0::192.168.1.77::5025::SOCKET"
settings = { travel = "5 ms" }
"""


@pytest.fixture
def installed(tmp_path):
    """A folder that makes the template's package an installed one."""
    project = tomllib.loads((TEMPLATE / "pyproject.toml").read_text("utf-8"))["project"]
    folder = tmp_path / f"acme_shutter-{project['version']}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def bench(tmp_path):
    text, count = re.subn(
        r"\[instruments\.pump_shutter\]\n.*?\n\n",
        SECTION + "\n",
        built_in_text("digits"),
        flags=re.S,
    )
    assert count == 1
    path = tmp_path / "my_bench.toml"
    path.write_text(text, encoding="utf-8")
    return path


def run(installed, *words):
    path = os.pathsep.join([str(TEMPLATE), str(installed)])
    return subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_template_passes_the_conformance_tests(installed, bench):
    done = run(
        installed,
        *("pytest", "-q", "-p", "no:cacheprovider", "-rA"),
        *(INTERFACES / "test_shutter.py", INTERFACES / "test_instrument.py"),
        *("--bench", bench, "--simulate", "wire", "-k", "pump_shutter"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.findall(r"^PASSED .*\[shutter-pump_shutter\]$", done.stdout, re.M)
    assert len(passed) >= 9, done.stdout


def test_a_bench_with_it_is_checked_like_any_other(installed, bench):
    done = run(installed, "protocols.command", "check", bench, "--simulate", "wire")
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if " acme shutter " in line]
    assert "ACME SH-1 serial" in line


def test_without_the_package_the_driver_is_named_with_those_there_are(bench):
    with pytest.raises(BenchFileError, match="no driver 'acme shutter' is installed"):
        prepare_instrument(read_bench_file(bench), "pump_shutter", SharedResources())
