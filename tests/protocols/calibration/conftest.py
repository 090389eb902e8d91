"""Puts ``support/`` on the path: ``from calibrated_twins import calibrated``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))
# Benches with mirrors and cameras are those of the tests of simulated instruments.
sys.path.insert(0, str(Path(__file__).parents[2] / "sim_backends" / "support"))
