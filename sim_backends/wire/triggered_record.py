"""A record that a digitiser takes by its own clock from the first trigger on."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_ROUNDING = 1e-6


class TriggeredRecord:
    """What was seen, shot by shot, and how it looks sample by sample.

    In each shot the light settles and then stands still for the window at its end; what is sampled
    before that is still the shot before.

    Parameters
    ----------
    window_seconds
        For how long at the end of each shot readings stand still.
    """

    def __init__(self, window_seconds: float) -> None:
        self._window_seconds = window_seconds
        self._parts: list[tuple[float, float, Floats]] = []

    @property
    def began(self) -> float | None:
        """When the first trigger came."""
        return self._parts[0][0] if self._parts else None

    def clear(self) -> None:
        """Forget it."""
        self._parts.clear()

    def add(self, volts: Floats, begin: float, period: float) -> None:
        """Take the shots of one firing, ``[shots, inputs]``."""
        self._parts.append((begin, period, volts))

    def samples(self, column: int, count: int, sample_seconds: float) -> Floats:
        """Return ``count`` samples of one input."""
        if not self._parts:
            return np.zeros(count, np.float32)
        rows = [np.zeros(1, np.float32)]
        shown = np.zeros(count, np.int64)
        began, first_row = self._parts[0][0], 1
        for begin, period, volts in self._parts:
            shots = len(volts)
            places = _rows_of_samples(
                count, sample_seconds, begin - began, period, self._window_seconds, shots
            )
            # Whatever comes later lies on top of what was held until then.
            started = places >= 0
            shown[started] = np.maximum(places[started] + first_row - 1, 0)
            rows.append(volts[:, column])
            first_row += shots
        record: Floats = np.concatenate(rows)[shown]
        return record


@lru_cache(maxsize=64)
def _rows_of_samples(
    count: int, sample_seconds: float, delay: float, period: float, window: float, shots: int
) -> npt.NDArray[np.int64]:
    """Return how many shots of a firing each sample has seen settle; -1 before the firing."""
    times = np.arange(count) * sample_seconds - delay
    since = times / period + _ROUNDING
    shot = np.floor(since)
    settled = (since - shot) * period >= period - window
    seen = np.where(settled, shot + 1, shot)
    seen = np.where(since < 0, -1, np.minimum(seen, shots)).astype(np.int64)
    seen.setflags(write=False)
    return np.asarray(seen, np.int64)
