"""What the taps saw of a few samples, and the weights that light met: newest, or of the past."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gui.model.neuron_traces import NeuronTraces

Arrays = Mapping[str, npt.NDArray[Any]]


class Taps:
    """Fields by name, ``[batch, neuron]`` in units of the saturation field, and weights.

    Three sources, the newest of which counts: samples in the record, previews a trainer sends
    twice a second while it is watched, and weights of checkpoints. Names: ``activation_0`` is the
    input (previews only), ``activation_l`` what follows unit ``l``, ``unit_input_l`` what enters
    it, ``error_l`` what comes back to layer ``l``, ``output``; ``weights_l`` is
    ``[outputs, inputs]``.
    """

    def __init__(self) -> None:
        self.sample_steps: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        """Steps at which the record holds a sample."""
        self.checkpoint = -2
        """Step of the newest checkpoint, as the record says."""
        self.shown_index: int | None = None
        """Which recorded sample is shown; ``None`` while the newest is followed."""
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._newest: dict[str, tuple[int, dict[str, npt.NDArray[Any]]]] = {}
        self._past: tuple[int, dict[str, npt.NDArray[Any]]] | None = None
        self.traces = NeuronTraces()
        """Of the previews that were heard."""
        self.sample_steps = np.zeros(0, np.int64)
        self.checkpoint = -2
        self.shown_index = None

    def hear(self, source: str, step: int, arrays: Arrays) -> bool:
        """Take what a source has that is new; return whether it is newer than what was there."""
        if not arrays or step < self._newest.get(source, (-1, {}))[0]:
            return False
        self._newest[source] = (step, dict(arrays))
        if source == "taps":
            self.traces.take(
                step, {name: one for name, one in arrays.items() if not _is_weights(name)}
            )
        return True

    @property
    def fields(self) -> dict[str, npt.NDArray[Any]]:
        """Fields to show, by name; empty if there are none."""
        _, arrays = self._fields()
        return {name: values for name, values in arrays.items() if not _is_weights(name)}

    @property
    def step(self) -> int:
        """Step of the fields shown; -1 if there are none."""
        return self._fields()[0]

    @property
    def recorded(self) -> bool:
        """Whether the fields shown are in the record, and not a preview."""
        return self._past is not None or self._source() == "fields"

    @property
    def weights(self) -> tuple[int, list[npt.NDArray[Any]]]:
        """Step and weights nearest to the fields shown, layer by layer; none are an empty list."""
        step, arrays = self._fields()
        own = weights_in(arrays)
        if own:
            return step, own
        candidates = [
            (found, weights_in(held))
            for source in ("taps", "weights")
            for found, held in [self._newest.get(source, (-1, {}))]
        ]
        candidates = [one for one in candidates if one[1]]
        if not candidates:
            return -1, []
        return min(candidates, key=lambda one: abs(one[0] - step))

    @property
    def consistent(self) -> bool:
        """Whether the weights are those the light met, and not those of another step."""
        return bool(weights_in(self._fields()[1])) or self.weights[0] == self.step

    def index_at(self, step: int) -> int | None:
        """Return which recorded sample was the newest at a step."""
        index = int(np.searchsorted(self.sample_steps, step, side="right")) - 1
        return index if index >= 0 else None

    def show(self, index: int, step: int, arrays: Arrays) -> None:
        """Show a recorded sample."""
        self.shown_index = index
        self._past = (step, dict(arrays))

    def show_none(self, step: int) -> None:
        """Show that nothing had been sampled yet."""
        self.shown_index = -1
        self._past = (step, {})

    def follow(self) -> None:
        """Show the newest again."""
        self.shown_index = None
        self._past = None

    def forget_previews(self) -> bool:
        """Show only what is recorded from now on; return whether that changes anything."""
        return self._newest.pop("taps", None) is not None

    def _source(self) -> str:
        # Previews hold weights and light of one moment; they come as long as somebody trains.
        return next((one for one in ("taps", "fields") if one in self._newest), "")

    def _fields(self) -> tuple[int, dict[str, npt.NDArray[Any]]]:
        if self._past is not None:
            return self._past
        return self._newest.get(self._source(), (-1, {}))


def _is_weights(name: str) -> bool:
    return name.startswith("weights_")


def weights_in(arrays: Arrays) -> list[npt.NDArray[Any]]:
    """Return the weights among arrays, first layer to last."""
    found: list[npt.NDArray[Any]] = []
    while (name := f"weights_{len(found) + 1}") in arrays:
        found.append(arrays[name])
    return found
