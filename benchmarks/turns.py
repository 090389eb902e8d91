"""Contenders of a benchmark: processes that wait until it is their turn.

A shared machine is never equally quick twice, least of all minutes later: short turns, many of
them, meet the same times. A contender's script says when it is ready, and what it measured in every
turn; run by itself, it takes a turn whenever a line is typed.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


class Contender:
    """A script in a process of its own; started, it is ready for its first turn."""

    def __init__(self, script, *arguments):
        self._script = script
        # Kept as long as the process; shown if it ends too early.
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / script), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        self._answer()

    def turn(self):
        """Let it run for a turn; return what it measured, by name."""
        print(file=self._process.stdin, flush=True)
        return self._answer()

    def end(self):
        """Let it go."""
        self._process.stdin.close()
        self._process.wait()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._said.seek(0)
            sys.exit(f"{self._script} ended with exit code {code}:\n{self._said.read()}")
        return json.loads(line)


def answer(measured):
    """Hand over what was measured in a turn, by name; nothing when ready for the first one."""
    print(json.dumps(measured), flush=True)


def wait_for_turn():
    """Return when the next turn begins; False if there is none any more."""
    return bool(sys.stdin.readline())


def take_turns(turn):
    """Say that everything is ready; then answer in every turn with what ``turn`` returns."""
    answer({})
    while wait_for_turn():
        answer(turn())
