"""Array of photodetectors, single or balanced: a voltage a channel and shot."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from instruments.interfaces.sequence import SequenceInput


@runtime_checkable
class PhotodetectorArray(SequenceInput, Protocol):
    """Detectors with the digitisers behind them; several boxes may form one array.

    ``read`` gives volts: each value is the mean over the exposure window of its shot, dark level
    included, as the digitiser saw it. Balanced detectors give both signs.

    Limit: ``shots``. Safe state: stopped.
    """

    @property
    def saturation_volts(self) -> float:
        """Readings of this magnitude or more are saturated and mean nothing."""
        ...

    @property
    def dark_volts(self) -> npt.NDArray[np.float32]:
        """Nominal readings ``[channels]`` without light; the true ones are measured."""
        ...
