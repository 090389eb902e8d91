r"""The semiconductor optical amplifier: gain that saturates, and the noise it adds.

The gain of a travelling-wave amplifier obeys (G. P. Agrawal and N. A. Olsson, IEEE J. Quantum
Electron. 25, 2297 (1989))

.. math:: \ln(G / G_0) = -(G - 1) P_{in} / P_{sat}.

With ``p = P_in/P_sat`` it reads ``pG e^{pG} = p G_0 e^p``, so ``G = omega(ln(p G_0) + p) / p``
with the Wright omega function. Carriers change the refractive index together with the gain, so
the light acquires the phase ``-(alpha_H/2) ln G`` (linewidth-enhancement factor ``alpha_H``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import wrightomega

from instruments.errors import SettingsError

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]


def power_gain(
    input_watts: npt.ArrayLike, small_signal_gain: npt.ArrayLike, saturation_watts: npt.ArrayLike
) -> Floats:
    """Return the power gain ``G`` at an input power.

    Parameters
    ----------
    input_watts
        Total power entering the amplifier, not negative; the arguments broadcast.
    small_signal_gain
        ``G_0``, a power ratio above 0 (below 1 the amplifier absorbs, and bleaches).
    saturation_watts
        ``P_sat``.
    """
    power, unsaturated = np.broadcast_arrays(
        np.asarray(input_watts, np.float64) / np.asarray(saturation_watts, np.float64),
        np.asarray(small_signal_gain, np.float64),
    )
    # Below this the saturation is less than rounding and omega(x)/p would lose it anyway.
    weak = power * np.maximum(unsaturated, 1.0) < 1e-16
    safe = np.where(weak, 1.0, power)
    gain: Floats = np.where(
        weak, unsaturated, wrightomega(np.log(safe * unsaturated) + safe) / safe
    )
    return gain


def small_signal_gain_for(
    gain: npt.ArrayLike, input_watts: npt.ArrayLike, saturation_watts: npt.ArrayLike
) -> Floats:
    """Return the ``G_0`` that leaves the gain ``G`` at an input power: ``G exp((G - 1) p)``."""
    wanted = np.asarray(gain, np.float64)
    power = np.asarray(input_watts, np.float64) / np.asarray(saturation_watts, np.float64)
    unsaturated: Floats = wanted * np.exp((wanted - 1.0) * power)
    return unsaturated


def gain_phase(gain: npt.ArrayLike, linewidth_enhancement: npt.ArrayLike) -> Floats:
    """Return the phase in radians, ``-(alpha_H/2) ln G``, that comes with a power gain."""
    half = 0.5 * np.asarray(linewidth_enhancement, np.float64)
    phase: Floats = -half * np.log(np.asarray(gain, np.float64))
    return phase


def field_gain(
    input_watts: npt.ArrayLike,
    small_signal_gain: npt.ArrayLike,
    saturation_watts: npt.ArrayLike,
    linewidth_enhancement: npt.ArrayLike,
) -> Complexes:
    """Return ``sqrt(G) exp(i (phase - phase at no input))``.

    The phase of the unsaturated amplifier is left out: it is constant, and the reference phase
    is set with the amplifier running. Arguments as in :func:`power_gain`.
    """
    gain = power_gain(input_watts, small_signal_gain, saturation_watts)
    turned = gain_phase(gain / np.asarray(small_signal_gain, np.float64), linewidth_enhancement)
    field: Complexes = np.sqrt(gain) * np.exp(1j * turned)
    return field


def small_signal_gain(
    current_milliamps: npt.ArrayLike,
    transparency_milliamps: npt.ArrayLike,
    scale_milliamps: npt.ArrayLike,
    highest_gain_decibels: npt.ArrayLike,
) -> Floats:
    """Return ``G_0`` at a drive current.

    A phenomenological curve: ``G_0[dB] = G_max[dB] (1 - exp(-(I - I_t) / I_s))``, unity at
    transparency, absorbing below it, saturating above as the upper states fill.

    Parameters
    ----------
    current_milliamps
        ``I``; the arguments broadcast.
    transparency_milliamps
        ``I_t``, where the gain is 1.
    scale_milliamps
        ``I_s``, over which the gain in decibels approaches its highest value.
    highest_gain_decibels
        ``G_max``.
    """
    excess = np.asarray(current_milliamps, np.float64) - np.asarray(
        transparency_milliamps, np.float64
    )
    rise = -np.expm1(-excess / np.asarray(scale_milliamps, np.float64))
    gain: Floats = np.power(10.0, 0.1 * np.asarray(highest_gain_decibels, np.float64) * rise)
    return gain


def current_for_gain(
    gain: npt.ArrayLike,
    transparency_milliamps: npt.ArrayLike,
    scale_milliamps: npt.ArrayLike,
    highest_gain_decibels: npt.ArrayLike,
) -> Floats:
    """Return the current in milliamps for a small-signal gain, inverse of the curve above.

    A gain at or above the highest one gives an infinite current: hold it to the drive limit.
    """
    decibels = 10.0 * np.log10(np.asarray(gain, np.float64))
    share = decibels / np.asarray(highest_gain_decibels, np.float64)
    scale = np.asarray(scale_milliamps, np.float64)
    reachable = share < 1.0
    filled = np.log1p(-np.where(reachable, share, 0.0))
    current: Floats = np.where(
        reachable, np.asarray(transparency_milliamps, np.float64) - scale * filled, np.inf
    )
    return current


def spontaneous_photons(gain: npt.ArrayLike, inversion_factor: float) -> Floats:
    """Return the photons of amplified spontaneous emission in one mode, ``n_sp (G - 1)``.

    Parameters
    ----------
    gain
        Power gain, any shape; below 1 nothing is emitted into the mode by this model.
    inversion_factor
        ``n_sp``, at least 1 (1 at full inversion).

    Raises
    ------
    SettingsError
        If ``n_sp`` is below 1: no amplifier is quieter than full inversion (C. M. Caves,
        Phys. Rev. D 26, 1817 (1982)).
    """
    if not inversion_factor >= 1.0:
        raise SettingsError(
            f"spontaneous-emission factor n_sp of {inversion_factor:g}; it is 1 at full inversion "
            "and larger below, typically 1.5 to 5"
        )
    photons: Floats = inversion_factor * np.maximum(np.asarray(gain, np.float64) - 1.0, 0.0)
    return photons


def quadrature_noise(gain: npt.ArrayLike, inversion_factor: float) -> Floats:
    """Return the rms that spontaneous emission adds to each quadrature of the field.

    The emission is a Gaussian field of random phase with ``n_sp (G - 1)`` photons in the mode,
    half of them in each quadrature: ``sqrt(n_sp (G - 1) / 2)``, in units where ``|E|^2`` counts
    photons. It adds to the vacuum's 1/4 of variance, which the detector's shot noise contains.
    """
    noise: Floats = np.sqrt(0.5 * spontaneous_photons(gain, inversion_factor))
    return noise
