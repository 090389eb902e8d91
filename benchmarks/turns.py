"""Contenders of a benchmark: processes that wait until it is their turn.

A shared machine is never equally quick twice, least of all minutes later: short turns, many of
them, meet the same times. A contender's script ends with ``take_turns``; run by itself, it takes a
turn whenever a line is typed.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


class Contender:
    """A script in a process of its own; started, it is ready for its first turn."""

    def __init__(self, script, *arguments):
        self._script = script
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / script), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
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
            sys.exit(f"{self._script} ended with exit code {self._process.wait()}")
        return json.loads(line)


def take_turns(turn):
    """Say that everything is ready; then answer every line with what ``turn`` returns."""
    print("{}", flush=True)
    for _ in sys.stdin:
        print(json.dumps(turn()), flush=True)
