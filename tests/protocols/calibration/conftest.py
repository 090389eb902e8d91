"""Puts ``support/`` on the path: ``from calibrated_twins import calibrated``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))
