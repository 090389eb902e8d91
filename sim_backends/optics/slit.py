r"""The slit that ends a coherent vector-matrix multiplication.

A lens turns the products, spread over an aperture of width ``D``, into their Fourier transform;
their sum is its value at zero frequency, and a slit lets through the neighbourhood
``|u| <= s``, ``u = D x / (lambda f)``. With every product 1 the field there is ``sinc(u)``
(arXiv:1912.12256, Supplement 2.1). A flat reference over the slit reads the mean field; seen from
the input plane, that weights the neuron at ``x_i`` (in ``[-1/2, 1/2]``, units of ``D``) by

.. math:: k_i = \frac{1}{2s} \int_{e-s}^{e+s} e^{-2\pi i u x_i} du
              = e^{-2\pi i e x_i}\, \mathrm{sinc}(2 s x_i)

for a slit decentred by ``e``: a gain of the column, which a calibration finds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import sici

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]

_QUADRATURE_POINTS = 24


def power_efficiency(half_width: npt.ArrayLike) -> Floats:
    """Return ``eta(s)``, the share of power that passes when every product is 1.

    The integral of ``sinc^2`` from ``-s`` to ``s``:
    ``(2/pi) (Si(2 pi s) - sin^2(pi s) / (pi s))``.

    Parameters
    ----------
    half_width
        ``s`` in units of ``lambda f / D``, not negative, any shape.
    """
    width = np.asarray(half_width, np.float64)
    sine_integral, _ = sici(2.0 * np.pi * width)
    efficiency: Floats = (2.0 / np.pi) * (sine_integral - np.sin(np.pi * width) * np.sinc(width))
    return efficiency


def mean_accuracy(half_width: npt.ArrayLike) -> Floats:
    """Return ``A(s)``, the mean field over the slit relative to the true value.

    ``A(s) = Si(pi s) / (pi s)``; 1 for a slit that is closed.
    """
    argument = np.pi * np.asarray(half_width, np.float64)
    sine_integral, _ = sici(argument)
    closed = argument == 0.0
    accuracy: Floats = np.where(closed, 1.0, sine_integral / np.where(closed, 1.0, argument))
    return accuracy


def half_width_for_efficiency(efficiency: float) -> float:
    """Return the ``s`` at which a share of the power of all-one products passes.

    Parameters
    ----------
    efficiency
        In ``(0, 0.9)``: the main lobe holds 90.3 %.
    """
    return float(brentq(lambda s: float(power_efficiency(s)) - efficiency, 0.0, 1.0, xtol=1e-14))


def width_metres(
    half_width: float, wavelength_metres: float, focal_metres: float, aperture_metres: float
) -> float:
    """Return the full width of the slit, ``2 s lambda f / D``."""
    return 2.0 * half_width * wavelength_metres * focal_metres / aperture_metres


def neuron_positions(count: int) -> Floats:
    """Return the centres ``x_i = (i + 1/2)/N - 1/2`` of ``N`` columns that fill the aperture."""
    positions: Floats = (np.arange(count) + 0.5) / count - 0.5
    return positions


def apodisation(positions: npt.ArrayLike, half_width: float, decentring: float = 0.0) -> Complexes:
    """Return the gain ``k_i`` of each column behind a slit with a flat reference.

    Parameters
    ----------
    positions
        ``x_i`` in ``[-1/2, 1/2]``, any shape.
    half_width, decentring
        ``s`` and ``e`` in units of ``lambda f / D``.
    """
    place = np.asarray(positions, np.float64)
    turn = np.exp(-2j * np.pi * decentring * place)
    return np.asarray(turn * np.sinc(2.0 * half_width * place), np.complex128)


def mode_amplitude(half_width: float) -> float:
    """Return ``sqrt(2 s)``, the share of field that a flat mode in the slit takes.

    One column of ``N`` couples ``sqrt(2 s / N) k_i`` into the normalised flat mode, in place of
    the ``sqrt(1/N)`` of a loss-less fan-in. For all-one products the power adds up to ``2 s
    A(s)^2``, a little below ``eta(s)``, as the field over the slit is not flat.
    """
    return float(np.sqrt(2.0 * half_width))


def throughput(products: npt.ArrayLike, half_width: float, decentring: float = 0.0) -> Floats:
    """Return the share of the power behind the mask that passes the slit.

    Each of the ``N`` products fills a column of width ``1/N``; their transform is integrated
    over the slit by Gauss-Legendre quadrature.

    Parameters
    ----------
    products
        ``[..., N]`` fields ``w_ji a_i``, real or complex.
    half_width, decentring
        ``s <= 1`` and ``e`` in units of ``lambda f / D``.
    """
    fields = np.asarray(products)
    count = fields.shape[-1]
    nodes, weights = np.polynomial.legendre.leggauss(_QUADRATURE_POINTS)
    places = decentring + half_width * nodes
    phases = np.exp(-2j * np.pi * np.outer(neuron_positions(count), places))
    spectrum = (fields @ phases) / count * np.sinc(places / count)
    passed = half_width * (np.abs(spectrum) ** 2 @ weights)
    share: Floats = passed / np.mean(np.abs(fields) ** 2, axis=-1)
    return share


def random_sign_throughput(half_width: npt.ArrayLike, count: int) -> Floats:
    """Return the mean throughput of ``N`` products of equal modulus and random sign.

    Interference averages out and every column spreads over ``N`` times the width:
    ``eta(s / N)``, close to ``2 s / N``.
    """
    return power_efficiency(np.asarray(half_width, np.float64) / count)
