"""What the tests of the command share: a way to call it, and one short run to look at."""

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from protocols.command import main

FAST = ("--epochs", "2", "--layers", "64,16,10", "--learning-rate", "3e-3")


@dataclass(frozen=True)
class Outcome:
    """What a user gets back: the exit code and what was printed."""

    code: int
    out: str
    err: str

    @property
    def complaint(self):
        """The one line an error is allowed."""
        lines = self.err.splitlines()
        assert len(lines) == 1, f"{len(lines)} lines on stderr:\n{self.err}"
        assert lines[0].startswith("backbeam: error: ")
        assert not self.out
        return lines[0].removeprefix("backbeam: error: ")

    @property
    def json(self):
        """The last line, parsed."""
        return json.loads(self.out.splitlines()[-1])


@pytest.fixture
def backbeam(capsys):
    """Call the command in this process, as ``backbeam("train", "--epochs", 3)``."""

    def call(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Outcome(left.value.code, printed.out, printed.err)

    return call


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished run of two epochs. Copy it before changing it."""
    folder = tmp_path_factory.mktemp("finished") / "short"
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed), pytest.raises(SystemExit) as left:
        main(["train", *FAST, "--out", str(folder), "--note", "the short one"])
    assert left.value.code == 0, printed.getvalue()
    return folder


@pytest.fixture
def run_copy(finished, tmp_path):
    """A copy of the finished run, to be spoilt."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
