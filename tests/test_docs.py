"""The documentation builds without a warning, and what it says can be done."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from protocols.commands.application import build_application

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def name(page):
    return page.relative_to(DOCS).as_posix()


def test_the_pages_build_with_warnings_as_errors(tmp_path):
    if importlib.util.find_spec("mkdocs") is None:
        pytest.fail("mkdocs is not installed: pip install -e '.[dev]'")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mkdocs", "build", "--strict"),
            *("-f", str(DOCS / "site" / "mkdocs.yml"), "-d", str(tmp_path / "site")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "getting-started" / "index.html").exists()


def test_every_decision_is_in_the_index():
    index = (DOCS / "decisions" / "index.md").read_text(encoding="utf-8")
    for page in (DOCS / "decisions").glob("[0-9]*.md"):
        assert f"({page.name})" in index


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_options_the_docs_speak_of_exist(page):
    commands = get_command(build_application()).commands.values()
    known = {flag for command in commands for option in command.params for flag in option.opts}
    known |= {"--debug", "--help", "--version"}
    # An option of the tests, not of the command.
    known |= {"--bench"}
    text = page.read_text(encoding="utf-8")
    spoken_of = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    assert spoken_of <= known


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_on_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    for block in blocks:
        exec(compile(block, name(page), "exec"), names)
    assert bool(capsys.readouterr().out) == bool(blocks)
