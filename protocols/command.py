"""The command ``backbeam``: finds the subcommand, prints errors as one line, sets exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from protocols.installation import find_problem

EXIT_USER = 2
EXIT_UNEXPECTED = 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``backbeam`` with the given arguments, or those of the process, and exit.

    ``--debug`` may stand anywhere: errors then show their traceback and logging is verbose.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    problem = find_problem()
    if problem is not None:
        _fail(problem, EXIT_USER)
    from instruments.errors import BackbeamError
    from protocols.commands.application import build_application

    if debug:
        import logging

        logging.basicConfig(level=logging.DEBUG)
    try:
        build_application()(given)
    except BackbeamError as error:
        if debug:
            raise
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe has gone (| head): nothing left to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_UNEXPECTED)
    except Exception as error:
        if debug:
            raise
        _fail(
            f"unexpected {type(error).__name__}: {error} (run again with --debug to see where)",
            EXIT_UNEXPECTED,
        )


def _fail(message: str, exit_code: int) -> None:
    print(f"backbeam: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
