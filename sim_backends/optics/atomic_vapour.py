r"""Rubidium 87 on its D2 line as the medium of the saturable absorbers.

Constants and the saturation intensity follow D. A. Steck, "Rubidium 87 D Line Data",
https://steck.us/alkalidata. The vapour pressure is that of C. B. Alcock, V. P. Itkin and
M. K. Horrigan, Can. Metall. Q. 23, 309 (1984), as quoted there, good to 5 %; the two branches
miss each other by 3.5 % at the melting point. The atom is a two-level one: hyperfine
structure, isotopes and optical pumping are left to the reference value of an optical depth.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.constants import Boltzmann, atomic_mass, c, hbar
from scipy.special import erfcx

Floats = npt.NDArray[np.float64]

WAVELENGTH_METRES = 780.241209686e-9
LINEWIDTH_RADIANS_PER_SECOND = 2.0 * np.pi * 6.0666e6
MASS_KILOGRAMS = 86.909180520 * atomic_mass
MELTING_POINT_CELSIUS = 39.30

_ZERO_CELSIUS_KELVIN = 273.15


def resonant_cross_section(wavelength_metres: float = WAVELENGTH_METRES) -> float:
    """Return ``sigma_0 = 3 lambda^2 / (2 pi)`` in square metres."""
    return 3.0 * wavelength_metres**2 / (2.0 * np.pi)


def saturation_intensity(
    wavelength_metres: float = WAVELENGTH_METRES,
    linewidth_radians_per_second: float = LINEWIDTH_RADIANS_PER_SECOND,
) -> float:
    """Return ``I_sat = hbar omega Gamma / (2 sigma_0)`` in W/m^2 (Eq. S2)."""
    energy = hbar * 2.0 * np.pi * c / wavelength_metres
    section = resonant_cross_section(wavelength_metres)
    return float(energy * linewidth_radians_per_second / (2.0 * section))


def saturation_power(waist_metres: float, intensity_watts_per_square_metre: float) -> float:
    """Return ``P_sat = I_sat pi w0^2`` in watts: a flat disc of radius ``w0`` at ``I_sat``.

    This is the paper's convention. A Gaussian beam whose *peak* intensity is ``I_sat`` carries
    half of it (:func:`peak_saturation_power`).
    """
    return float(intensity_watts_per_square_metre * np.pi * waist_metres**2)


def peak_saturation_power(waist_metres: float, intensity_watts_per_square_metre: float) -> float:
    """Return the power ``I_sat pi w0^2 / 2`` of a Gaussian beam that peaks at ``I_sat``."""
    return 0.5 * saturation_power(waist_metres, intensity_watts_per_square_metre)


def rayleigh_length(waist_metres: float, wavelength_metres: float = WAVELENGTH_METRES) -> float:
    """Return ``z_R = pi w0^2 / lambda`` in metres; the cell has to be shorter."""
    return float(np.pi * waist_metres**2 / wavelength_metres)


def lifetime_seconds(linewidth_radians_per_second: float = LINEWIDTH_RADIANS_PER_SECOND) -> float:
    """Return the excited state's lifetime ``1 / Gamma``."""
    return 1.0 / linewidth_radians_per_second


def response_seconds(
    intensity: npt.ArrayLike, linewidth_radians_per_second: float = LINEWIDTH_RADIANS_PER_SECOND
) -> Floats:
    """Return ``1 / (Gamma (1 + I))``, how fast the populations follow, ``I`` in ``I_sat``."""
    rate = linewidth_radians_per_second * (1.0 + np.asarray(intensity, np.float64))
    response: Floats = 1.0 / rate
    return response


def weak_probe_intensity(optical_depth: npt.ArrayLike, relative_error: float) -> Floats:
    """Return the probe intensity (in ``I_sat``) that bleaches its own path by a small error.

    To first order the field of a probe alone is raised by ``alpha0 I / 2``; so ``2 error /
    alpha0``, the worst case as any pump makes the change smaller.
    """
    intensity: Floats = 2.0 * relative_error / np.asarray(optical_depth, np.float64)
    return intensity


def _detuning_in_half_widths(
    detuning_radians_per_second: npt.ArrayLike, linewidth_radians_per_second: float
) -> Floats:
    widths: Floats = 2.0 * np.asarray(detuning_radians_per_second) / linewidth_radians_per_second
    return widths


def detuned_optical_depth(
    resonant_optical_depth: npt.ArrayLike,
    detuning_radians_per_second: npt.ArrayLike,
    linewidth_radians_per_second: float = LINEWIDTH_RADIANS_PER_SECOND,
) -> Floats:
    """Return ``alpha0 / (1 + (2 Delta / Gamma)^2)``: atoms at rest (a cold cloud).

    In a warm cell the linewidth to give is the Doppler width, and only near resonance.
    """
    widths = _detuning_in_half_widths(detuning_radians_per_second, linewidth_radians_per_second)
    depth: Floats = np.asarray(resonant_optical_depth, np.float64) / (1.0 + widths**2)
    return depth


def detuned_saturation_intensity(
    resonant_intensity: npt.ArrayLike,
    detuning_radians_per_second: npt.ArrayLike,
    linewidth_radians_per_second: float = LINEWIDTH_RADIANS_PER_SECOND,
) -> Floats:
    """Return ``I_sat (1 + (2 Delta / Gamma)^2)``: off resonance more light is needed."""
    widths = _detuning_in_half_widths(detuning_radians_per_second, linewidth_radians_per_second)
    intensity: Floats = np.asarray(resonant_intensity, np.float64) * (1.0 + widths**2)
    return intensity


def detuned_phase(
    resonant_optical_depth: npt.ArrayLike,
    detuning_radians_per_second: npt.ArrayLike,
    linewidth_radians_per_second: float = LINEWIDTH_RADIANS_PER_SECOND,
) -> Floats:
    """Return the phase in radians that unsaturated atoms add, zero on resonance.

    The field transmission is ``exp(-(alpha0/2) / (1 - 2 i Delta/Gamma))`` in the convention
    ``exp(-i omega t)``; its phase is ``-(alpha0/2) x / (1 + x^2)``, ``x = 2 Delta/Gamma``.
    """
    widths = _detuning_in_half_widths(detuning_radians_per_second, linewidth_radians_per_second)
    half_depth = 0.5 * np.asarray(resonant_optical_depth, np.float64)
    phase: Floats = -half_depth * widths / (1.0 + widths**2)
    return phase


def vapour_pressure_pascals(temperature_celsius: npt.ArrayLike) -> Floats:
    """Return the vapour pressure over rubidium (Alcock 1984), 298 K to about 550 K.

    ``log10(P/atm) = 4.857 - 4215/T`` over the solid and ``4.312 - 4040/T`` over the liquid.
    """
    celsius = np.asarray(temperature_celsius, np.float64)
    kelvin = celsius + _ZERO_CELSIUS_KELVIN
    exponent = np.where(
        celsius < MELTING_POINT_CELSIUS, 4.857 - 4215.0 / kelvin, 4.312 - 4040.0 / kelvin
    )
    pressure: Floats = 101325.0 * np.power(10.0, exponent)
    return pressure


def number_density(temperature_celsius: npt.ArrayLike) -> Floats:
    """Return the atoms per cubic metre of saturated vapour, ``P / (k T)``."""
    kelvin = np.asarray(temperature_celsius, np.float64) + _ZERO_CELSIUS_KELVIN
    density: Floats = vapour_pressure_pascals(temperature_celsius) / (Boltzmann * kelvin)
    return density


def most_probable_speed(temperature_celsius: npt.ArrayLike) -> Floats:
    """Return ``sqrt(2 k T / m)`` in metres per second."""
    kelvin = np.asarray(temperature_celsius, np.float64) + _ZERO_CELSIUS_KELVIN
    speed: Floats = np.sqrt(2.0 * Boltzmann * kelvin / MASS_KILOGRAMS)
    return speed


def doppler_width_hertz(temperature_celsius: npt.ArrayLike) -> Floats:
    """Return the full width at half maximum, ``2 sqrt(ln 2) v / lambda``."""
    speed = most_probable_speed(temperature_celsius)
    width: Floats = 2.0 * np.sqrt(np.log(2.0)) * speed / WAVELENGTH_METRES
    return width


def doppler_reduction(temperature_celsius: npt.ArrayLike) -> Floats:
    """Return the line-centre cross section of moving atoms over ``sigma_0``.

    The Lorentz line averaged over the Maxwell distribution (the centre of a Voigt profile):
    ``sqrt(pi) b erfcx(b)`` with ``b = Gamma lambda / (4 pi v)``.
    """
    speed = most_probable_speed(temperature_celsius)
    ratio = LINEWIDTH_RADIANS_PER_SECOND * WAVELENGTH_METRES / (4.0 * np.pi * speed)
    reduction: Floats = np.sqrt(np.pi) * ratio * erfcx(ratio)
    return reduction


def two_level_optical_depth(
    temperature_celsius: npt.ArrayLike, cell_length_metres: float
) -> Floats:
    """Return ``n sigma_0 L`` times the Doppler reduction for saturated vapour.

    An upper limit: isotopes and hyperfine structure of natural rubidium leave about a twelfth.
    """
    column = number_density(temperature_celsius) * resonant_cross_section() * cell_length_metres
    depth: Floats = column * doppler_reduction(temperature_celsius)
    return depth


def optical_depth_at(
    temperature_celsius: npt.ArrayLike,
    reference_celsius: float,
    reference_optical_depth: npt.ArrayLike,
) -> Floats:
    """Return the optical depth of a cell from its value at a reference temperature.

    Parameters
    ----------
    temperature_celsius
        Of the coldest point of the cell, any shape.
    reference_celsius, reference_optical_depth
        The measured point.
    """
    growth = two_level_optical_depth(temperature_celsius, 1.0) / two_level_optical_depth(
        reference_celsius, 1.0
    )
    depth: Floats = np.asarray(reference_optical_depth, np.float64) * growth
    return depth


def field_overlap(pitch_metres: npt.ArrayLike, waist_metres: float) -> Floats:
    """Return the overlap of the fields of two Gaussian beams, ``exp(-p^2 / (2 w0^2))``."""
    ratio = np.asarray(pitch_metres, np.float64) / waist_metres
    overlap: Floats = np.exp(-0.5 * ratio**2)
    return overlap


def cross_saturation(pitch_metres: npt.ArrayLike, waist_metres: float) -> Floats:
    """Return a neighbour's intensity as a beam sees it, ``exp(-p^2 / w0^2)``.

    Averaged over the beam's own profile and relative to what it sees of itself.
    """
    return field_overlap(pitch_metres, waist_metres) ** 2
