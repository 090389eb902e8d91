"""Simulated benches with their hidden twin, and a minibatch of digits to look at them with."""

from contextlib import contextmanager

import numpy as np

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.opening import SharedResources
from protocols.datasets import load_dataset
from protocols.losses import LOSSES

DIGITS = load_dataset("digits")
LOSS = LOSSES["mse"]
INPUTS, LABELS = DIGITS.train_inputs[:64], DIGITS.train_labels[:64]

RHO = """
[instruments.taps_rho]
kind = "photodetector array"
driver = "simulated photodetector array"
settings = { channels = 48, volts_per_field = "1 V", bits = 14 }
"""


def digits_text(seed=1, twin="", *, rho=False):
    """The built-in bench; with a bank behind the absorber if ``rho``, so that it has all ports."""
    text = built_in_text("digits").replace("[twin]\nseed = 1", f"[twin]\nseed = {seed}\n{twin}")
    if rho:
        text = text.replace(
            'taps = { z = "outputs" }', 'taps = { z = "outputs", rho = "taps_rho" }'
        )
        text = text.replace("channels = 4, half_wave", "channels = 5, half_wave")
        text = text.replace('  "outputs",\n', '  "outputs",\n  "taps_rho",\n')
        text = text.replace("# A channel for every bank", RHO + "\n# A channel for every bank")
    return text


def weights_for(bench, seed=0, width=0.15):
    generator = np.random.default_rng(seed)
    return [
        generator.normal(0, width, (layer.outputs, layer.inputs)).astype(np.float32)
        for layer in bench.layers
    ]


@contextmanager
def opened(text, tables=None):
    """Yield a bench with random weights, and its twin."""
    shared = SharedResources()
    with open_bench(parse_bench_file(text, "digits"), tables=tables, shared=shared) as bench:
        bench.write(weights_for(bench))
        yield bench, shared.built()["twin"]
