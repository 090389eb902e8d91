"""Marks behind the samples of every exposure, by which a slip of frames shows at once.

Modulators and detectors step from shot to shot by their own counters. If one of them loses or
gains a trigger, every sample meets another one's light and nothing complains. So every sequence
ends with four shots that are known: all dark; inputs and injector bright; inputs alone; all dark.
Read in any other order they tell that something is out of step, in the exposure in which it
happens.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instruments.exposure import Volts

FORWARD_MARKS = (0.0, 1.0, 1.0, 0.0)
"""Brightness of inputs, and of what is re-emitted, in the shots behind the samples."""

BACKWARD_MARKS = (0.0, 1.0, 0.0, 0.0)
"""Brightness of the error injector in these shots."""

MARKS = len(FORWARD_MARKS)

LEAST_CONTRAST = 0.003
"""Share of a detector's range that marks must show to be told from darkness."""

LEAST_NOISE_RATIO = 10.0
"""Noise of readings that marks must exceed so many times to be told from darkness."""

LARGEST_MISMATCH = 0.25
"""How far the dark marks may differ, as a share of what the brightest one shows."""

LEAST_RATIO = 0.3
"""Least of what either bright mark shows of the other's light, at taps of activations."""

LARGEST_RATIO = 1.6
"""Taps of errors see the pump's reflection in both bright marks and the probe in the first; where
the second is brighter by this, the probe came late."""

Pattern = npt.NDArray[np.float64]


def in_step(marks: Volts, range_volts: float, *, backward: bool, noise_volts: float = 0.0) -> bool:
    """Return whether what a bank read behind the samples can be the marks.

    Parameters
    ----------
    marks
        ``[4, n]`` readings in volts.
    range_volts
        Full scale of the detectors. Marks that are lost in darkness decide nothing: a new
        network may send no light to a bank.
    backward
        Whether the bank taps errors, not activations.
    noise_volts
        rms noise of a reading, where it is not small beside ``LEAST_CONTRAST``.
    """
    if float(np.abs(marks).max()) >= range_volts:
        # Clipped readings say nothing of how bright it was.
        return True
    before, both, inputs, after = marks.astype(np.float64)
    dark = 0.5 * (before + after)
    first, second, mismatch = _rms(both - dark), _rms(inputs - dark), _rms(before - after)
    brightest = max(first, second)
    least = max(LEAST_CONTRAST * range_volts, LEAST_NOISE_RATIO * noise_volts)
    if max(brightest, mismatch) < least:
        return True
    if mismatch > LARGEST_MISMATCH * brightest:
        return False
    if backward:
        return second < LARGEST_RATIO * first
    return min(first, second) > LEAST_RATIO * brightest


def _rms(values: Pattern) -> float:
    return float(np.sqrt(np.mean(values * values)))
