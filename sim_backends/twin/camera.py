r"""The hidden truth of a camera at a tap: where spots fall, and the fringes they make.

The light of every neuron is a Gaussian spot; a reference as wide as the sensor meets them at an
angle. A pixel at ``x`` counts

.. math:: |r|^2 + |s(x)|^2 + 2 V\, \mathrm{Re}(r\, s(x)\, e^{-2\pi i f x}),

with the fringes' frequency ``f`` and the visibility ``V``; then come photons, reading noise, the
black level, whole numbers and the full well.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from sim_backends.twin.imperfections import CameraImperfections
from sim_backends.twin.layout import CameraLayout
from sim_backends.twin.noise import NoiseStream, normal_pair

Floats = npt.NDArray[np.float32]
Frames = npt.NDArray[np.uint16]

_REACH = 2.7
"""Radii of a spot beyond which less than a millionth of its intensity is left."""


class CameraTruth:
    """A camera as it is mounted.

    Attributes
    ----------
    centres
        ``[n, 2]`` rows and columns at which the spots really are.
    """

    def __init__(
        self,
        layout: CameraLayout,
        imperfections: CameraImperfections,
        visibility: float,
        generator: np.random.Generator,
    ) -> None:
        own = imperfections
        self.layout = layout
        angle = own.rotation * float(generator.normal())
        scale = 1 + own.scale * float(generator.normal())
        shift = own.shift * generator.normal(size=2)
        turn = scale * np.array(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        )
        middle = np.array([layout.rows - 1, layout.columns - 1]) / 2
        nominal = np.array(layout.centres, np.float64).reshape(-1, 2)
        self.centres = middle + (nominal - middle) @ turn.T + shift
        self._corners, self._spots = self._cut_spots()
        down, across = np.mgrid[: layout.rows, : layout.columns]
        waves = 2 * np.pi * (layout.fringes[0] * down + layout.fringes[1] * across).ravel()
        self._fringes = np.stack([np.cos(waves), np.sin(waves)]).astype(np.float32)
        self._visibility = np.float32(visibility)

    def _cut_spots(self) -> tuple[npt.NDArray[np.int32], Floats]:
        """Return first pixels ``[n, 2]`` and fields ``[n, side, side]`` of spots of field 1.

        In root counts, on squares beyond which there is no light worth a photon; what of a square
        lies off the sensor is 0.
        """
        layout = self.layout
        side = int(min(2 * math.ceil(_REACH * layout.spot_radius) + 1, layout.rows, layout.columns))
        count = len(self.centres)
        sizes = np.array([layout.rows, layout.columns]) - side
        corners = np.clip(np.rint(self.centres).astype(np.int32) - side // 2, 0, sizes)
        places = corners[:, :, np.newaxis] + np.arange(side) - self.centres[:, :, np.newaxis]
        profiles = np.exp(-((places / layout.spot_radius) ** 2))
        spots = profiles[:, 0, :, np.newaxis] * profiles[:, 1, np.newaxis, :]
        spots *= math.sqrt(layout.counts_per_power)
        return corners.astype(np.int32).reshape(count, 2), spots.astype(np.float32)

    def frames(self, light: Floats, *, reference: bool, share: float, noise: NoiseStream) -> Frames:
        """Return what the sensor reads.

        Parameters
        ----------
        light
            ``[1 or 2, B, n]`` field at the spots; its phase is that against the reference.
        reference
            Whether that is let in.
        share
            Length of the exposure, relative to the one counts are stated for.
        noise
            Where photons and reading come from.
        """
        layout = self.layout
        shots = light.shape[1]
        pixels = layout.rows * layout.columns
        frames = np.empty((shots, pixels), np.uint16)
        _expose(
            np.ascontiguousarray(light),
            self._corners,
            self._spots,
            self._fringes,
            np.float32(math.sqrt(layout.reference_counts) if reference else 0.0),
            self._visibility,
            np.float32(share),
            np.float32(1 / layout.electrons_per_count),
            np.float32(layout.read_noise**2),
            np.float32(layout.black_level),
            np.float32(layout.full_well),
            *noise.take(shots * ((pixels + 1) // 2)),
            frames,
            layout.columns,
        )
        return frames.reshape(shots, layout.rows, layout.columns)


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def _expose(
    light: Floats,
    corners: npt.NDArray[np.int32],
    spots: Floats,
    fringes: Floats,
    reference: np.float32,
    visibility: np.float32,
    share: np.float32,
    counts_per_electron: np.float32,
    read_variance: np.float32,
    black_level: np.float32,
    full_well: np.float32,
    start: int,
    key: np.uint32,
    other_key: np.uint32,
    frames: Frames,
    columns: int,
) -> None:
    cosine, sine = fringes[0], fringes[1]
    cross = np.float32(2) * visibility * reference
    level = reference * reference
    parts, shots, neurons = light.shape
    pixels = frames.shape[1]
    half = (pixels + 1) // 2
    side = spots.shape[1]
    zero = np.float32(0)
    field = np.empty((2, 2 * half), np.float32)
    for shot in range(shots):
        field[:] = zero
        for neuron in range(neurons):
            for part in range(parts):
                size = light[part, shot, neuron]
                for j in range(side):
                    first = (corners[neuron, 0] + j) * columns + corners[neuron, 1]
                    row, spot = field[part, first : first + side], spots[neuron, j]
                    for i in range(side):
                        row[i] += size * spot[i]
        counts, imaginary = field[0], field[1]
        for i in range(pixels):
            a, b = counts[i], imaginary[i]
            fringe = a * cosine[i] + b * sine[i]
            counts[i] = max((level + a * a + b * b + cross * fringe) * share, zero)
        # One pair of deviates serves two pixels.
        place = np.uint32(start + np.uint32(shot * half))
        for i in range(half):
            one, two = normal_pair(np.uint32(place + np.uint32(i)), key, other_key)
            other = i + half
            counts[i] += np.sqrt(counts[i] * counts_per_electron + read_variance) * one
            counts[other] += np.sqrt(counts[other] * counts_per_electron + read_variance) * two
        frame = frames[shot]
        for i in range(pixels):
            read = np.rint(black_level + counts[i])
            frame[i] = np.uint16(min(max(read, zero), full_well))
