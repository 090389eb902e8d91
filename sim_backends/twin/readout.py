"""What a bank of balanced homodyne detectors and its digitiser make of the light at a tap."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from sim_backends.twin.noise import NoiseStream, normal_pair

Floats = npt.NDArray[np.float32]

_ZERO = np.float32(0)


@dataclass(frozen=True)
class Digitiser:
    """Range and step of the converter behind a bank; 0 for none. It clips at its range."""

    full_scale: float
    step: float


def read_bank(
    light: Floats,
    pump: Floats | None,
    response: Floats,
    phase_radians: float,
    noise_variance: Floats,
    digitiser: Digitiser,
    noise: NoiseStream,
) -> Floats:
    """Return the volts ``[B, n]`` of every shot and detector.

    Parameters
    ----------
    light
        Field at the taps, ``[2, B, n]``: real and imaginary parts, or ``[1, B, n]`` if real.
    pump
        Light going the other way, of which a part is reflected into the taps; or ``None``.
    response
        ``[5, n]``: volts per real and per imaginary unit of field at zero phase of the bank,
        offset in volts, real and imaginary part of the reflection.
    phase_radians
        Phase of the whole bank's reference.
    noise_variance
        ``[2, n]``: variance in square volts without signal light, and per unit of its power
        (shot noise of a signal that is not small beside the reference).
    """
    shots, channels = light.shape[1:]
    volts = np.empty((shots, channels), np.float32)
    _read_bank(
        light,
        light[:0] if pump is None else pump,
        response,
        math.cos(phase_radians),
        math.sin(phase_radians),
        noise_variance,
        digitiser.full_scale,
        digitiser.step,
        *noise.take((shots + 1) // 2 * channels),
        volts,
    )
    return volts


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def _read_bank(
    light: Floats,
    pump: Floats,
    response: Floats,
    cosine: float,
    sine: float,
    noise_variance: Floats,
    full_scale: float,
    step: float,
    start: np.uint32,
    key: np.uint32,
    other_key: np.uint32,
    volts: Floats,
) -> None:
    shots, channels = volts.shape
    offset, reflected_real, reflected_imaginary = response[2], response[3], response[4]
    in_phase, quadrature = np.empty(channels, np.float32), np.empty(channels, np.float32)
    for j in range(channels):
        in_phase[j] = response[0, j] * np.float32(cosine) - response[1, j] * np.float32(sine)
        quadrature[j] = response[1, j] * np.float32(cosine) + response[0, j] * np.float32(sine)
    # Row by row, with conditions outside the loops, so that the compiler can use vector
    # instructions.
    for shot in range(shots):
        row, real = volts[shot], light[0, shot]
        for j in range(channels):
            row[j] = in_phase[j] * real[j] + offset[j]
        if light.shape[0] == 2:
            imaginary = light[1, shot]
            for j in range(channels):
                row[j] += quadrature[j] * imaginary[j]
        if pump.shape[0]:
            pump_real = pump[0, shot]
            for j in range(channels):
                seen = in_phase[j] * reflected_real[j] + quadrature[j] * reflected_imaginary[j]
                row[j] += seen * pump_real[j]
        if pump.shape[0] == 2:
            pump_imaginary = pump[1, shot]
            for j in range(channels):
                seen = quadrature[j] * reflected_real[j] - in_phase[j] * reflected_imaginary[j]
                row[j] += seen * pump_imaginary[j]
    half = (shots + 1) // 2
    for shot in range(half):
        # One pair of deviates serves two shots; an odd last shot takes the first of its pair.
        partner = min(shot + half, shots - 1)
        row, partner_row = volts[shot], volts[partner]
        real, partner_real = light[0, shot], light[0, partner]
        single = np.float32(1) if partner == shot else _ZERO
        first = np.uint32(start + np.uint32(shot * channels))
        for j in range(channels):
            one, two = normal_pair(np.uint32(first + np.uint32(j)), key, other_key)
            floor, slope = noise_variance[0, j], noise_variance[1, j]
            width = np.sqrt(floor + slope * real[j] * real[j])
            partner_width = np.sqrt(floor + slope * partner_real[j] * partner_real[j])
            partner_row[j] += (np.float32(1) - single) * two * partner_width
            row[j] += one * width
    flat = volts.reshape(-1)
    if step > 0.0:
        size, inverse = np.float32(step), np.float32(1) / np.float32(step)
        for place in range(flat.size):
            flat[place] = np.rint(flat[place] * inverse) * size
    if full_scale > 0.0:
        edge = np.float32(full_scale)
        for place in range(flat.size):
            flat[place] = min(max(flat[place], -edge), edge)
