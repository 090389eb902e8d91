"""The example benches learn MNIST. Takes minutes, and needs MNIST: ``python -m pytest -m slow``."""

import os
from pathlib import Path

import pytest

from instruments.bench_file.reading import read_bench_file
from instruments.bench_opening import open_bench
from protocols.datasets import load_dataset
from protocols.settings import TrainingSettings
from protocols.training import train

BENCHES = Path(__file__).parents[2] / "examples" / "benches"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif("BACKBEAM_DATA" not in os.environ, reason="BACKBEAM_DATA names no IDX files")
@pytest.mark.parametrize(
    ("file", "image_size", "learning_rate", "initial_std"),
    [("mnist_14x14.toml", 14, 1e-3, 0.05), ("mnist_tiled.toml", None, 5e-4, 0.03)],
)
def test_an_example_bench_learns_mnist(file, image_size, learning_rate, initial_std, capsys):
    """With the options its file recommends, every imperfection at its default."""
    settings = TrainingSettings(
        epochs=10, learning_rate=learning_rate, initial_std=initial_std, fields_every=0
    )
    dataset = load_dataset("mnist", image_size=image_size)
    with open_bench(read_bench_file(BENCHES / file)) as bench:
        result = train(bench, dataset, settings, show_progress=False)
    with capsys.disabled():
        print(f"\n{file}: {result.test_accuracy:.2%} in {result.seconds:.0f} s")
    assert result.test_accuracy >= 0.95
