"""Records of digitisers cut into shots by the sample clock.

A digitiser takes one record from the first trigger on and samples by its own clock; shots follow
each other at the bench's shot period. What belongs to a shot is known from when it was sampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instruments.errors import InstrumentError


@dataclass(frozen=True, slots=True)
class ShotWindow:
    """When in each shot its light is measured.

    Parameters
    ----------
    period_seconds
        From one shot to the next.
    begin_seconds, end_seconds
        Of the window, from the shot's trigger on.
    """

    period_seconds: float
    begin_seconds: float
    end_seconds: float


def shot_means(
    record: npt.NDArray[np.generic],
    first_sample_seconds: float,
    sample_seconds: float,
    shots: int,
    window: ShotWindow,
    name: str,
) -> npt.NDArray[np.float64]:
    """Return the mean of a record's samples in the window of each shot, ``[shots]``.

    Parameters
    ----------
    record
        Samples, of any real type.
    first_sample_seconds
        When the first one was taken, from the first trigger on.
    sample_seconds
        From one sample to the next.
    shots
        How many there are.
    window
        When in each shot is measured. A sample counts if all its time lies in it.
    name
        The instrument's, for messages.

    Raises
    ------
    InstrumentError
        If a window holds no sample, or the record ends too early.
    """
    starts = window.period_seconds * np.arange(shots) + window.begin_seconds
    ends = starts + (window.end_seconds - window.begin_seconds)
    half = 0.5 * sample_seconds
    # A part in a million of a sample, so that rounding never decides.
    slack = 1e-6
    first = np.ceil((starts + half - first_sample_seconds) / sample_seconds - slack)
    last = np.floor((ends - half - first_sample_seconds) / sample_seconds + slack) + 1
    begins, stops = first.astype(np.int64), last.astype(np.int64)
    counts = stops - begins
    if counts.min() < 1 or begins[0] < 0:
        raise InstrumentError(
            f"{name}: a window of {window.end_seconds - window.begin_seconds:g} s holds no sample "
            f"at {sample_seconds:g} s each; sample faster or measure longer"
        )
    if stops[-1] > len(record):
        raise InstrumentError(
            f"{name}: its record has {len(record)} samples of {sample_seconds:g} s; {shots} shots "
            f"every {window.period_seconds:g} s need {stops[-1]}: sample more slowly"
        )
    edges = np.stack([begins, stops], axis=1).ravel()
    wide = record.astype(np.float64)
    if edges[-1] == len(wide):
        edges = edges[:-1]
    sums = np.add.reduceat(wide, edges)[::2]
    return np.asarray(sums / counts, np.float64)
