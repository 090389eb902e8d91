r"""Amplitude, sign and phase from mirrors that are either on or off.

An ``n x n`` block has ``n^2 + 1`` levels of amplitude. A sign comes from dual rail (two blocks,
subtracted), a phase from a Lee hologram: stripes of duty ``w`` whose position carries the phase,

.. math:: c_1 = \frac{1}{\pi} \sin(\pi w)\, e^{2\pi i s},

with ``s`` the shift in periods (W.-H. Lee, Prog. Opt. 16, 119 (1978)).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim_backends.optics.domain import within

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Counts = npt.NDArray[np.intp]


def mirrors_on(amplitude: npt.ArrayLike, block_side: int) -> Counts:
    """Return how many mirrors of an ``n x n`` block to turn on for an amplitude in ``[0, 1]``.

    Raises
    ------
    SettingsError
        If an amplitude is outside ``[0, 1]`` or not a number.
    """
    amplitudes = within(amplitude, 0.0, 1.0, "mirror-block amplitude")
    counts: Counts = np.rint(amplitudes * block_side**2).astype(np.intp)
    return counts


def block_amplitude(mirrors: npt.ArrayLike, block_side: int) -> Floats:
    """Return the amplitude, mirrors on over ``n^2``: the mean field over the block."""
    amplitude: Floats = np.asarray(mirrors, np.float64) / block_side**2
    return amplitude


def rms_amplitude_error(block_side: int) -> float:
    """Return ``1 / (n^2 sqrt(12))``, the rms rounding error of evenly spread amplitudes."""
    return float(1.0 / (block_side**2 * np.sqrt(12.0)))


def dual_rail(signed: npt.ArrayLike, block_side: int) -> tuple[Counts, Counts]:
    """Return the mirrors on in the positive and in the negative block, one of them dark.

    Parameters
    ----------
    signed
        Values in ``[-1, 1]``, any shape.
    block_side
        ``n``.

    Raises
    ------
    SettingsError
        If a value is outside ``[-1, 1]`` or not a number.
    """
    values = within(signed, -1.0, 1.0, "dual-rail amplitude")
    positive = mirrors_on(np.maximum(values, 0.0), block_side)
    negative = mirrors_on(np.maximum(-values, 0.0), block_side)
    return positive, negative


def dual_rail_amplitude(
    positive: npt.ArrayLike, negative: npt.ArrayLike, block_side: int
) -> Floats:
    """Return the signed value of a pair of blocks: their amplitudes' difference."""
    difference: Floats = block_amplitude(positive, block_side) - block_amplitude(
        negative, block_side
    )
    return difference


def lee_first_order(duty: npt.ArrayLike, shift: npt.ArrayLike) -> Complexes:
    """Return the first order of a Lee hologram, ``sin(pi w)/pi exp(2 pi i s)``.

    Parameters
    ----------
    duty
        ``w``, share of the period that is on, in ``[0, 1]``.
    shift
        ``s``, the stripes' centre in periods, counted against the direction in which the first
        order's own phase ``-2 pi x`` falls: a stripe centred at ``x = -s``.
    """
    stripe = np.sin(np.pi * np.asarray(duty, np.float64)) / np.pi
    turned = stripe * np.exp(2j * np.pi * np.asarray(shift, np.float64))
    return np.asarray(turned, np.complex128)


def lee_stripes(field: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return duty and shift that give a complex field, 1 being all a hologram can give.

    Full scale is ``1/pi`` of the incident field (10.1 % of its power).

    Parameters
    ----------
    field
        Complex or signed real, ``|field| <= 1``, any shape.

    Returns
    -------
    duty, shift
        ``w = arcsin(|field|)/pi`` in ``[0, 1/2]``, and ``s = arg(field)/(2 pi)``.

    Raises
    ------
    SettingsError
        If a modulus is above 1 or not a number.
    """
    fields = np.asarray(field, np.complex128)
    modulus = within(np.abs(fields), 0.0, 1.0, "Lee-hologram amplitude")
    duty: Floats = np.arcsin(modulus) / np.pi
    shift: Floats = np.angle(fields) / (2.0 * np.pi)
    return duty, shift
