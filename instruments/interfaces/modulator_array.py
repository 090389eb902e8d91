"""Array of electro-optic modulators: a voltage a channel and shot."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from instruments.interfaces.sequence import SequenceOutput


@runtime_checkable
class ModulatorArray(SequenceOutput, Protocol):
    """Modulators with the generators that drive them; several boxes may form one array.

    Limits: ``volts``, for every channel; ``shots``. Safe state: stopped, 0 V on every channel.
    """

    @property
    def channels(self) -> int:
        """How many modulators there are."""
        ...

    def load(self, volts: npt.NDArray[np.float32]) -> None:
        """Load voltages ``[shots, channels]``, a row for every trigger.

        float32 is taken without conversion; other real types are converted.

        Raises
        ------
        SequenceError
            If it is armed.
        LimitError
            If a voltage or the number of shots is outside the limits, or not a number.
        InstrumentError
            If the number of channels is another.
        """
        ...
