"""The liquid-crystal layer of a phase modulator: grey level to phase, in space and time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import convolve1d
from scipy.special import j0

from instruments.errors import SettingsError

Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[np.intp]


def grey_to_phase(
    grey: npt.ArrayLike, levels: int, stroke_radians: float, bow: float = 0.0, twist: float = 0.0
) -> Floats:
    """Return the phase a pixel adds at a grey level.

    ``phi = stroke (v + bow sin(pi v) + twist sin(2 pi v))`` with ``v = grey / levels``: a
    monotone curve fixed at both ends, whose deviation from the straight line is a bow (an even
    part, greatest at mid-scale) and a twist (an odd part, greatest at the quarters).

    Parameters
    ----------
    grey
        Grey levels, any shape; fractions are allowed (a settling pixel).
    levels
        ``2^bits``; a grey level of ``levels``, one past the last, would give the full stroke.
    stroke_radians
        2 pi for a panel set up for its wavelength.
    bow, twist
        Peak deviations as fractions of the stroke.

    Raises
    ------
    SettingsError
        If the curve would not rise everywhere (``pi |bow| + 2 pi |twist| >= 1``).
    """
    if np.pi * abs(bow) + 2.0 * np.pi * abs(twist) >= 1.0:
        raise SettingsError(
            f"phase curve with bow {bow:g} and twist {twist:g} does not rise everywhere; keep "
            "pi |bow| + 2 pi |twist| below 1"
        )
    drive = np.asarray(grey, np.float64) / levels
    bend = bow * np.sin(np.pi * drive) + twist * np.sin(2.0 * np.pi * drive)
    phase: Floats = stroke_radians * (drive + bend)
    return phase


def nearest_grey(phase: npt.ArrayLike, curve_radians: npt.ArrayLike) -> Levels:
    """Return the grey level whose phase is nearest on the circle (ties take the higher).

    Parameters
    ----------
    phase
        Wanted phases in radians, any shape, any number of turns.
    curve_radians
        ``[levels]`` rising phases, the look-up table of the panel or of one region of it.

    Returns
    -------
    numpy.ndarray
        Integers in ``[0, levels)``, the shape of ``phase``.
    """
    curve = np.asarray(curve_radians, np.float64)
    turn = 2.0 * np.pi
    wrapped = np.mod(np.asarray(phase, np.float64) - curve[0], turn) + curve[0]
    # One turn above the darkest level is that level again: what lies above the brightest level
    # falls to whichever of the two is nearer. Levels beyond one turn repeat and are not needed.
    ladder = np.append(curve[curve < curve[0] + turn], curve[0] + turn)
    chosen = np.searchsorted(0.5 * (ladder[1:] + ladder[:-1]), wrapped, side="right")
    return np.where(chosen == ladder.size - 1, 0, chosen)


def settled(
    start: npt.ArrayLike,
    target: npt.ArrayLike,
    elapsed_seconds: npt.ArrayLike,
    time_constant_seconds: float,
) -> Floats:
    """Return ``target + (start - target) exp(-t / tau)``, the first-order response of the layer.

    Use it on phase. Rise and fall differ on real panels: give each its own time constant.
    """
    remaining = np.exp(-np.asarray(elapsed_seconds, np.float64) / time_constant_seconds)
    origin = np.asarray(start, np.float64)
    goal = np.asarray(target, np.float64)
    value: Floats = goal + (origin - goal) * remaining
    return value


def settling_seconds(time_constant_seconds: float, remaining_fraction: float) -> float:
    """Return how long to wait until ``remaining_fraction`` of a step is left."""
    return float(-time_constant_seconds * np.log(remaining_fraction))


def fringing_kernel(fringe_pixels: float, block_pixels: int, reach: int = 2) -> Floats:
    """Return how the fringing field mixes neighbouring blocks along one axis.

    The electric field of one pixel spreads into its neighbours. With the spread modelled by
    ``exp(-|x|/d) / (2 d)``, the mean over a block of ``B`` pixels takes a share of the blocks
    ``k`` away of (integrated in closed form)::

        1 - (d/B) (1 - e^{-B/d})                          k = 0
        (d / 2B) (1 - e^{-B/d})^2 e^{-(|k|-1) B/d}        k = +-1, +-2, ...

    Parameters
    ----------
    fringe_pixels
        ``d`` in pixels; 0 for none.
    block_pixels
        ``B``; 1 gives the kernel between single pixels.
    reach
        Neighbours kept on each side.

    Returns
    -------
    numpy.ndarray
        ``[2 reach + 1]``, symmetric, normalised to 1 so that a uniform frame stays as it is.
    """
    kernel = np.zeros(2 * reach + 1)
    if fringe_pixels <= 0.0:
        kernel[reach] = 1.0
        return kernel
    ratio = fringe_pixels / block_pixels
    steps = np.arange(1, reach + 1)
    neighbours = 0.5 * ratio * np.expm1(-1.0 / ratio) ** 2 * np.exp(-(steps - 1) / ratio)
    kernel[reach] = 1.0 + ratio * np.expm1(-1.0 / ratio)
    kernel[reach + 1 :] = neighbours
    kernel[:reach] = neighbours[::-1]
    normalised: Floats = kernel / kernel.sum()
    return normalised


def cross_talk(values: Floats, row_kernel: Floats, column_kernel: Floats) -> Floats:
    """Mix neighbours on a grid of blocks (or pixels) along both axes.

    Parameters
    ----------
    values
        ``[..., rows, columns]`` phases in radians as driven (not wrapped).
    row_kernel, column_kernel
        Kernels of odd length along the rows' index and the columns' index, each summing to 1.
        Beyond the edge the last block is repeated.
    """
    mixed = convolve1d(np.asarray(values, np.float64), row_kernel, axis=-2, mode="nearest")
    result: Floats = convolve1d(mixed, column_kernel, axis=-1, mode="nearest")
    return result


def flicker_radians(
    time_seconds: npt.ArrayLike,
    frequency_hertz: float,
    rms_radians: float,
    start_phase_radians: float = 0.0,
) -> Floats:
    """Return the ripple that the drive's refresh leaves on the phase: a sine of given rms."""
    angle = 2.0 * np.pi * frequency_hertz * np.asarray(time_seconds, np.float64)
    ripple: Floats = np.sqrt(2.0) * rms_radians * np.sin(angle + start_phase_radians)
    return ripple


def flicker_contrast(rms_radians: npt.ArrayLike) -> Floats:
    """Return ``J0(sqrt(2) rms)``: the mean field over whole ripples, relative to no flicker."""
    contrast: Floats = j0(np.sqrt(2.0) * np.asarray(rms_radians, np.float64))
    return contrast
