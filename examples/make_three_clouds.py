"""Write data for the table-top bench: three clouds of points in four dimensions.

    python examples/make_three_clouds.py three_clouds.npz

Each class is bright in a feature of its own, and the clouds overlap a little.
"""

import sys
from pathlib import Path

import numpy as np

CENTRES = np.array([[0.7, 0.3, 0.3, 0.5], [0.3, 0.7, 0.3, 0.3], [0.3, 0.3, 0.7, 0.5]])
SPREAD = 0.12
SAMPLES = 6000


def main(path):
    generator = np.random.default_rng(1)
    y = generator.integers(0, len(CENTRES), SAMPLES)
    x = CENTRES[y] + SPREAD * generator.normal(size=(SAMPLES, 4))
    np.savez(path, x=np.clip(x, 0, 1).astype(np.float32), y=y)
    print(f"{path}: {SAMPLES} samples, 4 features, {len(CENTRES)} classes")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "three_clouds.npz"))
