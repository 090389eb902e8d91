r"""Balanced homodyne detection of a signed field, in photon units.

A field ``E`` with ``|E|^2 = n_s`` photons in the window meets a local oscillator (LO) of
``n_LO`` photons on a beam splitter. With quantum efficiency ``eta``, visibility ``V`` and a
phase ``phi`` between them, the two diodes count ``(eta/2)(n_LO + n_s +- 2 V sqrt(n_LO) Re(E
e^{-i phi}))`` photoelectrons, so their difference has

.. math::
    \langle N_- \rangle &= 2 \eta V \sqrt{n_{LO}}\, \mathrm{Re}(E e^{-i\varphi}) \\
    \mathrm{var} N_- &= \eta (n_{LO} + n_s) + n_e^2 + (\eta\, n_{LO}\, r\, \kappa)^2

with the electronic noise ``n_e`` (electrons rms) and the LO's relative intensity noise ``r``,
of which the subtraction leaves the share ``kappa`` (common-mode rejection as a field ratio).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.constants import c, elementary_charge, h

Floats = npt.NDArray[np.float64]


def photons(
    power_watts: npt.ArrayLike, window_seconds: npt.ArrayLike, wavelength_metres: float
) -> Floats:
    """Return the photons ``P T lambda / (h c)`` that pass in a window."""
    energy = np.asarray(power_watts, np.float64) * np.asarray(window_seconds, np.float64)
    count: Floats = energy * (wavelength_metres / (h * c))
    return count


def mean_difference(
    field: npt.ArrayLike,
    reference_photons: npt.ArrayLike,
    efficiency: npt.ArrayLike,
    visibility: npt.ArrayLike = 1.0,
    phase_radians: npt.ArrayLike = 0.0,
) -> Floats:
    """Return the mean difference of photoelectrons.

    Parameters
    ----------
    field
        Signed or complex, in root photons; the arguments broadcast.
    reference_photons
        ``n_LO`` in the window.
    efficiency, visibility
        ``eta`` and ``V``, each in ``(0, 1]``.
    phase_radians
        ``phi``, the phase of the LO relative to the real axis of the field.
    """
    turned = np.asarray(field) * np.exp(-1j * np.asarray(phase_radians, np.float64))
    scale = _scale(reference_photons, efficiency, visibility)
    difference: Floats = scale * np.real(turned)
    return difference


def _scale(
    reference_photons: npt.ArrayLike, efficiency: npt.ArrayLike, visibility: npt.ArrayLike
) -> Floats:
    """Return ``2 eta V sqrt(n_LO)``, photoelectrons per root photon of signal."""
    amplitude = np.sqrt(np.asarray(reference_photons, np.float64))
    scale: Floats = 2.0 * np.asarray(efficiency) * np.asarray(visibility) * amplitude
    return scale


def difference_variance(
    signal_photons: npt.ArrayLike,
    reference_photons: npt.ArrayLike,
    efficiency: npt.ArrayLike,
    electronic_noise: npt.ArrayLike = 0.0,
    intensity_noise: npt.ArrayLike = 0.0,
    common_mode_residual: npt.ArrayLike = 0.0,
) -> Floats:
    """Return the variance of the difference of photoelectrons.

    Parameters
    ----------
    signal_photons, reference_photons
        ``n_s`` and ``n_LO`` in the window; the arguments broadcast.
    efficiency
        ``eta``.
    electronic_noise
        ``n_e``, electrons rms in the window.
    intensity_noise
        ``r``, relative rms of the LO's power from window to window.
    common_mode_residual
        ``kappa``: 0 for perfect subtraction, 1 for a single diode. A rejection quoted in
        decibels of electrical power is ``kappa = 10^(-CMRR/20)``.
    """
    total = np.asarray(signal_photons, np.float64) + np.asarray(reference_photons, np.float64)
    eta = np.asarray(efficiency, np.float64)
    excess = (
        eta
        * np.asarray(reference_photons, np.float64)
        * np.asarray(intensity_noise, np.float64)
        * np.asarray(common_mode_residual, np.float64)
    )
    variance: Floats = eta * total + np.square(electronic_noise) + excess**2
    return variance


def field_estimate(
    difference: npt.ArrayLike,
    reference_photons: npt.ArrayLike,
    efficiency: npt.ArrayLike,
    visibility: npt.ArrayLike = 1.0,
) -> Floats:
    """Return the estimate of the field in root photons, ``N_- / (2 eta V sqrt(n_LO))``.

    It takes the phase to be zero: a phase ``phi`` makes it small by ``cos(phi)``, and turns the
    sign beyond a quarter turn.
    """
    scale = _scale(reference_photons, efficiency, visibility)
    estimate: Floats = np.asarray(difference, np.float64) / scale
    return estimate


def field_noise(
    signal_photons: npt.ArrayLike,
    reference_photons: npt.ArrayLike,
    efficiency: npt.ArrayLike,
    visibility: npt.ArrayLike = 1.0,
    electronic_noise: npt.ArrayLike = 0.0,
) -> Floats:
    """Return the rms of the estimate in root photons.

    ``sigma_E = sqrt(1 + n_s/n_LO + n_e^2/(eta n_LO)) / (2 sqrt(eta) V)``: half a root photon for
    a perfect detector, the vacuum's own.
    """
    reference = np.asarray(reference_photons, np.float64)
    eta = np.asarray(efficiency, np.float64)
    signal = np.asarray(signal_photons, np.float64) / reference
    bracket = 1.0 + signal + np.square(electronic_noise) / (eta * reference)
    noise: Floats = np.sqrt(bracket / eta) / (2.0 * np.asarray(visibility, np.float64))
    return noise


def shot_limited_relative_error(signal_photons: npt.ArrayLike, efficiency: npt.ArrayLike) -> Floats:
    """Return ``sigma_E / E = 1 / (2 sqrt(eta n_s))`` with a strong LO and no other noise."""
    detected = np.asarray(efficiency, np.float64) * np.asarray(signal_photons, np.float64)
    error: Floats = 0.5 / np.sqrt(detected)
    return error


def electronic_noise_electrons(
    amps_per_root_hertz: npt.ArrayLike, window_seconds: npt.ArrayLike
) -> Floats:
    """Return the rms electrons that a white current noise leaves in a window.

    Integrating a one-sided density ``i_n`` over ``T`` gives a charge of rms ``i_n sqrt(T/2)``.
    """
    charge = np.asarray(amps_per_root_hertz, np.float64) * np.sqrt(
        0.5 * np.asarray(window_seconds, np.float64)
    )
    electrons: Floats = charge / elementary_charge
    return electrons


def clearance_decibels(
    reference_watts: npt.ArrayLike,
    responsivity_amps_per_watt: float,
    amps_per_root_hertz: npt.ArrayLike,
) -> Floats:
    """Return how far the LO's shot noise stands above the amplifier's current noise.

    ``20 log10(sqrt(2 e R P) / i_n)``, with ``P`` on both diodes together.
    """
    shot = np.sqrt(
        2.0
        * elementary_charge
        * responsivity_amps_per_watt
        * np.asarray(reference_watts, np.float64)
    )
    clearance: Floats = 20.0 * np.log10(shot / np.asarray(amps_per_root_hertz, np.float64))
    return clearance
