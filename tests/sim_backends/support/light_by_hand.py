"""Formulas of the optics in a few lines of numpy each, written apart from the program's own.

What can be summed, solved or integrated numerically is, so that a slip in a closed form of the
program does not repeat itself here. Fields are in units of the saturation field.
"""

from __future__ import annotations

from typing import Any

import numpy as np

PLANCK_JOULE_SECONDS = 6.62607015e-34
LIGHT_METRES_PER_SECOND = 299792458.0
BOLTZMANN_JOULES_PER_KELVIN = 1.380649e-23
RUBIDIUM_87_KILOGRAMS = 86.90918 * 1.66053907e-27


def modulated(volts: Any, half_wave_volts: Any, full: Any, bias: Any = 0.0, leak: Any = 0.0) -> Any:
    """Field behind Mach-Zehnder modulators biased near null."""
    angle = np.pi * np.asarray(volts, np.float64) / (2 * np.asarray(half_wave_volts)) + bias
    return full * np.sin(angle) + full * np.asarray(leak)


def first_order(phase_of_waves: Any, depth: Any, offset: Any, period: int, levels: int = 0) -> Any:
    """First order of staircase gratings, pixel by pixel.

    ``phase_of_waves`` turns the height of a ramp in waves into radians; with ``levels`` a wave,
    depths and offsets are grey levels and every pixel shows a whole one.
    """
    total = 0.0
    for pixel in range(period):
        climbed = np.asarray(depth, np.float64) * (pixel + 0.5) / period
        if levels:
            shown = (np.floor(climbed + 0.5) + offset) % levels / levels
        else:
            shown = (climbed + offset) % 1.0
        light = np.exp(1j * phase_of_waves(shown))
        total = total + light * np.exp(-2j * np.pi * (pixel + 0.5) / period)
    return total / period


def straight(waves: Any) -> Any:
    """Phase of a panel whose look-up table is right."""
    return 2 * np.pi * waves


def shared_with_neighbours(blocks: Any, share: float) -> Any:
    """Blocks after each has given ``share`` of its field to each neighbour it has."""
    mixed = np.array(blocks, np.complex128)
    for axis in (0, 1):
        flow = share * np.diff(blocks, axis=axis)
        low = [slice(None)] * 2
        high = [slice(None)] * 2
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        mixed[tuple(low)] += flow
        mixed[tuple(high)] -= flow
    return mixed


def apodised(columns: int, half_width: float, centre: float = 0.0) -> Any:
    """Field gain of columns behind a slit: the mean of ``exp(-2 pi i u x)`` over it, summed up."""
    places = (np.arange(columns) + 0.5) / columns - 0.5
    slit = (np.arange(4000) + 0.5) / 4000 * 2 * half_width - half_width
    return np.exp(-2j * np.pi * np.outer(places, slit + centre)).mean(axis=1)


def power_ratio(decibels: Any) -> Any:
    return 10.0 ** (np.asarray(decibels) / 10)


def gain_decibels(amperes: Any, highest: float, transparency: float, scale: float) -> Any:
    """Small-signal gain at a current: fills up over ``scale`` from ``transparency`` on."""
    return highest * (1 - np.exp(-(np.asarray(amperes) - transparency) / scale))


def saturated_gain(small_signal: Any, input_over_saturation: Any) -> Any:
    """Solve ``ln(G/G0) = -(G-1) P/P_sat`` by halving."""
    unsaturated, power = np.broadcast_arrays(
        np.asarray(small_signal, np.float64), np.asarray(input_over_saturation, np.float64)
    )
    low, high = np.zeros(power.shape), np.log(unsaturated)
    for _ in range(100):
        middle = 0.5 * (low + high)
        too_high = middle - np.log(unsaturated) + np.expm1(middle) * power > 0
        low, high = np.where(too_high, low, middle), np.where(too_high, middle, high)
    return np.exp(0.5 * (low + high))


def absorber_transmission(power: Any, depth: Any) -> Any:
    """Field transmission where the pump keeps its intensity (Eq. 4 of arXiv:1912.12256)."""
    return np.exp(-np.asarray(depth) / 2 / (1 + np.asarray(power, np.float64)))


def optical_depth_ratio(celsius: float, reference_celsius: float) -> float:
    """Optical depth of saturated rubidium vapour over that at another temperature.

    Density from the vapour pressure over the liquid (Alcock, Itkin and Horrigan 1984), times the
    Lorentz line averaged over the Maxwell distribution of velocities.
    """

    def depth(celsius: float) -> float:
        kelvin = celsius + 273.15
        density = 10 ** (4.312 - 4040 / kelvin) / kelvin
        speed = np.sqrt(BOLTZMANN_JOULES_PER_KELVIN * kelvin / RUBIDIUM_87_KILOGRAMS)
        velocity = np.linspace(-6, 6, 400001) * speed
        weight = np.exp(-0.5 * (velocity / speed) ** 2)
        shift = velocity / 780.2412e-9
        line = 1 / (1 + (2 * shift / 6.0666e6) ** 2)
        return float(density * (line * weight).sum() / weight.sum())

    return depth(celsius) / depth(reference_celsius)


def photons(watts: float, seconds: float, wavelength_metres: float) -> float:
    return watts * seconds * wavelength_metres / (PLANCK_JOULE_SECONDS * LIGHT_METRES_PER_SECOND)


def homodyne_noise(
    signal_photons: Any,
    reference_photons: float,
    efficiency: float,
    visibility: float,
) -> Any:
    """Standard deviation of a field in root photons: shot noise of signal and reference."""
    bracket = 1 + np.asarray(signal_photons) / reference_photons
    return np.sqrt(bracket) / (2 * np.sqrt(efficiency) * visibility)
