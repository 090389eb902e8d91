"""Camera: a region of pixels for every neuron, read shot by shot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from instruments.interfaces.sequence import SequenceInput


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of pixels, by its first row and column and its size."""

    row: int
    column: int
    height: int
    width: int


@runtime_checkable
class Camera(SequenceInput, Protocol):
    """A triggered camera. One channel a region; the whole sensor is one region until set.

    ``read`` gives counts: the mean over the pixels of each region, black level included.

    Limits: ``exposure_seconds``; ``shots``. Safe state: stopped.
    """

    @property
    def rows(self) -> int:
        """Pixels from top to bottom."""
        ...

    @property
    def columns(self) -> int:
        """Pixels from left to right."""
        ...

    @property
    def black_level_counts(self) -> float:
        """Nominal reading of a pixel without light; the true one is measured."""
        ...

    @property
    def full_well_counts(self) -> float:
        """A pixel with this reading or more is saturated."""
        ...

    @property
    def electrons_per_count(self) -> float:
        """Photoelectrons that make one count: what the shot noise follows from."""
        ...

    def exposure_seconds(self) -> float:
        """Return the exposure time of one shot."""
        ...

    def set_exposure_seconds(self, seconds: float) -> None:
        """Set the exposure time; ``SequenceError`` while armed, ``LimitError`` if it cannot."""
        ...

    def regions(self) -> tuple[Region, ...]:
        """Return the region of each channel."""
        ...

    def set_regions(self, regions: Sequence[Region]) -> None:
        """Give every channel its region; they may overlap.

        Raises
        ------
        SequenceError
            If it is armed.
        LimitError
            If there is none, or one is empty or reaches over the edge of the sensor.
        """
        ...

    def frame_counter(self) -> int:
        """Return how many frames the sensor has taken since it was opened.

        It goes up by the number of shots of a sequence; anything else means lost frames or stray
        triggers.
        """
        ...

    def read_frames(self, timeout_seconds: float) -> npt.NDArray[np.uint16]:
        """Return the frames ``[shots, rows, columns]`` in place of their regions' means.

        For alignment and for estimators that need the fringes. Hands over the sequence just as
        ``read`` does, with the same errors.
        """
        ...
