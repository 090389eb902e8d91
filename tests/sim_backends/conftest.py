"""Puts ``support/`` on the path: ``from simulated_bench import simulated_bench``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))
