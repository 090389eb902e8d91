"""How long a run will take yet, with a spread, from its latest steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

STEPS_LOOKED_AT = 200
FEWEST_STEPS = 20


class TimeLeft(NamedTuple):
    """Seconds until the end, and half of what the middle half of the steps spreads over."""

    seconds: float
    spread: float

    def __str__(self) -> str:
        if self.seconds < 90:
            return f"{self.seconds:.0f} ± {max(self.spread, 1):.0f} s"
        if self.seconds < 5400:
            return f"{self.seconds / 60:.0f} ± {max(self.spread / 60, 1):.0f} min"
        hours, minutes = divmod(round(self.seconds / 60), 60)
        return f"{hours} h {minutes:02d} min ± {max(self.spread / 60, 1):.0f} min"


def time_left(seconds: npt.NDArray[np.float64], steps_to_go: int) -> TimeLeft | None:
    """Return the time that is left, or ``None`` while nothing sensible can be said.

    Parameters
    ----------
    seconds
        Time at the end of each step so far, ``[n]``; pauses are not counted in it.
    steps_to_go
        Steps yet to come.

    The median step keeps validation and checkpoints between steps from counting as if they came
    at every one; the mean of the middle of the steps would be no better.
    """
    steps = np.diff(seconds[-STEPS_LOOKED_AT - 1 :])
    steps = steps[np.isfinite(steps) & (steps >= 0)]
    if len(steps) < FEWEST_STEPS or steps_to_go < 0:
        return None
    lower, middle, upper = np.percentile(steps, (25, 50, 75))
    return TimeLeft(float(middle * steps_to_go), float((upper - lower) / 2 * steps_to_go))
