"""How right the gradient is: the one light gave against the one that follows by computation.

From one watched minibatch: activations, errors and the weights the light met. The reference
takes the measured fields and the error at the output, and carries that back through the commanded
weights with the true derivative of the unit, as Eq. 3 and Eq. 6 of arXiv:1912.12256 have it. What
differs is what light does: the probe instead of the derivative, weights that are not quite what
was asked for, noise, misread taps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gui.model.live_table import LiveTable
from instruments.network import Layer

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LayerFidelity:
    """One layer's gradient, measured and computed.

    Parameters
    ----------
    layer
        Counted from 1.
    measured, computed
        ``[outputs, inputs]``, averaged over the samples.
    """

    layer: int
    measured: Floats
    computed: Floats

    @property
    def cosine(self) -> float:
        """Cosine of the angle between the two; NaN if one of them is zero."""
        length = float(np.linalg.norm(self.measured) * np.linalg.norm(self.computed))
        return float(np.vdot(self.measured, self.computed)) / length if length else float("nan")

    @property
    def norm_ratio(self) -> float:
        """Length of the measured one over that of the computed one."""
        length = float(np.linalg.norm(self.computed))
        return float(np.linalg.norm(self.measured)) / length if length else float("nan")

    @property
    def sign_agreement(self) -> float:
        """Share of weights, of those with any gradient, that would move the same way."""
        moving = self.computed != 0
        if not moving.any():
            return float("nan")
        same = np.sign(self.measured) == np.sign(self.computed)
        return float(same[moving].mean())


def fidelity(
    layers: Sequence[Layer],
    fields: Mapping[str, npt.NDArray[Any]],
    weights: Sequence[npt.NDArray[Any]],
) -> list[LayerFidelity]:
    """Return every layer whose gradient can be compared, first to last.

    The last layer is left out: its error is computed in either case. A layer needs its input,
    its error and what enters its unit; without the tap in front of the unit that is computed.
    """
    # Here, because it brings a compiler with it that the window need not wait for.
    from sim_backends.nonlinear_units import response

    count = len(layers)
    if len(weights) != count or f"error_{count}" not in fields:
        return []
    found: list[LayerFidelity] = []
    computed = np.asarray(fields[f"error_{count}"], np.float64)
    for number in range(count - 1, 0, -1):
        unit, below = layers[number - 1].unit, fields.get(f"activation_{number - 1}")
        if unit is None:
            break
        entering = fields.get(f"unit_input_{number}")
        if entering is None and below is not None:
            entering = below @ weights[number - 1].T
        if entering is None:
            break
        _, slope = response(replace(unit, derivative="exact"))(np.asarray(entering, np.float64))
        computed = (computed @ np.asarray(weights[number], np.float64)) * slope
        measured = fields.get(f"error_{number}")
        if measured is None or below is None:
            continue
        samples = len(measured)
        found.append(
            LayerFidelity(
                number,
                np.asarray(measured, np.float64).T @ below / samples,
                computed.T @ np.asarray(below, np.float64) / samples,
            )
        )
    return found[::-1]


class FidelityLog:
    """The fidelity of every minibatch that was watched, oldest first."""

    def __init__(self) -> None:
        self.newest: list[LayerFidelity] = []
        self.table = LiveTable()
        """A row for each minibatch, its columns called as in a record that holds them."""

    def take(
        self,
        step: int,
        layers: Sequence[Layer],
        fields: Mapping[str, npt.NDArray[Any]],
        weights: Sequence[npt.NDArray[Any]],
    ) -> None:
        """Work out and keep the fidelity of one minibatch."""
        found = fidelity(layers, fields, weights)
        if not found:
            return
        self.newest = found
        row = {"step": float(step)}
        row |= {cosine_column(one.layer): one.cosine for one in found}
        row |= {norm_ratio_column(one.layer): one.norm_ratio for one in found}
        if self.table.columns != tuple(row):
            self.table = LiveTable(tuple(row), ("",) * len(row))
        self.table.fill(len(self.table), np.array([list(row.values())]))


def cosine_column(layer: int) -> str:
    """Return what a column of the cosines of a layer is called."""
    return f"gradient_cosine_{layer}"


def norm_ratio_column(layer: int) -> str:
    """Return what a column of the ratios of lengths of a layer is called."""
    return f"gradient_norm_ratio_{layer}"
