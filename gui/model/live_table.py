"""Rows of a run as they come in: committed ones from the store, newer ones as they are heard.

The store is the truth. A row heard early stands provisionally until its commit is announced; one
that never is, is withdrawn. Whatever order batches arrive in, with gaps and repetitions, what is
shown is a beginning of what was written, without a hole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gui.model.pyramid import Envelope, Pyramid
from gui.model.smoothing import Smoothing

Floats = npt.NDArray[np.float64]

_MOST_PENDING = 256


class LiveTable:
    """Rows of numbers with named columns, growing at the end.

    Parameters
    ----------
    columns, units
        A name and a unit (``""`` if it has none) for each column.
    """

    def __init__(self, columns: Sequence[str] = (), units: Sequence[str] = ()) -> None:
        self.columns = tuple(columns)
        self.units = dict(zip(columns, units, strict=True))
        self.committed = 0
        """How many rows the disk holds, as far as is known."""
        self._room = np.empty((len(self.columns), 1024))
        self._length = 0
        self._pending: dict[int, Floats] = {}
        self._pyramids: dict[tuple[str, float], Pyramid] = {}
        self._smoothed: dict[tuple[str, float], Smoothing] = {}
        self._measured: dict[str, tuple[int, LiveTable]] = {}

    def __len__(self) -> int:
        """Return how many rows are shown, provisional ones included."""
        return self._length

    def __contains__(self, column: object) -> bool:
        return column in self.columns

    def __getitem__(self, column: str) -> Floats:
        """Return a column ``[n]``; a view that is valid until rows are added."""
        return self._room[self.columns.index(column), : self._length]

    @property
    def provisional(self) -> int:
        """How many of the rows shown are not known to be on the disk."""
        return max(self._length - self.committed, 0)

    @property
    def gap(self) -> tuple[int, int] | None:
        """Rows that were missed, first and one after the last, or ``None``."""
        return (self._length, min(self._pending)) if self._pending else None

    def row(self, index: int) -> dict[str, float]:
        """Return one row by the names of its columns."""
        values = self._room[:, : self._length][:, index]
        return dict(zip(self.columns, values.tolist(), strict=True))

    def rows(self) -> Floats:
        """Return every row ``[n, columns]``."""
        return self._room[:, : self._length].T

    # Filling --------------------------------------------------------------------------------------

    def fill(self, first: int, rows: Floats) -> bool:
        """Put rows ``[n, columns]`` the store vouches for; return whether anything changed.

        ``first`` is at most the number of rows shown.
        """
        last = first + len(rows)
        self.committed = max(self.committed, last)
        overlap = min(self._length, last) - first
        changed = last > self._length
        if overlap > 0:
            held = self._room[:, first : first + overlap]
            if not np.array_equal(held, rows[:overlap].T, equal_nan=True):
                # Never so far as is known; if it is, the store is right.
                self._truncate(first)
                overlap, changed = 0, True
        self._append(rows[max(overlap, 0) :])
        return self._take_pending() or changed

    def hear(self, first: int, rows: Floats, committed: int) -> bool:
        """Put rows that were published; return whether anything changed."""
        before = self.committed
        self.committed = max(self.committed, committed)
        if rows.shape[1:] != (len(self.columns),):
            return self.committed != before
        if first > self._length and len(rows):
            self._pending[first] = rows
            while len(self._pending) > _MOST_PENDING:
                del self._pending[max(self._pending)]
            return self.committed != before
        new = rows[self._length - first :]
        self._append(new)
        return self._take_pending() or len(new) > 0 or self.committed != before

    def withdraw(self) -> bool:
        """Forget every row that was never committed; return whether there was any."""
        self._pending.clear()
        if self.provisional == 0:
            return False
        self._truncate(self.committed)
        return True

    def clear(self) -> None:
        """Forget everything, as after a resume."""
        self._pending.clear()
        self.committed = 0
        self._truncate(0)

    def _take_pending(self) -> bool:
        changed = False
        while self._pending and (first := min(self._pending)) <= self._length:
            rows = self._pending.pop(first)[self._length - first :]
            self._append(rows)
            changed = changed or len(rows) > 0
        return changed

    def _append(self, rows: Floats) -> None:
        needed = self._length + len(rows)
        if needed > self._room.shape[1]:
            room = np.empty((len(self.columns), max(needed, 2 * self._room.shape[1])))
            room[:, : self._length] = self._room[:, : self._length]
            self._room = room
        self._room[:, self._length : needed] = rows.T
        self._length = needed

    def _truncate(self, length: int) -> None:
        self._length = min(self._length, length)
        # A filter has no way back: what was smoothed is smoothed anew.
        self._smoothed.clear()
        self._measured.clear()
        self._pyramids = {key: kept for key, kept in self._pyramids.items() if not key[1]}
        for pyramid in self._pyramids.values():
            pyramid.truncate(self._length)

    # Looking --------------------------------------------------------------------------------------

    def measured(self, column: str) -> LiveTable:
        """Return the rows in which a column holds a number, as a table that is kept up to date.

        For what is measured now and then: NaN between two measurements is no gap.
        """
        if column not in self._measured:
            self._measured[column] = 0, LiveTable(self.columns, tuple(self.units.values()))
        seen, found = self._measured[column]
        if seen < self._length:
            new = self._room[:, seen : self._length]
            found._append(new[:, np.isfinite(new[self.columns.index(column)])].T)
            self._measured[column] = self._length, found
        return found

    def smoothed(self, column: str, weight: float) -> Floats:
        """Return a column smoothed over all of it (see ``smoothing``)."""
        if not weight:
            return self[column]
        key = (column, weight)
        if key not in self._smoothed:
            for other in [one for one in self._smoothed if one[0] == column]:
                del self._smoothed[other]
                self._pyramids.pop(other, None)
            self._smoothed[key] = Smoothing(weight)
        return self._smoothed[key].extend(self[column])

    def envelope(
        self, column: str, start: int, stop: int, pixels: int, smoothing: float = 0.0
    ) -> Envelope:
        """Return a column's extremes between two rows, in one to two bins a pixel."""
        values = self.smoothed(column, smoothing)
        pyramid = self._pyramids.setdefault((column, smoothing), Pyramid())
        pyramid.extend(values)
        return pyramid.envelope(values, start, stop, pixels)
