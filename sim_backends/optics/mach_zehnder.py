r"""A push-pull Mach-Zehnder modulator biased at null gives signed real fields.

The arms carry opposite phases ``+-theta``, ``theta = pi V / (2 V_pi) + b``, with field shares
``(1 + gamma)/2`` and ``(1 - gamma)/2``; taking the output port where they cancel at
``theta = 0`` and calling its carrier real,

.. math:: E = E_{in} (\sin\theta - i \gamma \cos\theta).

What is left of the light at null, the finite extinction ``ER = 1/gamma^2`` (power), is thus in
*quadrature* to the signal: a homodyne tap does not see it, but everything that answers to power
(the absorber, an amplifier, a photodiode) does, and no bias removes it. Leakage in phase with
the signal has two other sources: an error of the bias ``b`` (re-null it), and light that goes
around the interferometer, a constant ``bypass`` field of any phase.

Chirp from unequal drive of the two arms is not modelled.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim_backends.optics.domain import within

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]


def leakage_amplitude(extinction_decibels: npt.ArrayLike) -> Floats:
    """Return ``gamma = 10^(-ER/20)``, the field at null over the field at full transmission."""
    leakage: Floats = np.power(10.0, np.asarray(extinction_decibels, np.float64) / -20.0)
    return leakage


def _angle(
    voltage: npt.ArrayLike, half_wave_voltage: npt.ArrayLike, bias_radians: npt.ArrayLike
) -> Floats:
    drive = np.asarray(voltage, np.float64) / np.asarray(half_wave_voltage, np.float64)
    angle: Floats = 0.5 * np.pi * drive + np.asarray(bias_radians, np.float64)
    return angle


def field(
    voltage: npt.ArrayLike,
    half_wave_voltage: npt.ArrayLike,
    bias_radians: npt.ArrayLike = 0.0,
    extinction_decibels: npt.ArrayLike = np.inf,
    bypass: npt.ArrayLike = 0.0,
) -> Complexes:
    """Return the output field over the input field, both quadratures.

    Parameters
    ----------
    voltage
        Drive in volts, any shape; the other arguments broadcast against it.
    half_wave_voltage
        ``V_pi``: the change in volts that takes the power from null to full transmission.
    bias_radians
        ``b``, the distance of the operating point from null.
    extinction_decibels
        Power ratio of full transmission to null; infinite for equal arms.
    bypass
        Field (complex) that goes around the interferometer.
    """
    angle = _angle(voltage, half_wave_voltage, bias_radians)
    quadrature = leakage_amplitude(extinction_decibels) * np.cos(angle)
    output: Complexes = np.sin(angle) - 1j * quadrature + np.asarray(bypass)
    return output


def in_phase_field(
    voltage: npt.ArrayLike,
    half_wave_voltage: npt.ArrayLike,
    bias_radians: npt.ArrayLike = 0.0,
    bypass: npt.ArrayLike = 0.0,
) -> Floats:
    """Return the real part of :func:`field`: what a reference in phase with the signal sees."""
    output: Floats = np.sin(_angle(voltage, half_wave_voltage, bias_radians)) + np.real(bypass)
    return output


def voltage_for_field(
    wanted: npt.ArrayLike,
    half_wave_voltage: npt.ArrayLike,
    bias_radians: npt.ArrayLike = 0.0,
    bypass: npt.ArrayLike = 0.0,
) -> Floats:
    """Return the drive in volts for an in-phase field, on the rising branch through null.

    Parameters
    ----------
    wanted
        Field over input field; ``wanted - Re(bypass)`` has to lie in ``[-1, 1]``.
    half_wave_voltage, bias_radians, bypass
        As in :func:`field`.

    Raises
    ------
    SettingsError
        If more field is asked for than the modulator passes.
    """
    sine = within(np.asarray(wanted, np.float64) - np.real(bypass), -1.0, 1.0, "modulator field")
    angle = np.arcsin(sine) - np.asarray(bias_radians, np.float64)
    voltage: Floats = 2.0 / np.pi * np.asarray(half_wave_voltage, np.float64) * angle
    return voltage
