"""Layers in turn: what was measured is re-emitted as far as the modulators reach."""

import numpy as np
import pytest

from instruments.calibration.encoder import EncoderTable
from instruments.calibration.table import Provenance
from tests.sim_backends.support.example_benches import bench_file, opened

# Channels reach fields of another size up and down, each its own.
UP = np.linspace(0.6, 1.0, 12)
DOWN = np.linspace(0.9, 0.5, 12)
SMALLEST_UP, SMALLEST_DOWN = 0.6, 0.5


def uneven_modulators():
    """A table whose channels reach from ``-DOWN`` to ``UP``."""
    return EncoderTable(
        np.full(12, 3.5),
        np.zeros(12),
        0.5 * (UP + DOWN),
        0.5 * (UP - DOWN),
        provenance=Provenance("inputs", "mnist_14x14"),
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [(3.0, SMALLEST_UP), (-3.0, -SMALLEST_DOWN), (0.55, 0.55), (-0.45, -0.45)],
)
def test_fields_beyond_what_every_channel_reaches_are_shown_at_the_smallest_reach(
    given, shown, monkeypatch
):
    """All channels alike, and nothing is refused."""
    bench, _ = opened(bench_file("mnist_14x14", layers=[12, 9, 4]))
    with bench:
        bench.write([np.full((one.outputs, one.inputs), 0.1, "f") for one in bench.layers])
        stage = bench.arrangement.stage_of(0)
        stage.source.adopt(uneven_modulators())
        loaded, load = [], stage.source.modulators.load
        monkeypatch.setattr(
            stage.source.modulators,
            "load",
            lambda volts: (loaded.append(volts.copy()), load(volts)),
        )
        bench.forward(np.full((2, 12), given, "f"))
        np.testing.assert_allclose(stage.source.table.decode(loaded[0]), shown, rtol=1e-5)
