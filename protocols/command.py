"""The command ``backbeam``: finds the subcommand, prints errors as one line, sets exit codes."""

from __future__ import annotations

import io
import itertools
import logging
import re
import sys
import traceback
from collections.abc import Sequence

from protocols.installation import PACKAGES, find_problem

EXIT_UNEXPECTED = 1
EXIT_USER = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``backbeam`` with the given arguments, or those of the process, and exit.

    ``--debug`` may stand anywhere: errors then show their traceback and logging is verbose.

    Exit codes: 0 done; 1 training failed or something unexpected; 2 the user can put it right;
    3 an instrument; 130 after Ctrl-C; 128 and its number after another signal.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    problem = find_problem()
    if problem is not None:
        _fail(problem, EXIT_USER)
    if debug:
        _log_verbosely()
    _print_whatever_the_terminal_can_show()
    try:
        from instruments.safe_state import ending_signals_raised
        from protocols.commands.application import build_application
        from protocols.commands.simulate import with_what_to_simulate

        # Outside of standalone mode errors of usage come here too, to look like all others.
        # A signal that ends the process unwinds the stack, so that no way out leaves light on.
        with ending_signals_raised():
            code = build_application()(
                with_what_to_simulate(given) or ["--help"],
                prog_name="backbeam",
                standalone_mode=False,
            )
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        if debug:
            traceback.print_exc()
        _fail(*_explain(error, given))
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: Exception, given: Sequence[str]) -> tuple[str, int]:
    """Return what to tell the user about an error, and the exit code."""
    from instruments.errors import BackbeamError

    if isinstance(error, BackbeamError):
        return str(error), error.exit_code
    if hasattr(error, "format_message"):
        return _explain_usage(error, given), EXIT_USER
    if isinstance(error, MemoryError):
        return (
            f"not enough memory ({error}): use fewer neurons, a smaller batch or a subset",
            EXIT_USER,
        )
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror.lower()}", EXIT_USER
    return (
        f"unexpected {type(error).__name__}: {error} (run again with --debug to see where)",
        EXIT_UNEXPECTED,
    )


def _explain_usage(error: Exception, given: Sequence[str]) -> str:
    """Say what is wrong with the command line itself; typer's errors have no common base."""
    message = str(error.format_message()).replace("Value error, ", "")  # type: ignore[attr-defined]
    message = re.sub(", unable to parse string as an? [a-z]+", "", message)
    message = message.replace("Input should be", "it should be")
    options = getattr(getattr(error, "param", None), "opts", ())
    for option, value in itertools.pairwise(given):
        if option in options and repr(value) not in message:
            message = f"{message.rstrip('.')}, found {value!r}"
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "backbeam"
    return f"{message[:1].lower()}{message[1:].rstrip('.')}; see {path} --help"


def _log_verbosely() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    # Only this project's: the compiler of numba alone would fill the screen.
    for package in PACKAGES:
        logging.getLogger(package).setLevel(logging.DEBUG)


def _print_whatever_the_terminal_can_show() -> None:
    """Replace letters the terminal has no code for, rather than fail on somebody's note."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _fail(message: str, exit_code: int) -> None:
    print(f"backbeam: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
