"""Where the neurons' spots really are on a camera, and how their wavefronts lie to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from instruments.calibration.table import CalibrationTable, Provenance, Values
from instruments.errors import CalibrationError
from instruments.interfaces.camera import Region


class CameraRegionsTable(CalibrationTable):
    """An affine map from where regions are meant to be to where they are.

    Parameters
    ----------
    affine
        ``[2, 3]``: row and column of a spot's middle are ``affine @ (row, column, 1)`` of the
        middle of its nominal region, in pixels.
    wavefront_radians
        ``[n]`` phase of each neuron's light at the camera against the mean of all, as its fringes
        show it; 0 where it was not measured.
    provenance, covariance
        See ``CalibrationTable``.

    Raises
    ------
    CalibrationError
        If an array has another shape or holds infinities, or the map turns the picture over.
    """

    kind = "camera regions"
    required = frozenset({"affine", "wavefront_radians"})

    def __init__(
        self,
        affine: npt.ArrayLike,
        wavefront_radians: npt.ArrayLike,
        *,
        provenance: Provenance,
        covariance: Mapping[str, npt.ArrayLike] | None = None,
    ) -> None:
        self.provenance = provenance
        self.affine: Values = self.finite("affine", affine, (2, 3))
        shape = (np.size(np.asarray(wavefront_radians)),)
        self.wavefront_radians: Values = self.finite("wavefront_radians", wavefront_radians, shape)
        if np.linalg.det(self.affine[:, :2]) <= 0.0:
            raise self.wrong("its map turns the picture over")
        super().__init__(
            {"affine": self.affine, "wavefront_radians": self.wavefront_radians},
            provenance,
            covariance,
        )

    @property
    def channels(self) -> int:
        """How many neurons there are."""
        return self.wavefront_radians.size

    def centres(self, nominal: Sequence[Region]) -> Values:
        """Return rows and columns ``[n, 2]`` of the spots' middles."""
        centres: Values = middles(nominal) @ self.affine[:, :2].T + self.affine[:, 2]
        return centres

    def regions(self, nominal: Sequence[Region], rows: int, columns: int) -> tuple[Region, ...]:
        """Return regions of the same size around the spots, on a sensor of this size.

        Raises
        ------
        CalibrationError
            If the middle of a spot is not on the sensor.
        """
        found = []
        for region, (row, column) in zip(nominal, self.centres(nominal).tolist(), strict=True):
            if not (0 <= row < rows and 0 <= column < columns):
                raise CalibrationError(
                    f"{self.instrument}: table {self.id} has a spot at [{row:.1f}, {column:.1f}], "
                    f"off its {rows} x {columns} pixels; move the camera and register it again"
                )
            first = round(row - (region.height - 1) / 2), round(column - (region.width - 1) / 2)
            found.append(
                Region(
                    min(max(first[0], 0), rows - region.height),
                    min(max(first[1], 0), columns - region.width),
                    region.height,
                    region.width,
                )
            )
        return tuple(found)


def middles(regions: Sequence[Region]) -> Values:
    """Return rows and columns ``[n, 2]`` of the middles of regions."""
    return np.array(
        [(one.row + (one.height - 1) / 2, one.column + (one.width - 1) / 2) for one in regions]
    )
