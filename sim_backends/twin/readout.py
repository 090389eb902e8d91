"""What a bank of balanced homodyne detectors and its digitiser make of the light at a tap."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from instruments.shared_loops import SharedLoop, rows_of
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
        2 * volts.size,
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


@SharedLoop
def _read_bank(
    shares: int,
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
    # Volts per real and imaginary unit of the light, and of the pump it is mixed with.
    units = np.empty((4, channels), np.float32)
    for j in range(channels):
        in_phase = response[0, j] * np.float32(cosine) - response[1, j] * np.float32(sine)
        quadrature = response[1, j] * np.float32(cosine) + response[0, j] * np.float32(sine)
        units[0, j], units[1, j] = in_phase, quadrature
        units[2, j] = in_phase * response[3, j] + quadrature * response[4, j]
        units[3, j] = quadrature * response[3, j] - in_phase * response[4, j]
    half = (shots + 1) // 2
    for share in prange(shares):
        first, last = rows_of(share, shares, half)
        read_rows(first, last, light, pump, units, response[2], volts)
        read_rows(half + first, min(half + last, shots), light, pump, units, response[2], volts)
        noise_rows(first, last, light[0], noise_variance, start, key, other_key, volts)
        digitise_rows(first, last, full_scale, step, volts)
        digitise_rows(half + first, min(half + last, shots), full_scale, step, volts)


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def read_rows(
    first: int, last: int, light: Floats, pump: Floats, units: Floats, offset: Floats, volts: Floats
) -> None:
    """Write the volts ``[B, n]`` of light and reflected pump without noise.

    Row by row, with conditions outside the loops, so that the compiler can use vector instructions.
    """
    channels = volts.shape[1]
    for shot in range(first, last):
        row, real = volts[shot], light[0, shot]
        for j in range(channels):
            row[j] = units[0, j] * real[j] + offset[j]
        if light.shape[0] == 2:
            imaginary = light[1, shot]
            for j in range(channels):
                row[j] += units[1, j] * imaginary[j]
        if pump.shape[0]:
            pump_real = pump[0, shot]
            for j in range(channels):
                row[j] += units[2, j] * pump_real[j]
        if pump.shape[0] == 2:
            pump_imaginary = pump[1, shot]
            for j in range(channels):
                row[j] += units[3, j] * pump_imaginary[j]


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def noise_rows(
    first: int,
    last: int,
    real: Floats,
    noise_variance: Floats,
    start: np.uint32,
    key: np.uint32,
    other_key: np.uint32,
    volts: Floats,
) -> None:
    """Add noise to shots of the first half and to as many of the second.

    One pair of deviates serves two shots; an odd last shot takes the first of its pair.
    """
    shots, channels = volts.shape
    half = (shots + 1) // 2
    for shot in range(first, last):
        partner = min(shot + half, shots - 1)
        row, partner_row = volts[shot], volts[partner]
        light, partner_light = real[shot], real[partner]
        single = np.float32(1) if partner == shot else _ZERO
        place = np.uint32(start + np.uint32(shot * channels))
        for j in range(channels):
            one, two = normal_pair(np.uint32(place + np.uint32(j)), key, other_key)
            floor, slope = noise_variance[0, j], noise_variance[1, j]
            width = np.sqrt(floor + slope * light[j] * light[j])
            partner_width = np.sqrt(floor + slope * partner_light[j] * partner_light[j])
            partner_row[j] += (np.float32(1) - single) * two * partner_width
            row[j] += one * width


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def digitise_rows(first: int, last: int, full_scale: float, step: float, volts: Floats) -> None:
    """Round volts to steps and clip them at the range; 0 for none."""
    flat = volts[first:last].reshape(-1)
    if step > 0.0:
        size, inverse = np.float32(step), np.float32(1) / np.float32(step)
        for place in range(flat.size):
            flat[place] = np.rint(flat[place] * inverse) * size
    if full_scale > 0.0:
        edge = np.float32(full_scale)
        for place in range(flat.size):
            flat[place] = min(max(flat[place], -edge), edge)
