"""Marks behind the samples of every exposure, by which a slip of frames shows at once.

Modulators and detectors step from shot to shot by their own counters. If one of them loses or
gains a trigger, every sample meets another one's light and nothing complains. So every sequence
ends with eight shots in which inputs and error injector each stand at one of two levels. The four
states this makes are shown twice, in an order that no shift of either leaves as it is.

Shots of the same state have to read the same but for noise, whatever weights and absorber do to
their light, whatever a detector's offset, and whatever reflection adds: nothing is compared with
what it ought to be. What differs by more than noise was not shown when it was read.

How large noise is, shots tell in which nothing changes at all: they read the same however far
something is out of step.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from instruments.exposure import Volts

FORWARD_MARKS = (1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, -1.0)
"""Level of inputs, and of what is re-emitted, in the shots behind the samples: high or low."""

BACKWARD_MARKS = (1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, -1.0)
"""Level of the error injector in these shots."""

MARKS = len(FORWARD_MARKS)

NOISE_SHOTS = 16
"""Shots in which nothing changes, by which noise is measured."""

LARGEST_NOISE = 2.5
"""How far shots of one state may differ, in units of the noise. Of Gaussian noise even three
detectors exceed it in one exposure of 100 000 only, and an exposure is no more than repeated."""

LARGEST_SHARE = 0.03
"""How far they may differ besides, as a share of what marks show: the laser's power wanders from
shot to shot, and detectors remember the shot before a little."""

Matrix = npt.NDArray[np.float64]


class MarksRead(NamedTuple):
    """What a bank read of marks, rms over its detectors, in volts.

    Attributes
    ----------
    difference
        Of shots of the same state from each other, as one standard deviation.
    contrast
        Of all shots from their mean.
    """

    difference: float
    contrast: float


def read_marks(marks: Volts, *, backward: bool) -> MarksRead:
    """Return how far marks ``[8, n]``, in volts, differ.

    Parameters
    ----------
    backward
        Whether the bank taps errors, which depend on inputs and injector, not on inputs alone.
    """
    volts = marks.astype(np.float64)
    remainder, freedom = _OF_ERRORS if backward else _OF_ACTIVATIONS
    left = remainder @ volts
    spread = volts - volts.mean(axis=0)
    neurons = volts.shape[1]
    return MarksRead(
        math.sqrt(float(np.vdot(left, left)) / (freedom * neurons)),
        math.sqrt(float(np.vdot(spread, spread)) / ((MARKS - 1) * neurons)),
    )


def in_step(marks: Volts, noise_volts: float, *, backward: bool) -> bool:
    """Return whether what a bank read behind the samples can be the marks.

    Parameters
    ----------
    marks
        ``[8, n]`` readings in volts; those of one state read the same when they are clipped, too.
    noise_volts
        rms noise of a shot, as ``noise_of`` finds it.
    backward
        Whether the bank taps errors, not activations.
    """
    read = read_marks(marks, backward=backward)
    return read.difference <= math.hypot(LARGEST_NOISE * noise_volts, LARGEST_SHARE * read.contrast)


def noise_of(steady: Volts, range_volts: float) -> float:
    """Return the rms noise in volts of ``steady [shots, n]``, in which nothing changed.

    Detectors at the edge of their range, ``range_volts``, show none and are left out. Where all of
    them are, noise may be anything: infinity.
    """
    inside = steady[:, np.abs(steady).max(axis=0) < range_volts].astype(np.float64)
    if not inside.size:
        return math.inf
    return math.sqrt(float(np.mean(inside.var(axis=0, ddof=1))))


def _remainder(states: npt.ArrayLike) -> tuple[Matrix, int]:
    """Return what takes the mean of each state away, ``[8, 8]``, and the degrees of freedom left.

    ``states`` is ``[8, k]``: the levels that a reading depends on, shot by shot.
    """
    levels = np.asarray(states, np.float64)
    alike = (levels[:, np.newaxis] == levels).all(axis=2)
    remainder = np.eye(MARKS) - alike / alike.sum(axis=1)
    return remainder, round(float(np.trace(remainder)))


_OF_ACTIVATIONS = _remainder(np.transpose([FORWARD_MARKS]))
_OF_ERRORS = _remainder(np.transpose([FORWARD_MARKS, BACKWARD_MARKS]))
