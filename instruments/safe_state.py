"""Reach a safe state in a declared order, whatever some instruments do.

Every step runs in a thread of its own with a time limit, one after the other: light off before
supplies. A step that raises or hangs is noted and left behind; the next one runs all the same.

Interruptions. While the safe state is being reached in the main thread, Ctrl-C and the signals
that end a process are counted and otherwise ignored, so that an impatient second Ctrl-C cannot
leave half the bench lit; the time limits see to it that it ends. Earlier handlers are back
afterwards. Call ``reach_safe_state`` first in a ``finally``, before any file is flushed or closed:
a full disk must not stand between an exception and a dark laboratory ::

    with ending_signals_raised():
        try:
            run()
        finally:
            report = reach_safe_state(steps)

Time limits are kept in real time even where the bench is simulated, because what they guard
against, a call that does not return, takes place in real time.
"""

from __future__ import annotations

import _thread
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Literal

logger = logging.getLogger(__name__)

DEFAULT_TIMEOUT_SECONDS = 2.0
_REPEAT_SECONDS = 0.02


class Terminated(SystemExit):
    """The process was asked to end by a signal other than Ctrl-C.

    Not an ``Exception``, for the same reason as ``KeyboardInterrupt``: nothing that handles
    errors on the way may swallow it. Unhandled it ends the process without a traceback.

    Parameters
    ----------
    number
        The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number
        self.code = self.exit_code

    @property
    def exit_code(self) -> int:
        """What a shell expects of a process that ended by this signal."""
        return 128 + self.number


@dataclass(frozen=True, slots=True)
class SafeStep:
    """One instrument's way to its safe state, or another call that must not hang.

    Parameters
    ----------
    instrument
        Its name in the bench file.
    make_safe
        Called once, in a thread of its own.
    timeout_seconds
        How long it may take before it counts as hung.
    """

    instrument: str
    make_safe: Callable[[], None]
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS


@dataclass(frozen=True, slots=True)
class SafeStepOutcome:
    """How one step went.

    Parameters
    ----------
    instrument
        Its name in the bench file.
    outcome
        ``reached``; ``raised``, with the exception in ``error``; or ``hung``: no answer within
        the time limit, and nobody knows in what state the instrument is.
    seconds
        How long the step took, or was waited for.
    error
        What was raised.
    """

    instrument: str
    outcome: Literal["reached", "raised", "hung"]
    seconds: float
    error: BaseException | None = None

    def __str__(self) -> str:
        if self.outcome == "reached":
            return f"{self.instrument}: safe after {self.seconds:.2f} s"
        if self.outcome == "hung":
            return (
                f"{self.instrument}: no answer within {self.seconds:.2f} s; its state is not "
                "known: switch it off by hand"
            )
        return (
            f"{self.instrument}: not made safe, {type(self.error).__name__}: {self.error}; "
            "switch it off by hand"
        )


@dataclass(frozen=True, slots=True)
class SafeStateReport:
    """How the safe state was reached.

    Parameters
    ----------
    outcomes
        One a step, in the order in which they were begun.
    seconds
        From the first step to the end of the last.
    interruptions
        How many signals came meanwhile and were held back.
    """

    outcomes: tuple[SafeStepOutcome, ...]
    seconds: float
    interruptions: int = 0

    @property
    def reached(self) -> bool:
        """Whether every instrument is safe."""
        return all(outcome.outcome == "reached" for outcome in self.outcomes)

    @property
    def order(self) -> tuple[str, ...]:
        """The instruments in the order in which their steps were begun."""
        return tuple(outcome.instrument for outcome in self.outcomes)

    def failures(self) -> tuple[SafeStepOutcome, ...]:
        """Return the steps that raised or hung."""
        return tuple(outcome for outcome in self.outcomes if outcome.outcome != "reached")

    def __str__(self) -> str:
        if self.reached:
            return f"safe state reached: {len(self.outcomes)} instruments in {self.seconds:.2f} s"
        failures = "; ".join(str(failure) for failure in self.failures())
        return (
            f"safe state not reached by {len(self.failures())} of {len(self.outcomes)} "
            f"instruments: {failures}"
        )


def reach_safe_state(steps: Sequence[SafeStep]) -> SafeStateReport:
    """Run the steps in their order and say how each went. Never raises.

    A hung step's thread is a daemon: it is left behind and keeps no process alive.
    """
    with _signals_held_back() as held:
        begun = time.monotonic()
        outcomes = tuple(run_step(step) for step in steps)
        report = SafeStateReport(outcomes, time.monotonic() - begun, held.count)
        # Only now: a log on a full or frozen disk must not delay a step.
        with suppress(Exception):
            logger.log(logging.INFO if report.reached else logging.ERROR, "%s", report)
    return report


def run_step(step: SafeStep) -> SafeStepOutcome:
    """Run one step in a thread of its own and wait for it up to its time limit. Never raises.

    Ctrl-C while it waits is swallowed: call it on the way out only.
    """
    raised: list[BaseException] = []
    finished = threading.Event()

    def work() -> None:
        try:
            step.make_safe()
        except BaseException as error:
            raised.append(error)
        finally:
            finished.set()

    begun = time.monotonic()
    try:
        threading.Thread(target=work, name=f"safe state of {step.instrument}", daemon=True).start()
    except RuntimeError:
        # No new thread to be had, as when the interpreter shuts down: better without a time
        # limit than not at all.
        work()
    _wait(finished, begun + step.timeout_seconds)
    seconds = time.monotonic() - begun
    if not finished.is_set():
        return SafeStepOutcome(step.instrument, "hung", seconds)
    if raised:
        return SafeStepOutcome(step.instrument, "raised", seconds, raised[0])
    return SafeStepOutcome(step.instrument, "reached", seconds)


def _wait(finished: threading.Event, until: float) -> None:
    """Wait for the event up to a time of the monotonic clock, through interruptions."""
    while not finished.is_set():
        remaining = until - time.monotonic()
        if remaining <= 0:
            return
        # Signals are held back already; this is for handlers that could not be replaced.
        with suppress(KeyboardInterrupt, Terminated):
            finished.wait(remaining)


@dataclass(slots=True)
class _HeldBack:
    count: int = 0
    handlers: dict[int, Callable[[int, FrameType | None], object] | int] = field(
        default_factory=dict
    )

    def note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


@contextmanager
def _signals_held_back() -> Iterator[_HeldBack]:
    """Count the signals that would interrupt the main thread instead of obeying them."""
    held = _HeldBack()
    try:
        held.handlers = _install(held.note, (signal.SIGINT, *_ending_signals()))
        yield held
    finally:
        _restore(held.handlers)


@contextmanager
def ending_signals_raised() -> Iterator[None]:
    """Raise ``Terminated`` in the main thread on a signal that would end the process at once.

    SIGTERM (``kill``, a shutdown, a batch system), SIGHUP (the terminal was closed) and, on
    Windows, SIGBREAK (Ctrl-Break, the console was closed) then unwind the stack as Ctrl-C does,
    which itself stays a ``KeyboardInterrupt``. Signals that are ignored, as SIGHUP is under
    ``nohup``, stay ignored. Either is raised again where it came at a moment Python cannot raise
    anything. The earlier handlers are back afterwards. Outside the main thread, which alone
    receives signals, it does nothing.
    """
    handlers = _install(_raise_terminated, _ending_signals())
    try:
        with _lost_interruptions_raised_again():
            yield
    finally:
        _restore(handlers)


@contextmanager
def _lost_interruptions_raised_again() -> Iterator[None]:
    """Repeat a signal whose exception was dropped.

    Python drops what is raised in a function that C code calls, such as a compiler's, and in a
    finalizer: whoever asked for the end would not be heard, and light would stay on.
    """
    earlier = sys.unraisablehook

    def repeat(lost: sys.UnraisableHookArgs) -> None:
        number = _signal_behind(lost.exc_value)
        if number is None:
            earlier(lost)
            return
        # Not at once: it would be raised in here, and dropped as well.
        again = threading.Timer(_REPEAT_SECONDS, _thread.interrupt_main, (number,))
        again.daemon = True
        again.start()

    sys.unraisablehook = repeat
    try:
        yield
    finally:
        sys.unraisablehook = earlier


def _signal_behind(error: BaseException | None) -> int | None:
    if isinstance(error, Terminated):
        return error.number
    return signal.SIGINT if isinstance(error, KeyboardInterrupt) else None


def _raise_terminated(number: int, frame: FrameType | None) -> None:
    raise Terminated(number)


def _ending_signals() -> tuple[signal.Signals, ...]:
    """Return the signals of this platform that end a process, Ctrl-C apart."""
    names = ("SIGTERM", "SIGHUP", "SIGBREAK")
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


def _install(
    handler: Callable[[int, FrameType | None], object], signals: Sequence[signal.Signals]
) -> dict[int, Callable[[int, FrameType | None], object] | int]:
    """Set a handler for signals that are not ignored; return the earlier ones by signal."""
    earlier: dict[int, Callable[[int, FrameType | None], object] | int] = {}
    if threading.current_thread() is not threading.main_thread():
        return earlier
    for number in signals:
        present = signal.getsignal(number)
        # None is a handler that was not set from Python and could not be put back.
        if present is None or present is signal.SIG_IGN:
            continue
        earlier[number] = present
        signal.signal(number, handler)
    return earlier


def _restore(earlier: dict[int, Callable[[int, FrameType | None], object] | int]) -> None:
    for number, handler in earlier.items():
        signal.signal(number, handler)
