"""How strong each neuron was, from one watched minibatch to the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_MINIBATCHES = 2000
"""Older ones are forgotten: at two a second, after a quarter of an hour."""


class NeuronTraces:
    """Root mean square over the samples of every neuron of every tapped field."""

    def __init__(self) -> None:
        self._rows: dict[str, deque[tuple[int, npt.NDArray[np.float32]]]] = {}

    def take(self, step: int, fields: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keep the strengths in fields ``[batch, neuron]``, in saturation fields."""
        for name, values in fields.items():
            strength = np.sqrt(np.mean(np.square(values, dtype=np.float64), axis=0))
            rows = self._rows.setdefault(name, deque(maxlen=MOST_MINIBATCHES))
            rows.append((step, strength.astype(np.float32)))

    def of(self, field: str, neuron: int) -> tuple[Floats, Floats]:
        """Return steps and strengths of one neuron, counted from 0."""
        rows = self._rows.get(field, ())
        steps = np.array([step for step, _ in rows], np.float64)
        return steps, np.array([strength[neuron] for _, strength in rows], np.float64)
