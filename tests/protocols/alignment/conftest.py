"""Puts the small simulated bench on the path: ``from simulated_bench import bench_file``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "sim_backends" / "support"))
