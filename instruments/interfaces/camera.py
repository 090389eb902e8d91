"""Camera: a region of pixels for every neuron, read shot by shot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from instruments.errors import LimitError
from instruments.interfaces.sequence import SequenceInput


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of pixels, by its first row and column and its size."""

    row: int
    column: int
    height: int
    width: int


def check_regions(camera: str, regions: Sequence[Region], rows: int, columns: int) -> None:
    """Check that every region lies on a sensor of ``rows`` x ``columns``.

    Raises
    ------
    LimitError
        If there is none, or one is empty or reaches over the edge.
    """
    if not regions:
        raise LimitError(f"{camera}: no region given; give one for each channel")
    for one in regions:
        inside = (
            min(one.row, one.column) >= 0
            and min(one.height, one.width) >= 1
            and one.row + one.height <= rows
            and one.column + one.width <= columns
        )
        if not inside:
            raise LimitError(f"{camera}: {one} is not on the sensor of {rows} x {columns} pixels")


def region_means(
    frames: npt.NDArray[np.uint16], regions: Sequence[Region]
) -> npt.NDArray[np.float32]:
    """Return mean counts ``[shots, channels]`` of regions of frames ``[shots, rows, columns]``."""
    means = [
        frames[:, r.row : r.row + r.height, r.column : r.column + r.width].mean(axis=(1, 2))
        for r in regions
    ]
    return np.stack(means, axis=1).astype(np.float32)


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
