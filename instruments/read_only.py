"""Arrays that nobody can change: whoever is given one can keep it as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def read_only(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return ``values`` if nobody can write them, else a copy that nobody can.

    Whoever has made an array and is done with it spares the copy with ``setflags(write=False)``.
    """
    if _is_writable(values):
        values = np.array(values)
        values.setflags(write=False)
    return values


def _is_writable(values: npt.NDArray[Any]) -> bool:
    """Whether an array, or the one it is a view of, can be written."""
    owner: Any = values
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return True
        owner = owner.base
    return owner is not None
