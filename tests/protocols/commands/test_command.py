"""``backbeam`` itself: help, versions, how errors look, signals and pipes."""

import logging
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version

import pytest
from typer.main import get_command

from protocols.commands.application import build_application
from protocols.installation import PACKAGES
from protocols.record.run import open_run

LONG = ("train", "--epochs", "100000", "--layers", "64,8,10")


def start(*arguments, **options):
    """Start the command as a process of its own."""
    code = "from protocols.command import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_without_arguments_it_says_what_it_can_do(backbeam, arguments):
    done = backbeam(*arguments)
    assert done.code == 0
    for word in ("train", "evaluate", "export", "runs", "First steps"):
        assert word in done.out


def test_the_version_is_that_of_the_installation(backbeam):
    assert backbeam("--version").out == f"backbeam {version('backbeam')}\n"


@pytest.mark.parametrize("command", sorted(get_command(build_application()).commands))
def test_help_fits_eighty_columns_and_shows_how_it_is_typed(backbeam, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    done = backbeam(command, "--help")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert "Examples" in done.out
    assert "…" not in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], ["no such command 'trian'", "backbeam --help"]),
        (["train", "--epoch", "3"], ["--epoch", "--epochs", "backbeam train --help"]),
        (["train", "--epochs"], ["'--epochs' requires an argument"]),
        (["train", "--epochs", "three"], ["--epochs", "valid integer", "'three'"]),
        (["train", "--learning-rate", "fast"], ["--learning-rate", "'fast'"]),
        (["train", "--activation", "step"], ["'step' is not one of", "'absorber'"]),
        (["train", "--optimizer", "adamw"], ["'adamw' is not one of", "'adam', 'sgd'"]),
        (["train", "extra"], ["extra"]),
        (["evaluate"], ["missing argument 'RUN'", "backbeam evaluate --help"]),
    ],
)
def test_a_wrong_command_line_is_one_line_on_stderr(backbeam, arguments, words):
    done = backbeam(*arguments)
    assert done.code == 2
    for word in words:
        assert word in done.complaint


@pytest.fixture
def package_loggers():
    loggers = [logging.getLogger(name) for name in (*PACKAGES, "numba")]
    levels = [logger.level for logger in loggers]
    yield loggers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def test_debug_shows_where_an_error_comes_from_and_keeps_the_exit_code(backbeam, package_loggers):
    done = backbeam("train", "--epochs", "0", "--debug")
    *ours, of_the_compiler = package_loggers
    assert all(logger.level == logging.DEBUG for logger in ours)
    assert of_the_compiler.getEffectiveLevel() > logging.DEBUG
    assert done.code == 2
    assert "Traceback (most recent call last)" in done.err
    assert done.err.splitlines()[-1].startswith("backbeam: error: epochs: found 0")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (MemoryError("10 TiB"), 2, "not enough memory"),
        (OSError(28, "No space left on device", "runs/x"), 2, "runs/x: no space left on device"),
        (ZeroDivisionError("by zero"), 1, "unexpected ZeroDivisionError: by zero"),
    ],
)
def test_what_nobody_foresaw_is_one_line_too(backbeam, monkeypatch, error, code, words):
    def fail(*_):
        raise error

    monkeypatch.setattr("protocols.record.run.list_runs", fail)
    done = backbeam("runs", ".")
    assert done.code == code
    assert words in done.complaint


def wait_until_training(process, run, beyond=0):
    limit = time.monotonic() + 60
    while not (run.exists() and len(open_run(run).steps) > beyond):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to one process")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_its_code_and_a_run_that_can_be_resumed(backbeam, here, number, code):
    process = start(*LONG, "--out", "a run")
    wait_until_training(process, here / "a run")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert not out
    assert "Traceback" not in err
    assert err.splitlines()[-1].endswith("Go on with: backbeam train --resume 'a run'")
    stopped = open_run(here / "a run")
    assert stopped.state == "interrupted"
    steps = len(stopped.steps)
    assert stopped.checkpoint().step == steps

    again = start("train", "--resume", "a run")
    wait_until_training(again, here / "a run", beyond=steps)
    complaint = backbeam("train", "--resume", "a run").complaint
    assert "is being written by another process" in complaint
    again.send_signal(number)
    assert again.communicate(timeout=60)[0] == ""
    assert again.returncode == code
    assert stopped.state == "interrupted"
    assert len(stopped.steps) > steps


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reports a closed pipe differently")
def test_a_reader_that_goes_away_ends_the_list_quietly(finished):
    read, write = os.pipe()
    code = "from protocols.command import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "runs", str(finished.parent)],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    os.close(read)
    _, err = process.communicate(timeout=60)
    assert err == ""
    assert process.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reports a closed pipe differently")
def test_a_training_outlives_the_reader_of_its_log(here):
    process = start("train", "--epochs", "3", "--layers", "64,8,10", "--out", "run", "--json")
    process.stderr.close()
    out = process.stdout.read()
    process.stdout.close()
    assert process.wait(60) == 0
    assert '"test_accuracy"' in out.splitlines()[-1]
    assert open_run(here / "run").state == "completed"


def test_letters_the_terminal_does_not_know_are_replaced(run_copy):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    renamed = run_copy.rename(run_copy.with_name("größe"))
    process = start("runs", renamed.parent, env=environment)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "gr??e" in out
