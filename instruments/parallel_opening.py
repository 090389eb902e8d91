"""Open the instruments of a bench in parallel, each with a time limit, as far as they answer.

Nothing is switched on here: instruments open in their safe state. One that fails, or does not
answer in time, is noted and does not keep the others waiting.

Time limits are kept in real time even where the bench is simulated, because what they guard
against, a call that does not return, takes place in real time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from instruments.bench_file.schema import BenchFile
from instruments.errors import BenchFileError, InstrumentError
from instruments.interfaces.instrument import Instrument
from instruments.opening import PreparedInstrument, SharedResources, prepare_instrument
from instruments.safe_state import SafeStateReport, SafeStep, reach_safe_state, run_step

logger = logging.getLogger(__name__)

OPENING_TIMEOUT_SECONDS = 60.0
"""Cameras and lasers may take half a minute; the first simulated one waits for a compiler."""


class BenchOpeningError(InstrumentError):
    """One or more instruments could not be opened; lists every one of them."""


@dataclass
class OpenedInstruments:
    """The instruments of a bench that answered, and why the others did not, by name.

    Attributes
    ----------
    bench
        The file they stand in.
    instruments
        Those that are open and said who they are.
    failures
        What the others raised.
    """

    bench: BenchFile
    instruments: dict[str, Instrument] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)

    def make_safe(self) -> SafeStateReport:
        """Bring those that are open into their safe state, in the file's order; never raises."""
        safe_state = self.bench.safe_state
        return reach_safe_state(
            [
                SafeStep(name, self.instruments[name].make_safe, safe_state.timeout)
                for name in safe_state.order
                if name in self.instruments
            ]
        )

    def close(self) -> None:
        """Release those that are open; one that hangs is left behind."""
        for name, instrument in self.instruments.items():
            closing = run_step(SafeStep(name, instrument.close, self.bench.safe_state.timeout))
            if closing.outcome != "reached":
                logger.error("%s could not be closed: %s", name, closing.error or "no answer")

    def failed(self) -> BenchOpeningError:
        """Return one error that names every instrument that could not be opened, and why."""
        origin = self.bench.origin
        # A mistake in what all share, such as the section [twin], fails every one alike.
        names_by_reason: dict[str, list[str]] = {}
        for name, error in self.failures.items():
            names_by_reason.setdefault(reason_text(origin, name, error), []).append(name)
        reasons = "; ".join(
            # "laser (USB0::..): .." says already whose reason it is.
            reason if reason.startswith(f"{names[0]} (") else f"{', '.join(names)}: {reason}"
            for reason, names in names_by_reason.items()
        )
        return BenchOpeningError(
            f"{origin}: {len(self.failures)} of {len(self.bench.instruments)} instruments could "
            f"not be opened: {reasons}"
        )


def reason_text(origin: str, name: str, error: Exception) -> str:
    """Return what an error says, without the file and the instrument it is said of anyway."""
    if not isinstance(error, (InstrumentError, BenchFileError)):
        return f"{type(error).__name__}: {error}"
    return str(error).removeprefix(f"{origin}: ").removeprefix(f"{name}: ")


def prepare_each(
    bench: BenchFile, shared: SharedResources
) -> tuple[dict[str, PreparedInstrument], dict[str, Exception]]:
    """Prepare every instrument that can be; return these, and what is wrong with the others."""
    prepared: dict[str, PreparedInstrument] = {}
    failures: dict[str, Exception] = {}
    for name in bench.instruments:
        try:
            prepared[name] = prepare_instrument(bench, name, shared)
        except (BenchFileError, InstrumentError) as error:
            failures[name] = error
    return prepared, failures


def open_each(
    bench: BenchFile,
    prepared: Mapping[str, PreparedInstrument],
    timeout_seconds: float = OPENING_TIMEOUT_SECONDS,
) -> OpenedInstruments:
    """Open instruments in parallel and ask each who it is.

    An instrument that answers only after the time limit is made safe and closed at once, in the
    background. After Ctrl-C those that are open already are made safe and closed.

    Parameters
    ----------
    timeout_seconds
        How long all of them together may take.
    """
    opening = _Opening(bench)
    try:
        for name, one in prepared.items():
            threading.Thread(
                target=opening.open_one, args=(name, one), name=f"opening {name}", daemon=True
            ).start()
        opening.wait(len(prepared), timeout_seconds)
    except BaseException:
        opened = opening.finish()
        opened.make_safe()
        opened.close()
        raise
    opened = opening.finish()
    for name in prepared:
        if name not in opened.instruments and name not in opened.failures:
            opened.failures[name] = InstrumentError(
                f"{name}: no answer within {timeout_seconds:g} s; check its power and its address"
            )
    return opened


class _Opening:
    """What the threads that open instruments hand their results to."""

    def __init__(self, bench: BenchFile) -> None:
        self._results = OpenedInstruments(bench)
        self._condition = threading.Condition()
        self._finished = False

    def open_one(self, name: str, one: PreparedInstrument) -> None:
        """Open one instrument; runs in a thread of its own."""
        try:
            instrument = one.open()
        except BaseException as error:
            self._note_failure(name, error)
            return
        try:
            instrument.identity()
        except BaseException as error:
            # Noted first: leaving it may take as long as opening it did.
            self._note_failure(name, error)
            _discard(instrument)
            return
        with self._condition:
            if not self._finished:
                self._results.instruments[name] = instrument
                self._condition.notify()
                return
        _discard(instrument)

    def _note_failure(self, name: str, error: BaseException) -> None:
        if not isinstance(error, Exception):
            error = InstrumentError(f"{name}: its driver ended with {type(error).__name__}")
        with self._condition:
            if not self._finished:
                self._results.failures[name] = error
                self._condition.notify()

    def wait(self, count: int, timeout_seconds: float) -> None:
        """Wait until ``count`` instruments have answered or failed, or the time is over."""
        until = time.monotonic() + timeout_seconds
        with self._condition:
            while len(self._results.instruments) + len(self._results.failures) < count:
                remaining = until - time.monotonic()
                if remaining <= 0:
                    return
                self._condition.wait(remaining)

    def finish(self) -> OpenedInstruments:
        """Take what there is; whatever comes later is closed where it comes."""
        with self._condition:
            self._finished = True
        return self._results


def _discard(instrument: Instrument) -> None:
    """Leave an instrument nobody waits for as it should be left."""
    for leave in (instrument.make_safe, instrument.close):
        try:
            leave()
        except Exception:
            logger.exception("%s could not be left as it should be", instrument.name)
