"""The health of a bench while it trains: looked at every so many steps, recorded, acted upon.

A look costs a few minibatches, the last of which serves the step as well where its errors go the
same way; a look for drift some hundred shots more. In between, nothing is done at all. What is
found goes into columns of the record, NaN where no look was taken; what a person should know goes
into events.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from instruments.bench import Bench
from instruments.errors import GradientError
from instruments.network import Array, Network
from protocols.error_paths import MinibatchGradient
from protocols.health.bench_parts import tables_of
from protocols.health.drift.checks import column_of, drift_checks, names_of_checks
from protocols.health.drift.finding import Drift
from protocols.health.drift.rates import DriftRates
from protocols.health.gradient_fidelity import LayerFidelity, Level, compared
from protocols.health.recalibration import recalibrate
from protocols.health.repeated_frames import Repeats, repeat
from protocols.health.signal_and_noise import TapErrors, tap_errors
from protocols.health.table_sets import Tell, tell_of_tables
from protocols.health.table_twin import TableTwin
from protocols.health.tap_only import tap_only_checks, why_not
from protocols.losses import Labels, Loss
from protocols.settings import TrainingSettings

logger = logging.getLogger(__name__)

_OF_LAYER = ("cosine", "gain", "residual", "noise", "signal_cosine")


def _say_nothing(kind: str, text: str, **details: Any) -> None:
    """Tell nobody."""


class Look(NamedTuple):
    """What came of a look.

    ``values`` are a number for each column; ``measured`` is what the last take gave, where a step
    would measure the same.
    """

    values: tuple[float, ...] = ()
    measured: MinibatchGradient | None = None


class HealthWatch:
    """Looks after one bench during one training.

    Parameters
    ----------
    bench
        An open bench that knows its tables.
    settings
        How often, how many takes, what to do.
    loss
        The loss that is trained with.

    Attributes
    ----------
    tell
        Whom events are told; nobody at first.
    """

    def __init__(self, bench: Bench, settings: TrainingSettings, loss: Loss) -> None:
        self._bench = bench
        self._settings = settings
        self._loss = loss
        self.tell: Tell = _say_nothing
        self._rates = DriftRates()
        self._told_of: set[int] = set()
        self._drift_looked_at = -1
        self._drift_found: dict[str, float] = {}
        self._has_all_ports = bench.file is not None and not why_not(bench.file)
        layers = range(1, len(bench.layers) + 1)
        self._names = [f"gradient_{what}_{layer}" for layer in layers for what in _OF_LAYER]
        self._names += [f"slit_efficiency_{layer}" for layer in layers]
        if self._has_all_ports:
            self._names += [f"tap_only_{layer}" for layer in layers[:-1]]
        if settings.drift_every:
            self._names += [column_of(name) for name in names_of_checks(bench)]
        self._nothing = Look((math.nan,) * len(self._names))

    def columns(self) -> dict[str, str]:
        """Return names and units of the columns it records."""
        return dict.fromkeys(self._names, "")

    def look(self, step: int, inputs: Array, labels: Labels) -> Look:
        """Look at the bench in front of a step, if it is time.

        Parameters
        ----------
        inputs, labels
            The minibatch that comes next.

        Raises
        ------
        GradientError
            If the gradient is not what it should be, and the settings ask to stop then.
        """
        settings = self._settings
        drift = settings.drift_every and step % settings.drift_every == 0
        check = settings.check_every and step % settings.check_every == 0
        if not (drift or check):
            return self._nothing
        values: dict[str, float] = {}
        measured = None
        if drift:
            # A step that was given up for a pause is done again; what was put right stays so.
            if self._drift_looked_at != step:
                self._drift_found = self._look_for_drift(step, inputs)
                self._drift_looked_at = step
            values |= self._drift_found
        if check:
            repeats = repeat(self._bench, inputs, labels, self._loss, settings.check_takes)
            values |= self._look_at_gradient(repeats)
            if settings.errors == "network":
                measured = repeats.takes[-1]
        return Look(tuple(values.get(name, math.nan) for name in self._names), measured)

    # The gradient ----------------------------------------------------------------------------

    def _look_at_gradient(self, repeats: Repeats) -> dict[str, float]:
        twin = TableTwin(self._bench)
        found = compared(repeats, twin.gradient(repeats.inputs, repeats.mean_output_errors()))
        taps = tap_errors(self._bench, twin, repeats)
        values = {
            f"gradient_{what}_{one.layer}": getattr(one, what)
            for one in found
            for what in _OF_LAYER
        }
        values |= {f"slit_efficiency_{one.layer}": one.scale**2 for one in taps if one.port == "z"}
        values |= self._look_at_ports(repeats)
        self._judge(found, taps)
        return values

    def _look_at_ports(self, repeats: Repeats) -> dict[str, float]:
        if not self._has_all_ports:
            return {}
        found = tap_only_checks(self._bench, repeats.inputs, repeats.mean_output_errors())
        for one in found:
            if not one.sound:
                self._report(one.sentence(), "warning")
        return {f"tap_only_{one.layer}": one.mean_slope for one in found}

    def _judge(self, found: Sequence[LayerFidelity], taps: Sequence[TapErrors]) -> None:
        poor = [one for one in found if one.level in (Level.WATCH, Level.POOR, Level.STOP)]
        if not poor:
            return
        worst = max(taps, key=lambda one: one.signal_share if one.rms else 0.0)
        culprit = f"the largest signal error is that of {worst.bank}, {worst.signal_share:.0%}"
        if self._never_measured:
            culprit += f"; {self._never_measured} of the tables were never measured"
        for one in poor:
            failed = one.level is Level.STOP
            self._report(
                f"{one.sentence()}; {culprit}",
                "fault" if failed else "warning",
                # Said once, until tables are new; the record has every look.
                aloud=failed and one.layer not in self._told_of,
                layer=one.layer,
                instrument=worst.bank,
                reading=f"off {worst.signal_share:.0%}",
            )
        failing = [one for one in poor if one.level is Level.STOP]
        self._told_of |= {one.layer for one in failing}
        if failing and self._settings.on_poor_gradient == "stop":
            raise GradientError(f"{failing[0].sentence()}; {culprit}")

    # Drift -----------------------------------------------------------------------------------

    def _look_for_drift(self, step: int, inputs: Array) -> dict[str, float]:
        # Always the same at the same step, so that a resumed run finds the same.
        generator = np.random.default_rng([self._settings.seed, step])
        found = drift_checks(self._bench, inputs, generator)
        known = self._rates.state()
        try:
            self._rates.take(found)
            due = self._rates.due(found)
            if due:
                self._recalibrate(due, generator)
        except BaseException:
            self._rates.restore(known)
            raise
        for one in found:
            state = "warning" if one in due else "ok"
            self.tell(
                "health",
                f"{one.what}: {one.reading()}",
                instrument=one.instrument,
                state=state,
                reading=one.reading(),
            )
        return {column_of(one.name): one.value for one in found}

    def _recalibrate(self, due: Sequence[Drift], generator: np.random.Generator) -> None:
        names = ", ".join(f"{one.what} {one.reading()}" for one in due)
        results = recalibrate(self._bench, due, generator)
        refused = [one for one in results if not one.accepted]
        accepted = [f"{one.protocol} {one.target}" for one in results if one.accepted]
        self._rates.forget([one.name for one in due])
        if accepted:
            self._told_of.clear()
            self.tell("recalibrated", f"drifted: {names}; measured again: {', '.join(accepted)}")
            tables = tables_of(self._bench)
            number = tables.number
            tell_of_tables(self.tell, number, tables.sets[number])
        for one in refused:
            self._report(
                f"drifted: {names}; {one.protocol} {one.target} was refused: {one.refusals[0]}",
                "warning",
                aloud=True,
                instrument=due[0].instrument,
                reading=due[0].reading(),
            )

    @property
    def _never_measured(self) -> int:
        """How many of the bench's tables are nominal."""
        return list(tables_of(self._bench).tables.sources().values()).count("nominal")

    def _report(self, text: str, state: str, *, aloud: bool = False, **details: Any) -> None:
        logger.log(logging.WARNING if aloud else logging.INFO, text)
        self.tell("health", text, state=state, **details)

    # State -----------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return what the next look depends on, as JSON values."""
        return self._rates.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` returned."""
        self._rates.restore(state)


def watch_for(network: Network, settings: TrainingSettings, loss: Loss) -> HealthWatch | None:
    """Return what looks after a network; ``None`` where there is nothing to look after."""
    wanted = settings.check_every or settings.drift_every
    if not wanted or not isinstance(network, Bench) or network.tables is None:
        return None
    return HealthWatch(network, settings, loss)
