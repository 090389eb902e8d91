"""Weight writes on a liquid-crystal panel of 1920 x 1152 pixels, 128 x 196 blocks of 9 x 9.

Run by ``speed.py``, as ``turns.py`` has it: ``panel_loop.py SECONDS``.

``frame_milliseconds``: from weights to the frame of grey levels, through the table.
``faithful_writes_per_second``: weights to grey levels, to the frame, and through the twin that
works out the light of every pixel, up to the block coefficients that light then meets.
"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np
from turns import take_turns

from instruments.bench_file.reading import parse_bench_file
from instruments.bench_opening import open_bench
from instruments.interfaces.spatial_light_modulator import BlockPattern, expand_blocks

BENCH = Path(__file__).parents[1] / "examples" / "benches" / "mnist_14x14.toml"


def faithful_bench():
    block_level = "rows = 1152, columns = 1920, bit_depth = 8"
    text = BENCH.read_text(encoding="utf-8")
    assert text.count(block_level) == 1
    text = text.replace(block_level, f"{block_level}, faithful = true")
    return open_bench(parse_bench_file(text, str(BENCH)))


def median_seconds(action, seconds):
    """Return the median over calls of ``action`` with weights that differ every time."""
    generator = np.random.default_rng(0)
    start = generator.normal(0, 0.1, (128, 196)).astype(np.float32)
    changes = [generator.normal(0, 1e-3, start.shape).astype(np.float32) for _ in range(8)]
    action(start)
    durations, began = [], time.perf_counter()
    while time.perf_counter() - began < seconds:
        weights = start + changes[len(durations) % len(changes)]
        before = time.perf_counter()
        action(weights)
        durations.append(time.perf_counter() - before)
    return statistics.median(durations)


def main(seconds):
    with faithful_bench() as bench:
        stage = bench.arrangement.stage_of(0)
        panel = stage.panel
        frame = np.zeros((panel.rows, panel.columns), np.uint8)

        def to_frame(weights):
            shown = stage.encode(weights)
            expand_blocks(
                BlockPattern(shown.depth, shown.offset, stage.geometry, stage.period), frame
            )

        def write(weights):
            stage.show(stage.encode(weights), timeout_seconds=10.0)

        take_turns(
            lambda: {
                "frame_milliseconds": 1e3 * median_seconds(to_frame, seconds / 2),
                "faithful_writes_per_second": 1 / median_seconds(write, seconds / 2),
            }
        )


if __name__ == "__main__":
    main(float(sys.argv[1]))
