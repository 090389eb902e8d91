"""How a reference wanders, from its phase in frame after frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def phase_walk(wandered: Floats, turned: Floats, sigmas: Floats) -> tuple[float, float]:
    """Return by what share an actuator turns too far, and how a phase wanders beside that.

    The latter is the variance from frame to frame, in square radians, less the noise with which
    the phases of the frames are known. A few steps tell a variance badly: a standard
    deviation of it is added, so that what is claimed later is rather too little than too much.
    """
    steps, turns = np.diff(wandered), np.diff(turned)
    size = float(turns @ turns)
    excess = float(steps @ turns) / size if size > 0.0 else 0.0
    left = steps - excess * turns
    noise = float(np.mean(sigmas[1:] ** 2 + sigmas[:-1] ** 2))
    degrees = left.size - 1
    walk = float(left @ left) / degrees * (1.0 + np.sqrt(2.0 / degrees))
    return excess, max(0.0, walk - noise)
