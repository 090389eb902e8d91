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
from protocols.health.repeated_frames import Repeats
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
    for port, layer, read, mean, expected in _expectations(bench, twin, repeats):
        bank = bench.arrangement.stage_of(layer).taps.get(port)
        if bank is not None:
            found.append(_errors(bank, port, layer + 1, read, mean, expected))
    return found


def _expectations(
    bench: Bench, twin: TableTwin, repeats: Repeats
) -> Iterator[tuple[Port, int, Array, Array, Array]]:
    """Yield port, layer, takes, their mean and what the tables let expect of it."""
    passes, hidden = [one.passed for one in repeats.takes], len(bench.layers) - 1
    activations = twin.input_fields(repeats.inputs)
    entering = []
    for layer in range(hidden):
        z = twin.unit_input(layer, activations)
        taken = [one.unit_inputs[layer] for one in passes if one.unit_inputs is not None]
        if taken:
            read, expected = np.stack(taken), z
            z = read.mean(axis=0)
            yield "z", layer, read, z, expected
        entering.append(z)
        read = np.stack([one.activations[layer + 1] for one in passes])
        activations = read.mean(axis=0)
        yield "a", layer, read, activations, z * twin.transmission(layer, z)
    read = np.stack([one.output for one in passes])
    yield "z", hidden, read, read.mean(axis=0), twin.unit_input(hidden, activations)
    behind = repeats.mean_output_errors()
    for layer in range(hidden - 1, -1, -1):
        expected = twin.arriving(layer + 1, behind) * twin.transmission(layer, entering[layer])
        read = np.stack([one.errors[layer] for one in repeats.takes])
        behind = read.mean(axis=0)
        yield "delta", layer, read, behind, expected


def _errors(
    bank: str, port: Port, layer: int, read: Array, mean: Array, expected: Array
) -> TapErrors:
    """Compare takes ``[K, B, n]`` with their mean, and that with what was expected."""
    count, samples = read.shape[:2]
    spread, missed = read - mean, mean - expected
    squares = np.einsum("kbn,kbn->kn", spread, spread).sum(axis=0, dtype=np.float64)
    variance = squares / (samples * max(1, count - 1))
    # The mean still has a share of the noise.
    square = np.einsum("bn,bn->n", missed, missed) / samples - variance / count
    power = float(np.vdot(expected, expected))
    return TapErrors(
        bank,
        port,
        layer,
        math.sqrt(power / expected.size),
        np.sqrt(np.maximum(square, 0.0)),
        np.sqrt(variance),
        float(np.vdot(mean, expected)) / power if power else math.nan,
    )


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
