"""Marks behind the samples of every exposure, by which a slip of frames shows at once.

Modulators and detectors step from shot to shot by their own counters. If one of them loses or
gains a trigger, every sample meets another one's light and nothing complains. So every sequence
ends with three shots that are known: dark, bright, dark. Read in any other order they tell that
something is out of step, in the exposure in which it happens.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instruments.exposure import Volts

Pattern = npt.NDArray[np.float64]

MARKS = (0.0, 1.0, 0.0)
"""Brightness of the shots behind the samples."""

LEAST_CONTRAST = 0.01
"""Share of a detector's range that marks must show to be told from darkness."""

LARGEST_MISMATCH = 0.25
"""How far the dark marks may differ, as a share of the contrast between bright and dark."""

LEAST_LIKENESS = 0.5
"""How much of the pattern seen at the same place before a bright mark has to show."""

LARGE_CHANGE = 0.3
"""Change of a matrix, relative to its largest weight, behind which marks may look like anything."""


class ShotMarks:
    """Reads the marks of the banks of one bench.

    Remembers what the bright mark looked like at each place of the light path the last time. From
    batch to batch weights change little, and so does the mark; where it is another at once, the
    light of one emitter missed that of another.
    """

    def __init__(self) -> None:
        self._patterns: dict[tuple[str, str], Pattern] = {}

    def forget(self) -> None:
        """Forget what marks looked like: quite other weights are shown now."""
        self._patterns.clear()

    def in_step(self, bank: str, place: str, marks: Volts, range_volts: float) -> bool:
        """Return whether what a bank read behind the samples can be the marks.

        Parameters
        ----------
        bank, place
            Which detectors, and which weights or absorber light passed before it reached them.
        marks
            ``[3, n]`` readings in volts.
        range_volts
            Full scale of the detectors. Marks that are lost in darkness decide nothing.
        """
        before, bright, after = marks.astype(np.float64)
        pattern = bright - 0.5 * (before + after)
        known = self._patterns.get((bank, place))
        if known is not None and pattern @ known < LEAST_LIKENESS * (known @ known):
            return False
        contrast, least = _rms(pattern), LEAST_CONTRAST * range_volts
        if contrast < least:
            return _rms(before - after) < least
        if _rms(before - after) > LARGEST_MISMATCH * contrast:
            return False
        self._patterns[bank, place] = pattern
        return True


def _rms(values: Pattern) -> float:
    return float(np.sqrt(np.mean(values * values)))
