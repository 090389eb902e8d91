"""Arrays that are written anew at every exposure and stay where they are in memory.

Memory that is given back and taken anew was last touched by another core as often as not, and
that is dear (``instruments.cache_lines``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Workspace:
    """Has one array for each name; of another shape, it is another one."""

    def __init__(self) -> None:
        self._kept: dict[str, Floats] = {}

    def array(self, name: str, *shape: int) -> Floats:
        """Return the float32 array of a name, to be written to; it may hold anything."""
        kept = self._kept.get(name)
        if kept is None or kept.shape != shape:
            kept = self._kept[name] = np.empty(shape, np.float32)
        return kept
