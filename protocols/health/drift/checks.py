"""Small measurements of what drifts on a bench, each through its instruments in some hundred shots.

What a table says is compared with what is found now. Every kind of check is a module that names
the checks a bench may give and makes them; what turned is taken back there and then. Weights are
shown again as they were afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from instruments.bench import Bench
from instruments.network import Array
from protocols.health import reciprocity
from protocols.health.drift import (
    camera_spots,
    half_weights,
    modulator_nulls,
    reference_phases,
    transmission_and_depth,
)
from protocols.health.drift.finding import Drift


class DriftCheck(Protocol):
    """One kind of check; modules are such."""

    def names(self, bench: Bench) -> list[str]:
        """Return the names of the checks a bench may give, known before any is made."""
        ...

    def find(self, bench: Bench, inputs: Array, generator: np.random.Generator) -> list[Drift]:
        """Make the checks the bench has the ports for; other weights may stand afterwards.

        Parameters
        ----------
        inputs
            ``[B, N_0]`` samples like those in operation.
        generator
            Draws what else is shown.
        """
        ...


CHECKS: tuple[DriftCheck, ...] = (
    reference_phases,
    camera_spots,
    modulator_nulls,
    transmission_and_depth,
    reciprocity,
    half_weights,
)
"""In the order they are made: references are turned back before anything else is read."""


def drift_checks(
    bench: Bench,
    inputs: Array,
    generator: np.random.Generator,
    after: Callable[[], None] | None = None,
) -> list[Drift]:
    """Make every check the bench has the ports for; weights stand as before afterwards.

    Parameters
    ----------
    inputs
        ``[B, N_0]`` samples like those in operation: a pilot has to be as bright as they are.
    generator
        Draws what is shown.
    after
        Called behind every kind of check, ``len(CHECKS)`` times.
    """
    weights, point = bench.parameters(), bench.operating_point()
    found: list[Drift] = []
    try:
        for check in CHECKS:
            found += check.find(bench, inputs, generator)
            bench.write(weights, point)
            if after is not None:
                after()
    finally:
        bench.write(weights, point)
    return found


def names_of_checks(bench: Bench) -> list[str]:
    """Return the names of the checks that a bench may give, known before any is made."""
    return [name for check in CHECKS for name in check.names(bench)]


def column_of(name: str) -> str:
    """Return the column of the record a check goes to.

    That of reciprocity has its own name: it is a property of the optics, not a change since the
    tables were measured.
    """
    return name if name.startswith(reciprocity.NAME) else f"drift_{name}"
