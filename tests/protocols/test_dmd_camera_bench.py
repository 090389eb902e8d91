"""The example with mirror devices and cameras learns digits, and can be calibrated before.

The calibrated run takes two minutes:
``python -m pytest -m slow tests/protocols/test_dmd_camera_bench.py``.
"""

from pathlib import Path

import pytest

from instruments.bench_file.reading import read_bench_file
from instruments.bench_opening import open_bench
from protocols.calibration.sequence import opened_for_calibration, plan_steps, run_steps
from protocols.datasets import load_dataset
from protocols.settings import TrainingSettings
from protocols.training import Training

FILE = Path(__file__).parents[2] / "examples" / "benches" / "dmd_camera.toml"


def accuracy(epochs, **options):
    settings = TrainingSettings(
        epochs=epochs, learning_rate=5e-3, initial_std=0.1, fields_every=0, patience=None
    )
    with open_bench(read_bench_file(FILE), **options) as bench:
        return Training(bench, load_dataset("digits"), settings).run().test_accuracy


def test_it_learns_digits():
    assert accuracy(8) > 0.85


@pytest.mark.slow
def test_calibrated_through_its_cameras_it_learns_digits_to_ninety_five_per_cent():
    with opened_for_calibration(read_bench_file(FILE)) as session:
        results = run_steps(session, plan_steps(session))
        tables = session.tables
    assert [one.refusals for one in results if not one.accepted] == []
    assert set(tables.sources().values()) == {"measured"}
    assert accuracy(60, tables=tables) > 0.95
