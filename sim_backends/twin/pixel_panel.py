"""The same panel pixel by pixel: what light meets at every block of any frame whatever.

The coefficient of a block is the first order of the pixels it really shows,

    ``c = (1 / n) sum exp(i phi[level]) exp(-2 pi i (k + 1/2) / q)``

over its ``n`` pixels, with ``k`` the pixel's column in the block: for blocks of grating what
``weight_panel`` looks up in a table. Gratings of another period, of another direction, shifted
blocks, one broken pixel: everything gives the light it should.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from instruments.interfaces.block_geometry import BlockGeometry
from sim_backends.twin.weight_panel import PanelTruth

Floats = npt.NDArray[np.float32]


class PixelPanel:
    """The pixels in front of the hidden optics of a panel.

    Parameters
    ----------
    truth
        The panel's hidden optics.
    geometry
        Where the blocks are that light is sent through, one for every weight.
    levels
        Grey levels a pixel has.
    """

    def __init__(self, truth: PanelTruth, geometry: BlockGeometry, levels: int) -> None:
        self._regions = truth.region_of_block
        self._geometry = geometry
        phases = truth.phases_of(np.arange(levels))
        self._cosines = np.cos(phases).astype(np.float32)
        self._sines = np.sin(phases).astype(np.float32)
        column = np.arange(geometry.width) % truth.period
        carrier = np.exp(-2j * np.pi * (column + 0.5) / truth.period)
        carrier /= geometry.height * geometry.width
        self._carrier_real = carrier.real.astype(np.float32)
        self._carrier_imaginary = carrier.imag.astype(np.float32)

    def coefficients(self, frame: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        """Return the real and imaginary parts ``[outputs, inputs]`` of a frame's blocks.

        Parameters
        ----------
        frame
            ``[rows, columns]`` grey levels, each below ``levels``.
        """
        geometry = self._geometry
        real = np.empty(geometry.shape, np.float32)
        imaginary = np.empty(geometry.shape, np.float32)
        raster = frame[
            geometry.origin_row : geometry.end_row, geometry.origin_column : geometry.end_column
        ]
        _first_order(
            raster,
            geometry.height,
            self._regions,
            self._cosines,
            self._sines,
            self._carrier_real,
            self._carrier_imaginary,
            real,
            imaginary,
        )
        return real, imaginary


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def _first_order(
    raster: npt.NDArray[Any],
    height: int,
    regions: npt.NDArray[np.uint8],
    cosines: Floats,
    sines: Floats,
    carrier_real: Floats,
    carrier_imaginary: Floats,
    real: Floats,
    imaginary: Floats,
) -> None:
    width = len(carrier_real)
    for j in range(real.shape[0]):
        for i in range(real.shape[1]):
            real[j, i] = 0
            imaginary[j, i] = 0
        # Row by row as the pixels lie in memory.
        for row in range(j * height, (j + 1) * height):
            for i in range(real.shape[1]):
                region = regions[j, i]
                start = i * width
                up, across = np.float32(0), np.float32(0)
                for k in range(width):
                    level = raster[row, start + k]
                    cosine, sine = cosines[region, level], sines[region, level]
                    up += cosine * carrier_real[k] - sine * carrier_imaginary[k]
                    across += cosine * carrier_imaginary[k] + sine * carrier_real[k]
                real[j, i] += up
                imaginary[j, i] += across
