"""What a bank of balanced homodyne detectors and its digitiser make of the light at a tap.

Inner loops, each over some of the shots, so that rows can be shared out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from sim_backends.twin.noise import normal_pair

Floats = npt.NDArray[np.float32]

_ZERO = np.float32(0)


@dataclass(frozen=True)
class Digitiser:
    """Range and step of the converter behind a bank; 0 for none. It clips at its range."""

    full_scale: float
    step: float


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def units_of_bank(response: Floats, phase_radians: float) -> Floats:
    """Return ``[5, n]``: volts a unit of light and of pump, real and imaginary, and the offset.

    Given the response of a bank and its phase. ``[5, 0]`` where there is none.
    """
    channels = response.shape[1]
    cosine, sine = np.float32(math.cos(phase_radians)), np.float32(math.sin(phase_radians))
    units = np.empty((5, channels), np.float32)
    for j in range(channels):
        in_phase = response[0, j] * cosine - response[1, j] * sine
        quadrature = response[1, j] * cosine + response[0, j] * sine
        units[0, j], units[1, j] = in_phase, quadrature
        units[2, j] = in_phase * response[3, j] + quadrature * response[4, j]
        units[3, j] = quadrature * response[3, j] - in_phase * response[4, j]
        units[4, j] = response[2, j]
    return units


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def read_rows(
    first: int,
    last: int,
    light: Floats,
    pump: Floats,
    reflected_parts: int,
    units: Floats,
    volts: Floats,
) -> None:
    """Write the volts ``[B, n]`` of light and of so many parts of the pump without noise.

    Row by row, with conditions outside the loops, so that the compiler can use vector instructions.
    """
    channels = volts.shape[1]
    for shot in range(first, last):
        row, real = volts[shot], light[0, shot]
        for j in range(channels):
            row[j] = units[0, j] * real[j] + units[4, j]
        if light.shape[0] == 2:
            imaginary = light[1, shot]
            for j in range(channels):
                row[j] += units[1, j] * imaginary[j]
        if reflected_parts:
            pump_real = pump[0, shot]
            for j in range(channels):
                row[j] += units[2, j] * pump_real[j]
        if reflected_parts == 2:
            pump_imaginary = pump[1, shot]
            for j in range(channels):
                row[j] += units[3, j] * pump_imaginary[j]


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def noise_rows(
    first: int,
    last: int,
    real: Floats,
    noise_variance: Floats,
    start: int,
    key: np.uint32,
    other_key: np.uint32,
    volts: Floats,
) -> None:
    """Add noise to the shots of pairs, two of which share a pair of deviates.

    Of an odd number of shots the last has a pair of its own.
    """
    shots, channels = volts.shape
    for pair in range(first, last):
        shot = 2 * pair
        # Without a partner the second deviate is not used.
        paired = shot + 1 < shots
        partner = shot + 1 if paired else shot
        row, partner_row = volts[shot], volts[partner]
        light, partner_light = real[shot], real[partner]
        second = np.float32(1) if paired else _ZERO
        place = np.uint32(start + np.uint32(pair * channels))
        for j in range(channels):
            one, two = normal_pair(np.uint32(place + np.uint32(j)), key, other_key)
            floor, slope = noise_variance[0, j], noise_variance[1, j]
            width = np.sqrt(floor + slope * light[j] * light[j])
            partner_width = np.sqrt(floor + slope * partner_light[j] * partner_light[j])
            partner_row[j] += second * two * partner_width
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
