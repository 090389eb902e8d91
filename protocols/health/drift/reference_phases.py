"""By how much the reference phases have turned; they are taken back there and then."""

from __future__ import annotations

import numpy as np

from instruments.bench import Bench
from instruments.network import Array
from protocols.health.bench_parts import tap_banks
from protocols.health.drift.finding import Drift

_SIGMA_RADIANS = 0.01
_ALLOWED_RADIANS = 0.5
"""Between two pilots: a reading then keeps nine tenths of its size."""


def names(bench: Bench) -> list[str]:
    """Return the names of the checks a bench may give."""
    if bench.tracker is None:
        return []
    return [f"phase_{bank}" for bank in tap_banks(bench)]


def find(bench: Bench, inputs: Array, generator: np.random.Generator) -> list[Drift]:
    """Show a pilot: it finds the phases of the references and takes them back."""
    found = bench.turn_references_back(inputs)
    return [
        Drift(
            name=f"phase_{bank}",
            what=f"reference of {bank}, turned back",
            instrument=bank,
            stage="",
            value=turned,
            sigma=_SIGMA_RADIANS,
            allowed=_ALLOWED_RADIANS,
            unit="rad",
        )
        for bank, turned in found.items()
    ]
