r"""Amplitude and phase of the first order of a blazed phase grating.

A grating of depth ``M`` ramps the phase from 0 to ``2 pi M`` over one period. Light in order
``n`` has the Fourier coefficient of that ramp,

.. math:: c_n = \int_0^1 e^{2\pi i M x} e^{-2\pi i n x} dx = e^{i\pi(M-n)} \mathrm{sinc}(M-n),

so a modulator of phase alone sets the amplitude of the first order by the depth and its phase by
an offset of the whole ramp, which has to undo ``pi (M - 1)`` (J. A. Davis et al., Appl. Opt. 38,
5004 (1999); E. Bolduc et al., Opt. Lett. 38, 3546 (2013)). ``sinc`` is ``sin(pi x)/(pi x)``.

On a real panel the ramp is a staircase of ``q`` pixels a period, its steps taken at the pixel
centres: then the phase of the first order is that of the continuous ramp exactly.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import diric

from sim_backends.optics.domain import within

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

_INVERSE_DEGREE = 30


def order_coefficient(depth: npt.ArrayLike, order: int) -> Complexes:
    """Return the field ``c_n`` in one diffraction order of a continuous blaze.

    Parameters
    ----------
    depth
        ``M``, phase range over 2 pi; any shape.
    order
        ``n``; 0 is the undiffracted light.
    """
    distance = np.asarray(depth, np.float64) - order
    return np.asarray(np.exp(1j * np.pi * distance) * np.sinc(distance), np.complex128)


def first_order_coefficient(depth: npt.ArrayLike) -> Complexes:
    """Return ``c_1 = exp(i pi (M - 1)) sinc(1 - M)``, the field that carries the weight."""
    return order_coefficient(depth, 1)


def undiffracted_coefficient(depth: npt.ArrayLike) -> Complexes:
    """Return ``c_0 = exp(i pi M) sinc(M)``, the field left in the specular spot."""
    return order_coefficient(depth, 0)


@cache
def _squared_distance_polynomial() -> tuple[float, ...]:
    """Return the power series, highest first, of ``(1-M)^2 / (1-A)`` in ``2 A - 1``.

    ``sinc(u)`` is an even function whose slope in ``u^2`` vanishes nowhere on ``[0, 1]``, so
    ``u^2`` is analytic in ``A``, with a zero at ``A = 1`` that is divided out. Interpolation in
    the extrema of a Chebyshev polynomial converges as ``2.46^-degree`` (the nearest branch
    point is the first side lobe, ``A = -0.217``) and is exact at both ends.
    """
    nodes = np.cos(np.pi * np.arange(_INVERSE_DEGREE + 1) / _INVERSE_DEGREE)
    ratios = np.empty_like(nodes)
    for index, amplitude in enumerate(0.5 * (1.0 + nodes)):
        if index == 0:
            ratios[index] = 6.0 / np.pi**2
        elif index == _INVERSE_DEGREE:
            ratios[index] = 1.0
        else:
            distance = brentq(lambda u, a=amplitude: float(np.sinc(u)) - a, 1e-9, 1.0, xtol=1e-15)
            ratios[index] = distance**2 / (1.0 - amplitude)
    series = np.polynomial.chebyshev.chebfit(nodes, ratios, _INVERSE_DEGREE)
    return tuple(float(c) for c in np.polynomial.chebyshev.cheb2poly(series)[::-1])


def depth_for_amplitude(amplitude: npt.ArrayLike) -> Floats:
    """Invert ``sinc(1 - M) = A``: the depth that puts the amplitude ``A`` in the first order.

    Parameters
    ----------
    amplitude
        ``A`` in ``[0, 1]``, any shape.

    Returns
    -------
    numpy.ndarray
        ``M`` in ``[0, 1]``, rising with ``A``; ``sinc(1 - M)`` gives ``A`` back to 1e-12.

    Raises
    ------
    SettingsError
        If an amplitude is outside ``[0, 1]`` or not a number.
    """
    amplitudes = within(amplitude, 0.0, 1.0, "first-order amplitude")
    position = 2.0 * amplitudes - 1.0
    coefficients = _squared_distance_polynomial()
    ratio = np.full_like(position, coefficients[0])
    for coefficient in coefficients[1:]:
        ratio *= position
        ratio += coefficient
    depth: Floats = np.maximum(1.0 - np.sqrt((1.0 - amplitudes) * ratio), 0.0)
    return depth


def phase_offset(phase: npt.ArrayLike, depth: npt.ArrayLike) -> Floats:
    """Return the offset of the ramp, ``phi - pi (M - 1)``, that gives the first order ``phi``.

    Parameters
    ----------
    phase
        Wanted phase of the first order in radians (0 and pi for signed real weights).
    depth
        Grating depth, broadcast against ``phase``.
    """
    offset: Floats = np.asarray(phase, np.float64) - np.pi * (np.asarray(depth, np.float64) - 1.0)
    return offset


def pixel_phases(depth: npt.ArrayLike, offset: npt.ArrayLike, pixels_per_period: int) -> Floats:
    """Return one period of the staircase, ``offset + 2 pi M (k + 1/2) / q``.

    Parameters
    ----------
    depth, offset
        Depth and phase offset in radians, broadcast to ``[...]``.
    pixels_per_period
        ``q``.

    Returns
    -------
    numpy.ndarray
        ``[..., q]`` radians, not wrapped.
    """
    centres = (np.arange(pixels_per_period) + 0.5) / pixels_per_period
    ramp = 2.0 * np.pi * np.asarray(depth, np.float64)[..., None] * centres
    phases: Floats = np.asarray(offset, np.float64)[..., None] + ramp
    return phases


def quantised_phases(phases: npt.ArrayLike, bits: int) -> Floats:
    """Return the nearest of ``2^bits`` equally spaced phases in ``[0, 2 pi)``, same shape."""
    levels = 2**bits
    step = 2.0 * np.pi / levels
    quantised: Floats = np.mod(np.rint(np.asarray(phases, np.float64) / step), levels) * step
    return quantised


def pixel_order_coefficient(
    phases: npt.ArrayLike, order: int = 1, fill_factor: float = 1.0, gap_field: complex = 0.0
) -> Complexes:
    """Return the field in one order of an explicit periodic row of pixels.

    The discrete Fourier transform of the pixel fields, times the diffraction of one pixel of
    width ``sqrt(fill_factor)`` pitches, times the height of the pixel. The gaps between
    the pixels reflect ``gap_field`` whatever is shown: all of it goes into the orders of
    the pixel lattice itself (0, q, 2q, ...).

    Parameters
    ----------
    phases
        ``[..., q]`` radians over one period.
    order
        Diffraction order of the grating.
    fill_factor
        Active share of the area, ``0 < F <= 1``. The unmodulated power scales as ``F^2``.
    gap_field
        Field reflected by the gaps, relative to the pixels.

    Returns
    -------
    numpy.ndarray
        ``[...]`` complex; its phase refers to the left edge of the first pixel.
    """
    values = np.asarray(phases, np.float64)
    count = values.shape[-1]
    carrier = np.exp(-2j * np.pi * order * (np.arange(count) + 0.5) / count)
    pixel = fill_factor * np.sinc(order * np.sqrt(fill_factor) / count)
    gaps = gap_field * ((order == 0) - pixel * carrier.mean())
    coefficient: Complexes = pixel * (np.exp(1j * values) @ carrier) / count + gaps
    return coefficient


def staircase_coefficient(depth: npt.ArrayLike, pixels_per_period: int) -> Complexes:
    """Return ``c_1`` of an unquantised staircase of ``q`` pixels in closed form.

    ``sinc(1/q) e^{i pi (M-1)} sin(pi (1-M)) / (q sin(pi (1-M)/q))``: at full depth the
    efficiency is ``sinc^2(1/q)`` (Swanson, MIT Lincoln Laboratory report 854 (1989)).
    """
    distance = np.asarray(depth, np.float64) - 1.0
    array_factor = diric(2.0 * np.pi * distance / pixels_per_period, pixels_per_period)
    coefficient = np.sinc(1.0 / pixels_per_period) * np.exp(1j * np.pi * distance) * array_factor
    return np.asarray(coefficient, np.complex128)
