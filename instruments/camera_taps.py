r"""A camera read like an array of detectors: one number a neuron and shot.

With a reference that meets the light at an angle (off-axis), every neuron's spot is crossed by
fringes ``Re(E e^{-i (phi + 2 pi f x)})``. The sum of its region's pixels, times ``e^{2 pi i f x}``
under a window that lets nothing of the even light through, is the complex field; its real part
along the phase the reference is turned to (``turn``) is the reading, as that of a balanced detector
is. What a piezo does to a detector's reference, turning a number does here.

Without fringes (a single port with offset) the reading is the mean of the region less a level
known beforehand, that of the reference.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from instruments.calibration.camera_regions import CameraRegionsTable
from instruments.errors import FrameSlipError
from instruments.interfaces.camera import Camera, Region

logger = logging.getLogger(__name__)

Complexes = npt.NDArray[np.complex64]
Floats = npt.NDArray[np.float32]


class CameraTaps:
    """Regions of a camera, each read as one signed number in counts.

    Parameters
    ----------
    camera
        The camera.
    regions
        Where the neurons' spots are; all of one size.
    fringes
        Their frequency in cycles a pixel, down and across; ``None`` for a single port.
    reference_counts
        What a pixel reads of the reference alone, black level included: a single port's offset.

    Attributes
    ----------
    nominal_regions
        The regions it was made with, where spots are meant to be.
    saturation_volts
        Readings, in counts, of this magnitude or more are saturated: a pixel of the region was.
    noise_counts
        rms noise of a reading that the photons of the latest frames leave.
    """

    def __init__(
        self,
        camera: Camera,
        regions: Sequence[Region],
        fringes: tuple[float, float] | None,
        reference_counts: float,
    ) -> None:
        self.camera = camera
        self.fringes = fringes
        self._offset = np.float32(reference_counts)
        if fringes is None:
            self.saturation_volts = camera.full_well_counts - reference_counts
        else:
            # A pixel is full when both fields in phase are: (r + s)^2. The reading is about r s,
            # what the window leaves of the fringes 2 r s in the middle of a spot.
            room = max(camera.full_well_counts - camera.black_level_counts, 1.0)
            reference = np.sqrt(np.clip(reference_counts - camera.black_level_counts, 1.0, room))
            self.saturation_volts = max(float(reference * (np.sqrt(room) - reference)), 1.0)
        self._expected = 0
        self.turned_radians = 0.0
        self.noise_counts = 0.0
        self.nominal_regions = tuple(regions)
        self.use_regions(regions)

    @property
    def channels(self) -> int:
        """How many neurons are read."""
        return len(self.regions)

    def use_regions(self, regions: Sequence[Region]) -> None:
        """Read these regions from now on."""
        self.regions = tuple(regions)
        self.camera.set_regions(self.regions)
        rows, columns = self.regions[0].height, self.regions[0].width
        down, across = (one.ravel() for one in np.mgrid[:rows, :columns])
        corners = np.array([(one.row, one.column) for one in self.regions])
        places = corners[:, 0, np.newaxis] + down, corners[:, 1, np.newaxis] + across
        self._pixels = places[0] * self.camera.columns + places[1]
        if self.fringes is None:
            self._weights = np.full((rows * columns, 1), 1 / (rows * columns), np.complex64)
            self._phases = np.ones(len(self.regions), np.complex64)
            return
        window = np.outer(_window(rows), _window(columns)).ravel()
        wave = np.exp(2j * np.pi * (self.fringes[0] * down + self.fringes[1] * across))
        # Nothing of light that is even over the region is to get through.
        wave -= (window * wave).sum() / window.sum()
        self._weights = (2 * window * wave / window.sum()).astype(np.complex64)[:, np.newaxis]
        # The fringes' phase is counted from the sensor's corner, whatever the region's.
        turns = corners @ np.array(self.fringes)
        self._phases = np.exp(2j * np.pi * turns).astype(np.complex64)

    def use_table(self, table: CameraRegionsTable) -> None:
        """Read the regions where a table has the spots, its wavefronts taken off."""
        camera = self.camera
        self.use_regions(table.regions(self.nominal_regions, camera.rows, camera.columns))
        self._phases = self._phases * np.exp(-1j * table.wavefront_radians).astype(np.complex64)

    def turn(self, radians: float) -> None:
        """Turn the phase along which fields are read, as an actuator turns a reference."""
        self.turned_radians = radians

    def arm(self, shots: int) -> None:
        """Get ready to take ``shots`` frames; errors as of the camera."""
        self._expected = self.camera.frame_counter() + shots
        self.camera.arm(shots)

    def read(self, timeout_seconds: float) -> Floats:
        """Return the readings ``[shots, channels]`` in counts.

        Raises
        ------
        FrameSlipError
            If the sensor has taken more or fewer frames than it was armed for.
        """
        frames = self.camera.read_frames(timeout_seconds)
        self._check_counter(len(frames))
        fields, saturated = self._demodulated(frames)
        if self.fringes is None:
            readings = fields.real - self._offset
        else:
            readings = (fields * np.complex64(np.exp(-1j * self.turned_radians))).real
        limit = np.float32(self.saturation_volts)
        return np.where(saturated, np.copysign(limit, readings), readings)

    def read_fields(self, timeout_seconds: float) -> Complexes:
        """Return both quadratures ``[shots, channels]`` in counts, for alignment.

        The phase the reference is turned to is left out. Of a single port there is one only.
        """
        frames = self.camera.read_frames(timeout_seconds)
        self._check_counter(len(frames))
        return self._demodulated(frames)[0]

    def stop(self) -> None:
        """Abandon what is armed or not yet read."""
        self.camera.stop()

    def _demodulated(
        self, frames: npt.NDArray[np.uint16]
    ) -> tuple[Complexes, npt.NDArray[np.bool_]]:
        pixels = frames.reshape(len(frames), -1)[:, self._pixels]
        saturated = pixels.max(axis=2) >= self.camera.full_well_counts
        real = np.ascontiguousarray(self._weights.real)
        counts = pixels.astype(np.float32)
        light = max(float(counts[-1].mean()) - self.camera.black_level_counts, 0.0)
        gain = float(np.square(self._weights.real).sum())
        self.noise_counts = float(np.sqrt(gain * light / self.camera.electrons_per_count))
        fields = (counts @ real)[..., 0].astype(np.complex64)
        if self.fringes is not None:
            fields += 1j * (counts @ np.ascontiguousarray(self._weights.imag))[..., 0]
        fields *= self._phases
        return fields, saturated

    def _check_counter(self, shots: int) -> None:
        counted = self.camera.frame_counter()
        if counted != self._expected:
            more = counted - self._expected
            raise FrameSlipError(
                f"{self.camera.name}: its sensor took {shots + more} frames and was armed for "
                f"{shots}; look for stray or lost triggers"
            )


def _window(size: int) -> npt.NDArray[np.float64]:
    """Return a window that falls to nothing beyond both edges (J. von Hann's)."""
    place = (np.arange(size) + 0.5) / size
    window: npt.NDArray[np.float64] = np.sin(np.pi * place) ** 2
    return window
