"""How long a run will take yet, with a spread, from its latest steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

STEPS_LOOKED_AT = 200
EPOCHS_LOOKED_AT = 3
PARTS = 10
FEWEST_STEPS = 20


class TimeLeft(NamedTuple):
    """Seconds until the end, and half of what the middle half of the pace spreads over."""

    seconds: float
    spread: float

    def __str__(self) -> str:
        if self.seconds < 90:
            return f"{self.seconds:.0f} ± {max(self.spread, 1):.0f} s"
        if self.seconds < 5400:
            return f"{self.seconds / 60:.0f} ± {max(self.spread / 60, 1):.0f} min"
        hours, minutes = divmod(round(self.seconds / 60), 60)
        return f"{hours} h {minutes:02d} min ± {max(self.spread / 60, 1):.0f} min"


def time_left(
    seconds: npt.NDArray[np.float64], steps_to_go: int, steps_in_epoch: int = 0
) -> TimeLeft | None:
    """Return the time that is left, or ``None`` while nothing sensible can be said.

    Parameters
    ----------
    seconds
        Time at the end of each step so far, ``[n]``; pauses are not counted in it.
    steps_to_go
        Steps yet to come.
    steps_in_epoch
        Between two steps there is a validation once in so many; 0 if that is not known.

    The mean pace of the latest steps, whole epochs of them where there were any, because what
    happens between the steps takes its time too. The spread is that of the pace from one tenth of
    them to the next.
    """
    done = len(seconds) - 1
    if done < FEWEST_STEPS or steps_to_go < 0:
        return None
    looked_at = min(max(STEPS_LOOKED_AT, EPOCHS_LOOKED_AT * steps_in_epoch), done)
    if 0 < steps_in_epoch <= looked_at:
        looked_at -= looked_at % steps_in_epoch
    marks = np.linspace(done - looked_at, done, PARTS + 1).round().astype(int)
    pace = np.diff(seconds[marks]) / np.diff(marks)
    if not (np.isfinite(pace).all() and (pace >= 0).all()):
        return None
    lower, upper = np.percentile(pace, (25, 75))
    mean = (seconds[done] - seconds[done - looked_at]) / looked_at
    return TimeLeft(float(mean * steps_to_go), float((upper - lower) / 2 * steps_to_go))
