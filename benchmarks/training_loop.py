"""The same training through Backbeam's protocol and network seam, with the record on.

Run by ``speed.py``, as ``turns.py`` has it: ``training_loop.py NETWORK SECONDS``. ``ideal`` is the
algebra; it also measures the bound set by the network's own matrix products, in the same process.
``bench`` is the simulated bench of ``examples/benches/mnist_cascade.toml``: light worked out block
by block, every imperfection at its default, nominal tables, one shot a tap.
"""

import itertools
import sys
import tempfile
import time
from contextlib import closing, nullcontext, suppress
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits
from turns import answer, wait_for_turn

from instruments.bench_file.reading import find_bench_file
from instruments.bench_opening import open_bench
from instruments.network import NonlinearUnit
from protocols.datasets import Dataset
from protocols.settings import TrainingSettings
from protocols.training import Training
from protocols.training_record import start_record
from sim_backends.ideal_network import IdealNetwork

SIZES = (784, 128, 128, 10)
OPTICAL_DEPTH = 10.0
BATCH = 64
WARM_UP = 2_000
FOR_EVER = 1_000_000
IMAGES = 60_000
BENCH = Path(__file__).parents[1] / "examples" / "benches" / "mnist_cascade.toml"


def random_images():
    generator = np.random.default_rng(0)
    inputs = generator.random((IMAGES, SIZES[0]), dtype=np.float32)
    labels = generator.integers(0, SIZES[-1], IMAGES)
    few = slice(0, BATCH)
    return Dataset(
        name="random images",
        train_inputs=inputs,
        train_labels=labels,
        validation_inputs=inputs[few],
        validation_labels=labels[few],
        test_inputs=inputs[few],
        test_labels=labels[few],
        classes=SIZES[-1],
        image_shape=None,
        split_seed=0,
    )


class NoTurnLeftError(Exception):
    """Nobody asks for another turn."""


class Turns:
    """The progress of a training that stands still between turns of so many seconds."""

    def __init__(self, seconds, measure_besides):
        self._seconds = seconds
        self._measure_besides = measure_besides
        self._warm_up = WARM_UP
        self._images = 0
        self._began = 0.0

    def step(self, training, loss):
        if self._warm_up:
            self._warm_up -= 1
            if self._warm_up:
                return
            answer({})
        else:
            self._images += BATCH
            seconds = time.perf_counter() - self._began
            if seconds < self._seconds:
                return
            answer({"images_per_second": self._images / seconds, **self._measure_besides()})
        if not wait_for_turn():
            raise NoTurnLeftError
        self._images, self._began = 0, time.perf_counter()

    def epoch(self, training, row):
        """Nothing is done between epochs."""


def matrix_products_per_second(seconds):
    """Images per second if nothing but the products of forward, backward and gradient were done."""
    generator = np.random.default_rng(1)
    weights = [generator.random((o, i), dtype=np.float32) for i, o in itertools.pairwise(SIZES)]
    activations = [generator.random((BATCH, size), dtype=np.float32) for size in SIZES[:-1]]
    errors = [generator.random((BATCH, size), dtype=np.float32) for size in SIZES[1:]]
    images, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        for activation, matrix, error in zip(activations, weights, errors, strict=True):
            activation @ matrix.T
            error.T @ activation
        for matrix, error in zip(weights[1:], errors[1:], strict=True):
            error @ matrix
        images += BATCH
    return images / (time.perf_counter() - began)


def opened(network):
    """Return a context in which the network is ready."""
    if network == "bench":
        return closing(open_bench(find_bench_file(str(BENCH))))
    unit = NonlinearUnit("absorber", OPTICAL_DEPTH, derivative="probe")
    return nullcontext(IdealNetwork.dense(SIZES, unit))


def main(name, seconds):
    def measure_besides():
        if name == "bench":
            return {}
        with threadpool_limits(1, user_api="blas"):
            return {"bound_images_per_second": matrix_products_per_second(seconds / 2)}

    settings = TrainingSettings(epochs=FOR_EVER, batch_size=BATCH)
    with tempfile.TemporaryDirectory() as folder, opened(name) as network:
        training = Training(network, random_images(), settings)
        recorder = start_record(training, Path(folder) / "run")
        with suppress(NoTurnLeftError):
            training.run(recorder, Turns(seconds, measure_besides))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
