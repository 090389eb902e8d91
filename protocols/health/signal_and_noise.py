"""What a bank of taps gets wrong every time, and what it gets wrong differently every time.

From takes of one minibatch. Each bank is compared with what the tables let expect from the
measured fields in front of it, so that a bank answers for itself: ``z`` for the activations it
was made of, ``a`` for its ``z``, errors for those behind. The mean over takes minus that is the
signal error: static, and not to be averaged away. The spread over takes is the noise error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instruments.bench import Bench
from instruments.network import Array
from instruments.stage_hardware import Port
from protocols.health.repeated_frames import Repeats, mean_of
from protocols.health.table_twin import TableTwin

Floats = npt.NDArray[np.float64]

MOST_FRAMES = 100
"""More frames than this are not worth the time whatever they would bring."""


@dataclass(frozen=True)
class TapErrors:
    """Errors of one bank at one layer, in saturation fields, or for errors in units of the loss.

    Attributes
    ----------
    bank, port, layer
        Which bank reads which fields; the layer is counted from 1.
    rms
        Of the fields expected.
    signal, noise
        ``[n]`` tap by tap: rms over samples of the signal error and of the noise of one take.
    scale
        Factor that brings what was read nearest to what was expected: 1 by the tables.
    """

    bank: str
    port: Port
    layer: int
    rms: float
    signal: Floats
    noise: Floats
    scale: float

    @property
    def signal_share(self) -> float:
        """Signal error of the bank, relative to the rms of its fields."""
        return _rms(self.signal) / self.rms if self.rms else math.nan

    @property
    def noise_share(self) -> float:
        """Noise error of the bank, relative to the rms of its fields."""
        return _rms(self.noise) / self.rms if self.rms else math.nan

    @property
    def frames_that_pay(self) -> int:
        """Frames whose mean has no more noise than signal error: more would bring little."""
        signal = self.signal_share
        if not signal > 0.0:
            return MOST_FRAMES if self.noise_share > 0.0 else 1
        return max(1, min(MOST_FRAMES, math.ceil((self.noise_share / signal) ** 2)))

    @property
    def worst_tap(self) -> int:
        """The tap with the largest signal error."""
        return int(np.argmax(self.signal))


def tap_errors(bench: Bench, twin: TableTwin, repeats: Repeats) -> list[TapErrors]:
    """Return the errors of every bank that was read, forward ones first."""
    found = []
    for port, layer, takes, expected in _expectations(bench, twin, repeats):
        bank = bench.arrangement.stage_of(layer).taps.get(port)
        if bank is not None:
            found.append(_errors(bank, port, layer + 1, takes, expected))
    return found


def _expectations(
    bench: Bench, twin: TableTwin, repeats: Repeats
) -> Iterator[tuple[Port, int, list[Array], Array]]:
    """Yield port, layer, takes and what the tables let expect of their mean."""
    passes, hidden = repeats.passes, len(bench.layers) - 1
    activations = [
        mean_of([one.activations[layer] for one in passes]) for layer in range(hidden + 1)
    ]
    entering = []
    for layer in range(hidden):
        expected = twin.unit_input(layer, activations[layer])
        taken = [one.unit_inputs for one in passes]
        z = expected
        if all(one is not None for one in taken):
            read = [one[layer] for one in taken if one is not None]
            yield "z", layer, read, expected
            z = mean_of(read)
        entering.append(z)
        read = [one.activations[layer + 1] for one in passes]
        yield "a", layer, read, z * twin.transmission(layer, z)
    yield "z", hidden, [one.output for one in passes], twin.unit_input(hidden, activations[hidden])
    behind = repeats.mean_output_errors()
    for layer in range(hidden - 1, -1, -1):
        read = [one[layer] for one in repeats.errors]
        expected = twin.arriving(layer + 1, behind) * twin.transmission(layer, entering[layer])
        yield "delta", layer, read, expected
        behind = mean_of(read)


def _errors(bank: str, port: Port, layer: int, takes: list[Array], expected: Array) -> TapErrors:
    read = np.stack(takes).astype(np.float64)
    count = len(read)
    mean, wanted = read.mean(axis=0), expected.astype(np.float64)
    variance = np.square(read - mean).sum(axis=0).mean(axis=0) / max(1, count - 1)
    # The mean still has a share of the noise.
    square = np.square(mean - wanted).mean(axis=0) - variance / count
    power = float(np.vdot(wanted, wanted))
    return TapErrors(
        bank,
        port,
        layer,
        _rms(wanted),
        np.sqrt(np.maximum(square, 0.0)),
        np.sqrt(variance),
        float(np.vdot(mean, wanted)) / power if power else math.nan,
    )


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
