"""Benches on which the health of light is measured."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))
# Benches with cameras are those of the tests of simulated instruments.
sys.path.insert(0, str(Path(__file__).parents[2] / "sim_backends" / "support"))
