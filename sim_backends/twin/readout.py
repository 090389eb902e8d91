"""What a bank of balanced homodyne detectors and its digitiser make of the light at a tap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from sim_backends.twin.noise import NoiseStream, normal_pair

Floats = npt.NDArray[np.float32]

_ZERO = np.float32(0)


def read_bank(
    real: Floats,
    imaginary: Floats,
    in_phase: Floats,
    quadrature: Floats,
    offset: Floats,
    floor_variance: Floats,
    signal_variance: Floats,
    full_scale: float,
    step: float,
    noise: NoiseStream,
) -> Floats:
    """Return the volts of every shot and detector.

    Parameters
    ----------
    real, imaginary
        Field at the taps, ``[B, n]``.
    in_phase, quadrature, offset
        ``[n]``; without noise a detector shows ``in_phase real + quadrature imaginary + offset``.
    floor_variance, signal_variance
        ``[n]``; variance in square volts without signal light, and per unit of its power
        (shot noise of a signal that is not small beside the reference).
    full_scale, step
        The digitiser's range (it clips) and its step; 0 for none.
    """
    volts = np.empty(real.shape, np.float32)
    _read_bank(
        real,
        imaginary,
        in_phase,
        quadrature,
        offset,
        floor_variance,
        signal_variance,
        np.float32(full_scale),
        np.float32(step),
        *noise.take((len(real) + 1) // 2 * real.shape[1]),
        volts,
    )
    return volts


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def _read_bank(
    real: Floats,
    imaginary: Floats,
    in_phase: Floats,
    quadrature: Floats,
    offset: Floats,
    floor_variance: Floats,
    signal_variance: Floats,
    full_scale: np.float32,
    step: np.float32,
    start: np.uint32,
    key: np.uint32,
    other_key: np.uint32,
    volts: Floats,
) -> None:
    shots, channels = real.shape
    half = (shots + 1) // 2
    for shot in range(half):
        # One pair of deviates serves two shots; an odd last shot is read twice.
        partner = min(shot + half, shots - 1)
        for j in range(channels):
            place = np.uint32(start + np.uint32(shot * channels + j))
            one, two = normal_pair(place, key, other_key)
            er, ei = real[shot, j], imaginary[shot, j]
            variance = floor_variance[j] + signal_variance[j] * (er * er + ei * ei)
            light = in_phase[j] * er + quadrature[j] * ei + offset[j]
            pr, pi = real[partner, j], imaginary[partner, j]
            partner_variance = floor_variance[j] + signal_variance[j] * (pr * pr + pi * pi)
            partner_light = in_phase[j] * pr + quadrature[j] * pi + offset[j]
            volts[partner, j] = partner_light + two * np.sqrt(partner_variance)
            volts[shot, j] = light + one * np.sqrt(variance)
    if step > _ZERO:
        for shot in range(shots):
            for j in range(channels):
                volts[shot, j] = np.rint(volts[shot, j] / step) * step
    if full_scale > _ZERO:
        for shot in range(shots):
            for j in range(channels):
                volts[shot, j] = min(max(volts[shot, j], -full_scale), full_scale)
