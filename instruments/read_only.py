"""Arrays that nobody can change: whoever is given one can keep it as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def read_only(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return ``values`` if they cannot be written, else a copy that cannot.

    Whoever has made an array and is done with it spares the copy with ``setflags(write=False)``.
    """
    if values.flags.writeable:
        values = np.array(values)
        values.setflags(write=False)
    return values
