"""The plane of a layer's neurons: light crosses a medium there, and taps read it on both sides.

All of it happens neuron by neuron, so that it is one compiled step instead of one for the medium
and one for every bank of taps.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from instruments.shared_loops import SharedLoop, rows_of
from sim_backends.twin.elementary_functions import exponential
from sim_backends.twin.noise import NOWHERE, NoiseStream
from sim_backends.twin.readout import Digitiser, digitise_rows, noise_rows, read_rows, units_of_bank

Floats = npt.NDArray[np.float32]
Field = Floats
"""Complex fields as ``[2, B, n]``, real parts before imaginary ones; ``[1, B, n]`` if real."""


class Tap(Protocol):
    """A bank of taps as it is during an exposure."""

    @property
    def response(self) -> Floats:
        """``[5, n]``: volts per real and per imaginary unit of field at zero phase of the bank.

        Then the offset in volts, real and imaginary part of the reflection.
        """

    @property
    def noise_variance(self) -> Floats:
        """``[2, n]``: variance in square volts without signal light, and per unit of its power.

        The second is shot noise of a signal that is not small beside the reference.
        """

    @property
    def phase_radians(self) -> float:
        """Phase of the whole bank's reference."""

    @property
    def digitiser(self) -> Digitiser:
        """The converter behind it."""

    @property
    def reflects(self) -> bool:
        """Whether light going the other way is reflected into it."""


class Medium(NamedTuple):
    """What light crosses.

    Attributes
    ----------
    depth
        ``[n]`` optical depth.
    power
        ``[B, n]`` that saturates it, in units of the saturation power.
    saturates
        Whether the power of the light itself comes on top of that.
    """

    depth: Floats
    power: Floats
    saturates: bool


_NO_MEDIUM = Medium(np.zeros(0, np.float32), np.zeros((0, 0), np.float32), False)
_NO_READINGS = np.zeros((0, 0), np.float32)
# In place of a bank: response, variance, its phase, range and step, readings.
_NO_TAP = (_NO_READINGS, _NO_READINGS, 0.0, 0.0, 0.0, _NO_READINGS)


def cross(
    light: Field,
    behind: Field,
    noise: NoiseStream,
    *,
    medium: Medium | None = None,
    before: Tap | None = None,
    after: Tap | None = None,
    pump: Field | None = None,
) -> tuple[Floats | None, Floats | None]:
    """Let light cross a medium; return the volts ``[B, n]`` of taps before and behind it.

    Parameters
    ----------
    light
        What crosses, either way.
    behind
        Written, of the shape of ``light``; where there is no medium, what the taps behind see.
    before, after
        Taps that read ``light`` and ``behind``.
    pump
        Light going the other way, of which a part is reflected into the taps behind.
    """
    _, shots, neurons = light.shape
    if medium is None:
        medium = _NO_MEDIUM
    read = (before is not None) + (after is not None)
    if not read and not medium.depth.size:
        return None, None
    pairs = (shots + 1) // 2 * neurons
    one, other = _set_up(before, shots), _set_up(after, shots)
    _cross(
        (1 + 2 * read) * shots * neurons,
        light,
        behind,
        *medium,
        light if pump is None else pump,
        0 if pump is None or after is None or not after.reflects else len(pump),
        *one,
        *other,
        pairs if before is not None else 0,
        *noise.take(read * pairs),
    )
    return None if before is None else one[-1], None if after is None else other[-1]


def absorb(light: Field, behind: Field, medium: Medium) -> None:
    """Write into ``behind`` what is left of light behind a medium."""
    _cross(light.size, light, behind, *medium, light, 0, *_NO_TAP, *_NO_TAP, 0, *NOWHERE)


def read(light: Field, pump: Field | None, tap: Tap, noise: NoiseStream) -> Floats:
    """Return the volts ``[B, n]`` that a tap makes of light, and of the pump it reflects."""
    _, volts = cross(light, light, noise, after=tap, pump=pump)
    assert volts is not None
    return volts


def _set_up(tap: Tap | None, shots: int) -> tuple[Floats, Floats, float, float, float, Floats]:
    if tap is None:
        return _NO_TAP
    response, digitiser = tap.response, tap.digitiser
    return (
        response,
        tap.noise_variance,
        tap.phase_radians,
        digitiser.full_scale,
        digitiser.step,
        np.empty((shots, response.shape[1]), np.float32),
    )


@SharedLoop
def _cross(
    shares: int,
    light: Floats,
    behind: Floats,
    depth: Floats,
    power: Floats,
    saturates: bool,
    pump: Floats,
    reflected_parts: int,
    response_before: Floats,
    variance_before: Floats,
    phase_before: float,
    range_before: float,
    step_before: float,
    volts_before: Floats,
    response_after: Floats,
    variance_after: Floats,
    phase_after: float,
    range_after: float,
    step_after: float,
    volts_after: Floats,
    pairs_before: int,
    start: int,
    key: np.uint32,
    other_key: np.uint32,
) -> None:
    shots = light.shape[1]
    units_before = units_of_bank(response_before, phase_before)
    units_after = units_of_bank(response_after, phase_after)
    for share in prange(shares):
        # A pair of deviates serves two shots, so shots go to shares in pairs.
        first_pair, last_pair = rows_of(share, shares, (shots + 1) // 2)
        first, last = 2 * first_pair, min(2 * last_pair, shots)
        if depth.size:
            absorb_rows(first, last, light, power, saturates, depth, behind)
        for tap in range(2):
            seen, volts = (light, volts_before) if tap == 0 else (behind, volts_after)
            if not len(volts):
                continue
            units = units_before if tap == 0 else units_after
            variance = variance_before if tap == 0 else variance_after
            parts = 0 if tap == 0 else reflected_parts
            place = start if tap == 0 else start + pairs_before
            full_scale, step = (
                (range_before, step_before) if tap == 0 else (range_after, step_after)
            )
            read_rows(first, last, seen, pump, parts, units, volts)
            noise_rows(first_pair, last_pair, seen[0], variance, place, key, other_key, volts)
            digitise_rows(first, last, full_scale, step, volts)


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def absorb_rows(
    first: int,
    last: int,
    light: Floats,
    power: Floats,
    saturates: bool,
    depth: Floats,
    behind: Floats,
) -> None:
    """Multiply light by ``exp(-(depth / 2) / (1 + power))``, Eq. 4 of arXiv:1912.12256.

    ``saturates`` says whether the power of ``light`` itself comes on top of ``power``.
    """
    parts, _, neurons = light.shape
    share = np.empty(neurons, np.float32)
    for shot in range(first, last):
        for j in range(neurons):
            share[j] = np.float32(1) + power[shot, j]
        if saturates:
            for part in range(parts):
                row = light[part, shot]
                for j in range(neurons):
                    share[j] += row[j] * row[j]
        for j in range(neurons):
            share[j] = exponential(np.float32(-0.5) * depth[j] / share[j])
        for part in range(parts):
            row, passed = light[part, shot], behind[part, shot]
            for j in range(neurons):
                passed[j] = row[j] * share[j]
