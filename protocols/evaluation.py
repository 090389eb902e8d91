"""How well a network classifies a set of samples."""

from __future__ import annotations

from dataclasses import dataclass

from instruments.network import Array, Network
from protocols.losses import Labels, Loss

SAMPLES_PER_PASS = 512


@dataclass(frozen=True)
class Score:
    """Mean loss and the share of samples classified rightly, 0 to 1."""

    loss: float
    accuracy: float


def evaluate(network: Network, inputs: Array, labels: Labels, loss: Loss) -> Score:
    """Pass all samples through the network as it is now.

    Parameters
    ----------
    inputs, labels
        ``[n, N_0]`` and ``[n]``.
    """
    total, correct = 0.0, 0
    for start in range(0, len(labels), SAMPLES_PER_PASS):
        chunk = slice(start, start + SAMPLES_PER_PASS)
        at_output = loss(network.forward(inputs[chunk]).output, labels[chunk])
        total += at_output.loss * len(labels[chunk])
        correct += at_output.correct
    return Score(total / len(labels), correct / len(labels))
